/**
 * Appends lines to one chain: whole lines, file after file, and a signed position that follows them.
 *
 * @module
 */
import { fileName, listFiles, syncFolder } from "./folder.ts";
import { type Position, writeHead } from "./head.ts";
import { formatLine, hashLine, MAX_LINE_BYTES, parseLine, signJson } from "./line.ts";
import type { SigningKey } from "./signing_key.ts";

/** Options of {@linkcode ChainWriter}. */
export interface ChainWriterOptions {
  /** The folder of the chain; its lock is held. */
  readonly dir: string;
  /** The random id of the chain. */
  readonly chain: string;
  /** The key of the log. */
  readonly key: SigningKey;
  /** Where the chain ends. */
  readonly end: Position;
  /** The number of the line that `head.json` stands at. */
  readonly headSeq: number;
  /** How large a file may become, in bytes. */
  readonly maxFileBytes: number;
  /** How many files are kept; all of them without. */
  readonly keepFiles: number | undefined;
  /** The clock. */
  readonly now: () => Date;
}

/** What a checkpoint line takes at most. */
const CHECKPOINT_BYTES = 600;
/** How far a file may grow beyond its bound before the next try, when no new file can be made. */
const ROTATE_AGAIN_BYTES = 1_048_576;

/** How many full files may wait for the disk. */
const MAX_FULL = 8;

const encoder = new TextEncoder();

interface FullFile {
  readonly number: number;
  readonly file: Deno.FsFile;
}

/** Writes one chain. Nobody else writes there while it has the lock. */
export class ChainWriter {
  readonly #options: ChainWriterOptions;
  #file: Deno.FsFile;
  #end: Position;
  #torn = false; // a write failed half-way, and what it left could not be cut off
  #rotateAt: number;
  #full: FullFile[] = []; // not yet on the disk
  #syncing: Deno.FsFile | undefined;
  #headSeq: number;
  #checkpointSeq = 0;
  #obsolete: { before: number; recordedAt: number } | undefined;

  private constructor(options: ChainWriterOptions, file: Deno.FsFile) {
    this.#options = options;
    this.#file = file;
    this.#end = options.end;
    this.#headSeq = options.headSeq;
    this.#rotateAt = options.maxFileBytes;
  }

  /** Opens the last file of the chain, or makes the first. */
  static async open(options: ChainWriterOptions): Promise<ChainWriter> {
    const path = `${options.dir}/${fileName(options.end.file)}`;
    const file = await Deno.open(path, { append: true, create: true, mode: 0o600 });
    return new ChainWriter(options, file);
  }

  /** The number of the last line. */
  get seq(): number {
    return this.#end.seq;
  }

  /** How many lines follow the last checkpoint of this writer. */
  get sinceCheckpoint(): number {
    return this.#end.seq - this.#checkpointSeq;
  }

  /** The number of the line that `head.json` stands at. */
  get headSeq(): number {
    return this.#headSeq;
  }

  /**
   * Appends a line, in the next file when this one is full.
   *
   * @param type The type.
   * @param fields The fields, bounded already.
   * @returns How many bytes it took.
   * @throws When it cannot be written; then nothing of it is left in the file.
   */
  write(type: string, fields: object): number {
    let line = this.#format(type, fields);
    const { offset } = this.#end;
    if (offset > 0 && offset + line.length + CHECKPOINT_BYTES > this.#rotateAt) {
      this.#rotate();
      line = this.#format(type, fields);
    }
    if (line.length > MAX_LINE_BYTES) line = this.#format(type, { unreadable: true });
    this.#append(line);
    return line.length + 1;
  }

