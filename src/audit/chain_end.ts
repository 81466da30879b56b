/**
 * Finds where a chain ends, so that a host can go on writing there, and what of it nobody has signed.
 *
 * @module
 */
import { fileName, listFiles } from "./folder.ts";
import { type Head, type Position, readHead } from "./head.ts";
import { isSigned, MAX_LINE_BYTES, SIGNED_TYPES } from "./line.ts";
import { type RawLine, readRawLines } from "./raw_lines.ts";

/** What a run that was killed left without a signature: it may be what the host wrote, or not. */
export interface TakenOver {
  /** The number of the first of these lines. */
  readonly from: number;
  /** How many there are. */
  readonly lines: number;
  /** The hash of the last. */
  readonly hash: string;
}

/** Bytes after the last whole line: of one that was being written, or added. */
export interface Torn {
  readonly file: string;
  readonly bytes: number;
  readonly hash: string;
  readonly text: string;
}

/** Tells where a chain ends. */
export interface ChainEnd extends Position {
  readonly head: Head;
  readonly firstFile: number;
  readonly takenOver: TakenOver | undefined;
  readonly torn: Torn | undefined;
}

/** Says why a chain cannot be continued: a next head would cover up what was done to it. */
export interface ChainDamage {
  readonly damage: string;
  /** Whether that is all right: another version wrote it. */
  readonly foreign: boolean;
}

/**
 * Finds the end of a chain: the head's signature, and every line after the head.
 *
 * Lines before the head are not looked at: that takes `verifyAuditLog`, which no start has to wait for.
 */
export async function findChainEnd(
  dir: string,
  number: number,
  publicKey: Uint8Array,
): Promise<ChainEnd | ChainDamage> {
  const head = await readHead(dir, number, publicKey);
  if ("problem" in head) {
    return { damage: `head.json ${head.text}`, foreign: head.problem === "old-format" };
  }
  try {
    return await new EndFinder(dir, head, publicKey).find();
  } catch (error) {
    if (error instanceof Misfit) return { damage: error.message, foreign: false };
    throw error;
  }
}

class Misfit extends Error {}

class EndFinder {
  readonly #dir: string;
  readonly #head: Head;
  readonly #publicKey: Uint8Array;
  #end: Position;
  #closed: boolean;
  #signedSeq: number;
  #torn: Torn | undefined;

  constructor(dir: string, head: Head, publicKey: Uint8Array) {
    this.#dir = dir;
    this.#head = head;
    this.#publicKey = publicKey;
    this.#end = head;
    this.#closed = head.closed;
    this.#signedSeq = head.seq;
  }

  async find(): Promise<ChainEnd> {
    const head = this.#head;
    const { numbers, others } = await listFiles(this.#dir);
    if (others.length > 0) throw new Misfit(`"${others[0]}" is nothing that a host makes`);
    const files = numbers.filter((file) => file >= head.file);
    if (files[0] !== head.file && head.seq > 0) {
      throw new Misfit(`${fileName(head.file)} is missing`);
    }
    for (const file of files) await this.#readFile(file);
    const { seq, hash, file, offset } = this.#end;
    const lines = seq - this.#signedSeq;
    return {
      seq,
      hash,
      file,
      offset,
      head,
      firstFile: numbers[0] ?? 1,
      takenOver: lines === 0 ? undefined : { from: this.#signedSeq + 1, lines, hash },
      torn: this.#torn,
    };
  }

  async #readFile(file: number): Promise<void> {
    const name = fileName(file);
    const isHeads = file === this.#head.file;
    if (this.#torn !== undefined || (!isHeads && file !== this.#end.file + 1)) {
      throw new Misfit(`${name} does not follow the file before it`);
    }
    if (!isHeads && this.#closed) throw new Misfit(`${name} follows the end of a run`);
    this.#end = { ...this.#end, file, offset: isHeads ? this.#head.offset : 0 };
    const path = `${this.#dir}/${name}`;
    if ((await Deno.lstat(path)).size < this.#end.offset) {
      throw new Misfit(`${name} ends before line ${this.#head.seq}`);
    }
    for await (const lines of readRawLines(path, this.#end.offset)) {
      for (const line of lines) await this.#take(line, name);
    }
  }

  async #take(line: RawLine, name: string): Promise<void> {
    const { parsed, hash, bytes, end } = line;
    const { seq } = this.#end;
    if (!line.whole) {
      if (bytes > MAX_LINE_BYTES) throw new Misfit(`${name} ends with ${bytes} bytes of no line`);
      this.#torn = { file: name, bytes, hash, text: line.text };
      return;
    }
    if (parsed === undefined || parsed.seq !== seq + 1 || parsed.prev !== this.#end.hash) {
      throw new Misfit(`${name} has a line after number ${seq} that does not fit`);
    }
    const { type, fields } = parsed;
    const signed = SIGNED_TYPES.has(type);
    if (
      signed &&
      (fields.chainId !== this.#head.chain || !await isSigned("line", line.text, this.#publicKey))
    ) throw new Misfit(`${name} has a line ${seq + 1} that the log's key has not signed`);
    if (this.#closed && type !== "started") {
      throw new Misfit(`${name} has a line ${seq + 1} after the end of a run`);
    }
    this.#end = { ...this.#end, seq: seq + 1, hash, offset: end };
    if (!signed) return;
    this.#signedSeq = seq + 1;
    this.#closed = type === "stopped";
  }
}
