/**
 * Checks one chain of an audit log from its first line to its last.
 *
 * @module
 */
import { verify } from "../crypto/ed25519.ts";
import { fileName, listFiles } from "./folder.ts";
import { type Head, readHead } from "./head.ts";
import { NO_HASH, splitSigned } from "./line.ts";
import { Links, type PlacedLine } from "./links.ts";
import { readRawLines } from "./raw_lines.ts";
import { type ChainReport, Problems } from "./report.ts";

/** What a chain says of the others: how far they were signed when a host began to write it. */
export interface NamedChain {
  /** The number of the other chain. */
  readonly chain: number;
  /** The line up to which it was signed. */
  readonly seq: number;
}

/** Holds what a chain was found to be. */
export interface CheckedChain {
  /** For the caller. */
  readonly report: ChainReport;
  /** What it says of other chains, under a good signature. */
  readonly named: readonly NamedChain[];
}

interface Signed {
  readonly line: PlacedLine;
  readonly seq: number;
  readonly covers: number;
}

interface Retention {
  readonly recordedAt: number;
  readonly firstSeq: number;
  readonly before: string;
}

const MAX_KEPT = 10_000;

/**
 * Checks a chain.
 *
 * @param dir Its folder.
 * @param chain Its number.
 * @param publicKey The key that must have signed it; `undefined` when there is none.
 * @param signal Ends the check.
 */
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
  #head: Head | undefined;
  #id: string | undefined;
  #lines = 0;
  #first: PlacedLine | undefined;
  #startSeq = 1;
  #to: string | undefined;
  #atHead: PlacedLine | undefined;
  #unchecked: PlacedLine[] = [];
  #signed: Signed | undefined;
  #checkpoints = 0;
  #highestCovered: Signed | undefined;
  #keyIds = new Set<string>();
  #retentions: Retention[] = [];
  #named: { at: number; chains: NamedChain[] }[] = [];
  #repairedAt: number[] = [];
  #notWritten = 0;

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
  }

  async run(): Promise<CheckedChain> {
    // the head first: a host that writes meanwhile only adds lines after it
    await this.#readHead();
    const files = await listFiles(this.#dir);
    const links = await this.#readLines(files);
    this.#checkStart(files);
    this.#checkEnd(links);
    const signedSeq = Math.max(this.#signed?.seq ?? 0, this.#goodHeadSeq());
    const report: ChainReport = {
      chain: this.#chain,
      id: this.#id,
      files: files.map(fileName),
      lines: this.#lines,
      fromSeq: this.#first?.parsed?.seq ?? 0,
      toSeq: links.lastSeq,
      from: this.#first?.parsed?.time,
      to: this.#to,
      signedSeq,
      checkpoints: this.#checkpoints,
      keyIds: [...this.#keyIds],
      retainedFrom: this.#retention()?.firstSeq,
      repairedAt: this.#repairedAt,
      notWritten: this.#notWritten,
      problems: this.#problems.list,
      problemCount: this.#problems.count,
    };
    const named = this.#named.filter(({ at }) => at <= signedSeq).flatMap(({ chains }) => chains);
    return { report, named };
  }

  async #readHead(): Promise<void> {
    if (this.#publicKey === undefined) return;
    const head = await readHead(this.#dir, this.#publicKey);
    if (!("problem" in head)) {
      this.#head = head;
      this.#id = head.chain;
      this.#keyIds.add(head.key);
      return;
    }
    const kind = head.problem === "missing"
      ? "head-missing"
      : head.problem === "unreadable"
      ? "head-edited"
      : "bad-signature";
    const what = head.problem === "bad-signature"
      ? "was not signed by the log's key: it was edited, or comes from elsewhere"
      : head.problem === "missing"
      ? "is missing: lines may have been cut off the end"
      : "is not what a host writes";
    this.#problems.add({ kind, file: "head.json", message: `head.json ${what}` });
  }

  async #readLines(files: readonly number[]): Promise<Links> {
    let links: Links | undefined;
    for (const number of files) {
      const file = fileName(number);
      for await (const batch of readRawLines(`${this.#dir}/${file}`, 0, this.#signal)) {
        for (const raw of batch) {
          const line = { ...raw, file };
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
        await this.#checkSignatures();
      }
    }
    links ??= this.#startLinks(this.#first, undefined);
    links.finish();
    await this.#checkSignatures();
    return links;
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
    const links = new Links(start, this.#problems, (accepted) => this.#accept(accepted));
    if (first !== undefined) links.push(first);
    return links;
  }

  #accept(line: PlacedLine): void {
    const { seq, type, time, fields } = line.parsed!;
    this.#to = time;
    if (seq === this.#head?.seq) this.#atHead = line;
    if (type === "checkpoint") this.#unchecked.push(line);
    if (type === "retention" && this.#retentions.length < MAX_KEPT) {
      const { firstSeq, before } = fields;
      if (Number.isSafeInteger(firstSeq) && typeof before === "string") {
        this.#retentions.push({ recordedAt: seq, firstSeq: firstSeq as number, before });
      }
    }
    if (type === "repaired" && this.#repairedAt.length < MAX_KEPT) this.#repairedAt.push(seq);
    if ((type === "lost" || type === "suppressed") && Number.isSafeInteger(fields.count)) {
      this.#notWritten += fields.count as number;
    }
    if (type === "started" && Array.isArray(fields.chains) && this.#named.length < MAX_KEPT) {
      const chains = fields.chains.filter((named: NamedChain) =>
        Number.isSafeInteger(named?.chain) && Number.isSafeInteger(named?.seq)
      );
      this.#named.push({ at: seq, chains });
    }
  }

  async #checkSignatures(): Promise<void> {
    for (const line of this.#unchecked.splice(0)) {
      const { seq, fields } = line.parsed!;
      if (typeof fields.key === "string" && this.#keyIds.size < 100) this.#keyIds.add(fields.key);
      if (this.#publicKey === undefined) continue;
      // without a head the first checkpoint says which chain this is
      const chain = this.#id ?? String(fields.chain);
      const signed = splitSigned("checkpoint", chain, line.text);
      const covers = Number.isSafeInteger(fields.covers) ? fields.covers as number : 0;
      if (
        signed === undefined || fields.chain !== chain ||
        !await verify(signed.signature, signed.message, this.#publicKey)
      ) {
        if (!this.#problems.has(line.file, line.number)) {
          this.#problems.add({
            kind: "bad-signature",
            file: line.file,
            line: line.number,
            seq,
            message: `Line ${line.number} of ${line.file}: the checkpoint's signature does not ` +
              "verify: it, or lines before it, were changed",
          });
        }
        continue;
      }
      this.#id = chain;
      this.#checkpoints++;
      this.#signed = { line, seq, covers };
      if (covers >= (this.#highestCovered?.covers ?? 0)) this.#highestCovered = this.#signed;
    }
  }

  #goodHeadSeq(): number {
    return this.#atHead !== undefined && this.#atHead.hash === this.#head?.hash
      ? this.#head.seq
      : 0;
  }

  /** The last record of retention that a signature reaches: anyone could add one after that. */
  #retention(): Retention | undefined {
    const reach = Math.max(this.#signed?.seq ?? 0, this.#goodHeadSeq());
    return this.#retentions.findLast(({ recordedAt }) => recordedAt <= reach);
  }

  #checkStart(files: readonly number[]): void {
    const first = this.#first;
    const seq = this.#startSeq;
    if (first !== undefined && seq > 1 && !this.#problems.has(first.file, first.number)) {
      const retention = this.#retention();
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
    for (let index = 1; index < files.length; index++) {
      if (files[index] === files[index - 1]! + 1) continue;
      const missing = fileName(files[index - 1]! + 1);
      this.#problems.add({ kind: "removed", file: missing, message: `${missing} is missing` });
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
    const covered = this.#highestCovered;
    if (covered !== undefined && covered.covers > head.seq) {
      const { file, number } = covered.line;
      this.#problems.add({
        kind: "head-older",
        file: "head.json",
        seq: head.seq,
        message:
          `head.json is of line ${head.seq}, older than line ${covered.covers}, which line ` +
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
        "while it wrote (the next start repairs that), or the file was cut",
    });
  }
}