  /** Appends a signed line: nothing before it can be changed any more without its being seen. */
  writeCheckpoint(): void {
    const { chain, key } = this.#options;
    const fields = { chain, covers: this.#headSeq, key: key.id };
    const json = new TextDecoder().decode(this.#format("checkpoint", fields));
    this.#append(encoder.encode(signJson("checkpoint", chain, json, key.sign)));
    this.#checkpointSeq = this.#end.seq;
  }

  /** Waits until all lines so far are on the disk, then moves `head.json` to the last of them. */
  async persist(): Promise<void> {
    const { dir, chain, key, now } = this.#options;
    const position = this.#end;
    const file = this.#file;
    if (position.seq === this.#headSeq) return;
    for (let full; (full = this.#full[0]) !== undefined && full.number < position.file;) {
      await this.#sync(full.file);
      this.#release(full);
    }
    // a rotation meanwhile may have closed it, and that was after it was on the disk
    const open = file === this.#file || this.#full.some((full) => full.file === file);
    if (open) await this.#sync(file);
    await writeHead(dir, { ...position, chain, time: now().toISOString() }, key);
    this.#headSeq = position.seq;
    await this.#removeObsolete();
  }

  /** Closes the files without writing anything. */
  close(): void {
    for (const { file } of this.#full.splice(0)) file.close();
    this.#file.close();
  }

  #format(type: string, fields: object): Uint8Array {
    return formatLine(this.#end, this.#options.now(), type, fields);
  }

  #append(line: Uint8Array): void {
    const bytes = new Uint8Array(line.length + 1);
    bytes.set(line);
    bytes[line.length] = 10;
    if (this.#torn) this.#cut();
    try {
      for (let rest = bytes; rest.length > 0;) {
        const written = this.#file.writeSync(rest);
        if (written === 0) throw new Error("nothing was written");
        rest = rest.subarray(written);
      }
    } catch (error) {
      this.#torn = true;
      try {
        this.#cut();
      } catch {
        // again before the next write, and otherwise the next start repairs it
      }
      throw error;
    }
    const { seq, file, offset } = this.#end;
    this.#end = { seq: seq + 1, hash: hashLine(line), file, offset: offset + bytes.length };
  }

  #cut(): void {
    this.#file.truncateSync(this.#end.offset);
    this.#torn = false;
  }

  #rotate(): void {
    const { dir, maxFileBytes } = this.#options;
    const next = this.#end.file + 1;
    let file: Deno.FsFile;
    try {
      // files fill faster than the disk takes them: wait for it rather than hold ever more of them open
      if (this.#full.length >= MAX_FULL) this.#syncNow();
      if (this.#torn) this.#cut();
      if (this.#checkpointSeq !== this.#end.seq) this.writeCheckpoint();
      const path = `${dir}/${fileName(next)}`;
      file = Deno.openSync(path, { append: true, createNew: true, mode: 0o600 });
    } catch {
      // no room for a new file: better a long file than no line
      this.#rotateAt = this.#end.offset + ROTATE_AGAIN_BYTES;
      return;
    }
    this.#full.push({ number: this.#end.file, file: this.#file });
    this.#file = file;
    this.#end = { ...this.#end, file: next, offset: 0 };
    this.#rotateAt = maxFileBytes;
    this.#recordRetention();
  }

  async #sync(file: Deno.FsFile): Promise<void> {
    this.#syncing = file;
    try {
      await file.syncData();
    } finally {
      this.#syncing = undefined;
    }
  }

  #syncNow(): void {
    for (const full of [...this.#full]) {
      if (full.file === this.#syncing) continue; // on its way already
      full.file.syncDataSync();
      this.#release(full);
    }
  }

  #release(full: FullFile): void {
    this.#full.splice(this.#full.indexOf(full), 1);
    full.file.close();
  }

  /** Says which files go before any of them does: else whoever removed one could say it was us. */
  #recordRetention(): void {
    const { dir, keepFiles } = this.#options;
    if (keepFiles === undefined) return;
    const first = this.#end.file - keepFiles + 1;
    if (first <= 1) return;
    const line = readFirstLine(`${dir}/${fileName(first)}`);
    if (line === undefined) return; // damaged: evidence is not removed
    this.write("retention", { first: fileName(first), firstSeq: line.seq, before: line.prev });
    this.#obsolete = { before: first, recordedAt: this.#end.seq };
  }

  async #removeObsolete(): Promise<void> {
    if (this.#obsolete === undefined || this.#obsolete.recordedAt > this.#headSeq) return;
    const { before } = this.#obsolete;
    this.#obsolete = undefined;
    const { dir } = this.#options;
    // the oldest first: what a crash leaves is still one piece
    for (const number of await listFiles(dir)) {
      if (number < before) await Deno.remove(`${dir}/${fileName(number)}`);
    }
    await syncFolder(dir);
  }
}

function readFirstLine(path: string): { seq: number; prev: string } | undefined {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(MAX_LINE_BYTES + 1);
    let length = 0;
    for (let read; (read = file.readSync(bytes.subarray(length))) !== null && read > 0;) {
      length += read;
    }
    const end = bytes.subarray(0, length).indexOf(10);
    return end === -1 ? undefined : parseLine(bytes.subarray(0, end));
  } catch {
    return undefined;
  }
}
