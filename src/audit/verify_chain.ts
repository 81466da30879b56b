/**
 * Checks one chain of an audit log from its first line to its last.
 *
 * @module
 */
import { escapeText } from "../errors.ts";
import { fileName, listFiles } from "./folder.ts";
import { type Head, type NamedChain, readHead } from "./head.ts";
import { NO_HASH, SIGNED_TYPES } from "./line.ts";
import { Links, type PlacedLine } from "./links.ts";
import { readRawLines } from "./raw_lines.ts";
import { type AuditProblemKind, type ChainReport, Problems } from "./report.ts";
import { Vouched } from "./vouched.ts";

/** Holds what a chain was found to be. */
export interface CheckedChain {
  /** For the caller. */
  readonly report: ChainReport;
  /** What it says of other chains, under a good signature, and where. */
  readonly named: readonly { readonly at: number; readonly chains: readonly NamedChain[] }[];
  /** The hashes of its signed lines. */
  readonly hashes: ReadonlyMap<number, string>;
}

const MAX_NOTES = 100;

/** Checks a chain; without a key, signatures are not looked at. */
export async function verifyChain(
  dir: string,
  chain: number,
  publicKey: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<CheckedChain> {
  return await new ChainCheck(dir, chain, publicKey, signal).run();
}

class ChainCheck {
  readonly #dir: string;
  readonly #chain: number;
  readonly #publicKey: Uint8Array | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #problems: Problems;
  readonly #vouched: Vouched;
  #head: Head | undefined;
  #lines = 0;
  #first: PlacedLine | undefined;
  #startSeq = 1;
  #atHead: PlacedLine | undefined;
  #accepted: PlacedLine[] = [];
  #begins: PlacedLine[] = [];
  #to: string | undefined;

  constructor(
    dir: string,
    chain: number,
    publicKey: Uint8Array | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#dir = dir;
    this.#chain = chain;
    this.#publicKey = publicKey;
    this.#signal = signal;
    this.#problems = new Problems(chain);
    this.#vouched = new Vouched(chain, publicKey, this.#problems);
  }

  async run(): Promise<CheckedChain> {
    // the head first: a host that writes meanwhile only adds lines after it
    const isOld = !await this.#readHead();
    const { numbers, others } = await listFiles(this.#dir);
    for (const name of others) {
      this.#tell("unexpected", name, "is nothing that a host makes here");
    }
    const files = isOld ? [] : numbers;
    const links = await this.#readLines(files);
    this.#checkBegins();
    this.#checkStart(files);
    this.#checkEnd(links);
    const { id, signed, closed, checkpoints, keyIds, retention, takenOver, notWritten, named } =
      this.#vouched;
    const notes = this.#vouched.notes();
    const report: ChainReport = {
      chain: this.#chain,
      id,
      files: numbers.map(fileName),
      lines: this.#lines,
      fromSeq: this.#first?.parsed?.seq ?? 0,
      toSeq: links.lastSeq,
      from: this.#first?.parsed?.time,
      to: this.#to,
      signedSeq: signed?.parsed?.seq ?? 0,
      checkpoints,
      closed,
      keyIds: [...keyIds],
      retainedFrom: retention?.firstSeq,
      takenOver,
      notWritten,
      notes: notes.length <= MAX_NOTES
        ? notes
        : [...notes.slice(0, MAX_NOTES), `and ${notes.length - MAX_NOTES} more`],
      problems: this.#problems.list,
      problemCount: this.#problems.count,
    };
    return { report, named, hashes: this.#vouched.hashes };
  }

  /** Gives whether the chain can be checked at all. */
  async #readHead(): Promise<boolean> {
    if (this.#publicKey === undefined) return true;
    const head = await readHead(this.#dir, this.#chain, this.#publicKey);
    if ("problem" in head) {
      this.#tell(head.problem, "head.json", head.text);
      return head.problem !== "old-format";
    }
    this.#head = head;
    this.#vouched.id = head.chain;
    this.#vouched.keyIds.add(head.key);
    return true;
  }

  async #readLines(files: readonly number[]): Promise<Links> {
    let links: Links | undefined;
    const empties: number[] = [];
    for (const number of files) {
      const file = fileName(number);
      let empty = true;
      try {
        for await (const batch of readRawLines(`${this.#dir}/${file}`, 0, this.#signal)) {
          for (const raw of batch) {
            const line = { ...raw, file };
            if (empty) this.#begins.push(line);
            empty = false;
            if (!raw.whole) {
              this.#tellTorn(line);
              continue;
            }
            this.#lines++;
            if (this.#first === undefined) {
              this.#first = line;
              continue;
            }
            links ??= this.#startLinks(this.#first, line);
            links.push(line);
          }
          await this.#takeAccepted();
        }
      } catch (error) {
        const gone = error instanceof Deno.errors.NotFound || this.#signal?.aborted;
        if (gone || !(error instanceof Error)) throw error;
        this.#tell("unreadable", file, `cannot be read: ${error.message}`);
        empty = false;
      }
      if (empty) empties.push(number);
    }
    links ??= this.#startLinks(this.#first, undefined);
    links.finish();
    await this.#takeAccepted();
    for (const number of empties) {
      // one may have been begun by a host that was killed before its first line
      const begun = number === files.at(-1) && !this.#vouched.closed;
      if (!begun) this.#tell("inserted", fileName(number), "is empty");
    }
    return links;
  }

  /** A file begins with a signed line: else lines were moved over its edge. */
  #checkBegins(): void {
    for (const { file, number, parsed, whole } of this.#begins) {
      if (!whole || parsed === undefined || SIGNED_TYPES.has(parsed.type)) continue;
      if (this.#problems.has(file, number)) continue;
      const message = `Line ${number} of ${file}: it is not the one that this file began with`;
      this.#problems.add({ kind: "reordered", file, line: number, seq: parsed.seq, message });
    }
  }

  /**
   * Starts with the number of the first line that is there: retention may have removed what was before
   * it, which is checked at the end. The second line knows when the first one's number was changed.
   */
  #startLinks(first: PlacedLine | undefined, second: PlacedLine | undefined): Links {
    const named = first?.parsed?.seq;
    const next = second?.parsed?.seq;
    if (first === undefined || first.file === fileName(1)) this.#startSeq = 1;
    else if (next !== undefined && next > 1 && (named ?? next) >= next) this.#startSeq = next - 1;
    else this.#startSeq = named ?? 1;
    const start = { seq: this.#startSeq - 1, hash: this.#startSeq === 1 ? NO_HASH : undefined };
    const links = new Links(start, this.#problems, (accepted) => {
      this.#to = accepted.parsed!.time;
      if (accepted.parsed!.seq === this.#head?.seq) this.#atHead = accepted;
      this.#accepted.push(accepted);
    });
    if (first !== undefined) links.push(first);
    return links;
  }

  async #takeAccepted(): Promise<void> {
    for (const line of this.#accepted.splice(0)) await this.#vouched.take(line);
  }

  #checkStart(files: readonly number[]): void {
    const first = this.#first;
    const seq = this.#startSeq;
    const { retention } = this.#vouched;
    if (first !== undefined && seq > 1 && !this.#problems.has(first.file, first.number)) {
      // a crash may have left some of what was to go
      const legal = retention !== undefined &&
        (seq < retention.firstSeq ||
          (seq === retention.firstSeq && first.parsed?.prev === retention.before));
      if (!legal) {
        const from = retention?.firstSeq ?? 1;
        this.#problems.add({
          kind: "removed",
          file: first.file,
          line: first.number,
          seq: from,
          message:
            `Before line ${first.number} of ${first.file}: lines ${from} to ${seq - 1} are ` +
            "missing, and no signed line says that retention removed them",
        });
      }
    }
    if (seq === 1 && files[0] !== undefined && files[0] > 1) {
      this.#tell("removed", fileName(1), "is missing");
    }
    for (let index = 1; index < files.length; index++) {
      if (files[index] === files[index - 1]! + 1) continue;
      this.#tell("removed", fileName(files[index - 1]! + 1), "is missing");
    }
  }

  #checkEnd(links: Links): void {
    const head = this.#head;
    if (head === undefined) return;
    const last = links.lastLine;
    if (head.seq > links.lastSeq) {
      const from = links.lastSeq + 1;
      const what = from === head.seq
        ? `line ${from} is missing`
        : `lines ${from} to ${head.seq} are missing`;
      this.#problems.add({
        kind: "truncated",
        file: last?.file ?? fileName(head.file),
        ...(last === undefined ? {} : { line: last.number }),
        seq: from,
        message: `At the end of ${last?.file ?? fileName(head.file)}: ${what}, by head.json`,
      });
    } else if (head.seq > 0 && this.#atHead?.hash !== head.hash) {
      const at = this.#atHead;
      if (at !== undefined && !this.#problems.has(at.file, at.number)) {
        this.#problems.add({
          kind: "edited",
          file: at.file,
          line: at.number,
          seq: head.seq,
          message:
            `Line ${at.number} of ${at.file}: it is not the line that head.json was signed for`,
        });
      }
    }
    const { closed, covering, signed } = this.#vouched;
    if (closed && head.seq < signed!.parsed!.seq) {
      const { file, number } = signed!;
      this.#problems.add({
        kind: "head-older",
        file: "head.json",
        seq: head.seq,
        message:
          `head.json is of line ${head.seq}, older than the end of the run in line ${number} ` +
          `of ${file}: an older one was put in its place, or the host was killed while it ended`,
      });
    } else if (covering !== undefined && covering.covers > head.seq) {
      const { file, number } = covering.line;
      this.#problems.add({
        kind: "head-older",
        file: "head.json",
        seq: head.seq,
        message:
          `head.json is of line ${head.seq}, older than line ${covering.covers}, which line ` +
          `${number} of ${file} says it had reached: an older one was put in its place`,
      });
    }
  }

  #tellTorn({ file, number, bytes }: PlacedLine): void {
    this.#problems.add({
      kind: "torn",
      file,
      line: number,
      message: `Line ${number} of ${file}: it has no end after ${bytes} bytes: a host was killed ` +
        "while it wrote (the next start cuts that off and tells of it), or the file was cut",
    });
  }

  #tell(kind: AuditProblemKind, file: string, what: string): void {
    this.#problems.add({ kind, file, message: `${escapeText(file)} ${escapeText(what)}` });
  }
}
