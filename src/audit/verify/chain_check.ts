// Reads one chain of an audit log and checks it: all of it, or what follows its head.
import { fileName, listFiles } from "../chain/folder.ts";
import { type Head, type HeadProblem, type Position, readHead } from "../chain/head.ts";
import { NO_HASH, SIGNED_TYPES } from "../chain/line.ts";
import { Links, type PlacedLine } from "./links.ts";
import { readRawLines } from "../chain/raw_lines.ts";
import { Problems } from "./report.ts";
import { Vouched } from "./vouched.ts";

/** Follows a chain from line to line; what is wrong is in `problems`. */
export class ChainCheck {
  readonly problems: Problems;
  readonly vouched: Vouched;
  readonly notes: string[] = [];
  /** All files that are there. */
  files: readonly number[] = [];
  lines = 0;
  first: PlacedLine | undefined;
  /** The time of the last line, and what follows it without an end. */
  to: string | undefined;
  torn: PlacedLine | undefined;
  /** Where the last whole line ends. */
  end: Omit<Position, "hash">;
  readonly #dir: string;
  readonly #number: number;
  readonly #publicKey: Uint8Array | undefined;
  readonly #signal: AbortSignal | undefined;
  #links: Links | undefined;
  #startSeq = 1;
  #head: Head | undefined;
  #atHead: PlacedLine | undefined;
  #accepted: PlacedLine[] = [];
  #begins: PlacedLine[] = [];

  constructor(dir: string, number: number, publicKey?: Uint8Array, signal?: AbortSignal) {
    this.#dir = dir;
    this.#number = number;
    this.#publicKey = publicKey;
    this.#signal = signal;
    this.problems = new Problems(number);
    this.vouched = new Vouched(number, publicKey, this.problems);
    this.end = { seq: 0, file: 1, offset: 0 };
  }

  /** Checks every line; without a key, signatures are not looked at. */
  async checkAll(): Promise<void> {
    // the head first: a host that writes meanwhile only adds lines after it
    const head = await this.readHead();
    await this.#list();
    if (head !== undefined && "problem" in head) {
      this.problems.inFile(head.problem, "head.json", head.text);
      if (head.problem === "old-format") return;
    } else if (head !== undefined) {
      this.#head = head;
      this.vouched.id = head.chain;
      this.vouched.keyIds.add(head.key);
    }
    await this.#readLines(this.files);
    this.#checkStart();
    this.#checkEnd();
  }

  /** Checks what follows the head: a start has no time for more. */
  async checkTail(head: Head): Promise<void> {
    await this.#list();
    this.vouched.goOn(head);
    this.end = { seq: head.seq, file: head.file, offset: head.offset };
    this.#links = this.#makeLinks(head);
    const files = this.files.filter((file) => file >= head.file);
    if (head.seq > 0 && files[0] !== head.file) {
      this.problems.inFile("removed", fileName(head.file), "is missing");
    } else await this.#readLines(files, head);
  }

  async readHead(): Promise<Head | HeadProblem | undefined> {
    if (this.#publicKey === undefined) return undefined;
    return await readHead(this.#dir, this.#number, this.#publicKey);
  }

  async #list(): Promise<void> {
    const { numbers, others } = await listFiles(this.#dir);
    this.files = numbers;
    for (const name of others) {
      this.problems.inFile("unexpected", name, "is nothing that a host makes here");
    }
  }

  async #readLines(files: readonly number[], from?: Head): Promise<void> {
    for (const [index, number] of files.entries()) {
      if (index > 0 && number !== files[index - 1]! + 1) {
        this.problems.inFile("removed", fileName(files[index - 1]! + 1), "is missing");
      }
      const empty = await this.#readFile(number, from?.file === number ? from.offset : 0);
      if (!empty) continue;
      if (number !== files.at(-1)) this.problems.inFile("inserted", fileName(number), "is empty");
      else this.notes.push(`${fileName(number)} is empty: a host was killed, or somebody made it`);
    }
    this.#links?.finish();
    await this.#takeAccepted();
    this.#checkBegins();
  }

  /** Returns whether nothing is in the file. */
  async #readFile(number: number, offset: number): Promise<boolean> {
    const file = fileName(number);
    let empty = offset === 0;
    this.end = { ...this.end, file: number, offset };
    try {
      if ((await Deno.lstat(`${this.#dir}/${file}`)).size < offset) {
        this.problems.inFile("truncated", file, "ends before the line that head.json names");
      }
      for await (const batch of readRawLines(`${this.#dir}/${file}`, offset, this.#signal)) {
        for (const raw of batch) {
          const line = { ...raw, file };
          if (empty) this.#begins.push(line);
          empty = false;
          if (raw.whole) this.#push(line);
          else this.#tellTorn(line);
        }
        await this.#takeAccepted();
      }
    } catch (error) {
      const gone = error instanceof Deno.errors.NotFound || this.#signal?.aborted;
      if (gone || !(error instanceof Error)) throw error;
      this.problems.inFile("unreadable", file, `cannot be read: ${error.message}`);
      return false;
    }
    return empty;
  }

  #push(line: PlacedLine): void {
    this.lines++;
    this.end = { ...this.end, offset: line.end };
    if (this.#links === undefined) {
      // retention may have removed what was before it, which is checked at the end
      this.first = line;
      this.#startSeq = line.file === fileName(1) ? 1 : line.parsed?.seq ?? 1;
      const hash = this.#startSeq === 1 ? NO_HASH : undefined;
      this.#links = this.#makeLinks({ seq: this.#startSeq - 1, hash });
    }
    this.#links.push(line);
  }

  /** A file begins with a signed line: else lines were moved over its edge. */
  #checkBegins(): void {
    for (const line of this.#begins) {
      const { parsed, whole } = line;
      if (!whole || parsed === undefined || SIGNED_TYPES.has(parsed.type)) continue;
      this.problems.atLine(
        "reordered",
        line,
        parsed.seq,
        "it is not the one that this file began with",
      );
    }
  }

  #makeLinks(start: { readonly seq: number; readonly hash: string | undefined }): Links {
    return new Links(start, this.problems, (line) => {
      this.to = line.parsed!.time;
      this.end = { ...this.end, seq: line.parsed!.seq };
      if (line.parsed!.seq === this.#head?.seq) this.#atHead = line;
      this.#accepted.push(line);
    });
  }

  async #takeAccepted(): Promise<void> {
    for (const line of this.#accepted.splice(0)) await this.vouched.take(line);
  }

  #checkStart(): void {
    const { first, files } = this;
    const seq = this.#startSeq;
    const { retention } = this.vouched;
    if (first !== undefined && seq > 1 && !this.problems.has(first)) {
      // a crash may have left some of what was to go
      const legal = retention !== undefined &&
        (seq < retention.firstSeq ||
          (seq === retention.firstSeq && first.parsed?.prev === retention.before));
      const from = retention?.firstSeq ?? 1;
      const what =
        `lines ${from} to ${seq - 1} are missing, and no signed line says that retention ` +
        "removed them";
      const message = `Before line ${first.number} of ${first.file}: ${what}`;
      if (!legal) this.problems.add("removed", first, from, message);
    }
    if (seq === 1 && files[0] !== undefined && files[0] > 1) {
      this.problems.inFile("removed", fileName(1), "is missing");
    }
  }

  #checkEnd(): void {
    const head = this.#head;
    if (head === undefined) return;
    const { lastLine, lastSeq } = this.#links ?? { lastLine: undefined, lastSeq: 0 };
    if (head.seq > lastSeq) {
      const from = lastSeq + 1;
      const what = from === head.seq
        ? `line ${from} is missing`
        : `lines ${from} to ${head.seq} are missing`;
      const place = lastLine ?? { file: fileName(head.file) };
      const message = `At the end of ${place.file}: ${what}, by head.json`;
      this.problems.add("truncated", place, from, message);
    } else if (this.#atHead !== undefined && this.#atHead.hash !== head.hash) {
      const what = "it is not the line that head.json was signed for";
      this.problems.atLine("edited", this.#atHead, head.seq, what);
    }
    const { closed, covering, signed } = this.vouched;
    if (closed && head.seq < signed!.parsed!.seq) {
      const what =
        `is of line ${head.seq}, older than the end of the run in line ${signed!.number} ` +
        `of ${signed!.file}: an older one was put there, or the host was killed while it ended`;
      this.problems.inFile("head-older", "head.json", what, head.seq);
    } else if (covering !== undefined && covering.covers > head.seq) {
      const { file, number } = covering.line;
      const what = `is of line ${head.seq}, older than line ${covering.covers}, which line ` +
        `${number} of ${file} says it had reached: an older one was put in its place`;
      this.problems.inFile("head-older", "head.json", what, head.seq);
    }
  }

  #tellTorn(line: PlacedLine): void {
    this.torn = line;
    const what =
      `it has no end after ${line.bytes} bytes: a host was killed while it wrote (the next ` +
      "start cuts that off and tells of it), or the file was cut";
    this.problems.atLine("torn", line, undefined, what);
  }
}
