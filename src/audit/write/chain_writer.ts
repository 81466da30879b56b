// Appends lines to one chain: whole lines, file after file, and a signed position that follows them.
import { nodeFs } from "../../node.ts";
import { fileName, openToAppend, syncFolder, writeAll } from "../chain/folder.ts";
import { type Position, writeHead } from "../chain/head.ts";
import {
  formatLine,
  hashLine,
  isSigned,
  MAX_LINE_BYTES,
  type SignedType,
  signJson,
  signJsonLater,
} from "../chain/line.ts";
import { type RawLine, readRawLines } from "../chain/raw_lines.ts";
import type { SigningKey } from "../chain/signing_key.ts";

/** Options of {@linkcode ChainWriter}. */
export interface ChainWriterOptions {
  /** The folder of the chain; its lock is held. */
  readonly dir: string;
  readonly number: number;
  readonly chain: string;
  readonly key: SigningKey;
  /** Where the chain ends; what follows is cut off. */
  readonly end: Position;
  /** The first file that is there. */
  readonly firstFile: number;
  /** The number of the line that `head.json` stands at. */
  readonly headSeq: number;
  readonly maxFileBytes: number;
  readonly keepFiles: number | undefined;
  readonly now: () => Date;
}

/** What was done to a file while a host wrote. */
export interface FileDamage {
  readonly file: string;
  readonly problem: string;
}

/** How far a file may grow beyond its bound before the next try, when no new file can be made. */
const ROTATE_AGAIN_BYTES = 1_048_576;
/** How many full files may wait for the disk. */
const MAX_FULL = 8;
/** How often a signature is begun again because another line came first. */
const MAX_SIGNINGS = 3;

const encoder = new TextEncoder();

/** Writes one run of one chain. Nobody else writes there while it has the lock. */
export class ChainWriter {
  readonly #options: ChainWriterOptions;
  readonly #run = crypto.randomUUID();
  readonly #files = new Set<number>();
  #file: number;
  #end: Position;
  #torn = false; // a write failed half-way, and what it left could not be cut off
  #rotateAt: number;
  #full: Promise<void>[] = []; // not yet on the disk
  #syncing: { readonly file: number; readonly done: Promise<void> } | undefined;
  #headSeq: number;
  #signed: Position & { readonly closed: boolean };
  #obsolete: { readonly before: number; readonly recordedAt: number } | undefined;
  #damage: FileDamage[] = [];
  #blocked = 0; // the file that somebody else has made

  /** Opens the last file of the chain, or makes the first. */
  constructor(options: ChainWriterOptions) {
    const { dir, end, firstFile, headSeq, maxFileBytes } = options;
    this.#options = options;
    this.#end = end;
    this.#signed = { ...end, closed: false };
    this.#headSeq = headSeq;
    this.#rotateAt = maxFileBytes;
    for (let file = firstFile; file <= end.file; file++) this.#files.add(file);
    this.#file = openToAppend(`${dir}/${fileName(end.file)}`, false);
    try {
      if (nodeFs().fstatSync(this.#file).size > end.offset) this.#cut();
    } catch (error) {
      nodeFs().closeSync(this.#file);
      throw error;
    }
  }

  /** The number of the last line. */
  get seq(): number {
    return this.#end.seq;
  }

  /** How many lines follow the last signed one. */
  get unsigned(): number {
    return this.#end.seq - this.#signed.seq;
  }

  /** Whether `head.json` stands at the last signed line. */
  get persisted(): boolean {
    return this.#headSeq === this.#signed.seq;
  }

  /** Appends a line, in the next file when this one is full. */
  write(type: string, fields: object): number {
    let line = this.#format(type, fields);
    if (!this.#fits(line) && this.#rotate("checkpoint", {})) line = this.#format(type, fields);
    if (line.length > MAX_LINE_BYTES) line = this.#format(type, { unreadable: true });
    this.#append(line);
    return line.length + 1;
  }

  /** Appends a signed line: what this run wrote before it is vouched for. */
  sign(type: SignedType, fields: object): void {
    const line = this.#formatSigned(type, fields);
    if (this.#fits(line) || !this.#rotate(type, fields)) this.#appendSigned(type, line);
  }

  /**
   * Appends a signed line as {@linkcode sign} does, unless what was to be vouched for is meanwhile; where other
   * lines come in between again and again, it is signed at once.
   */
  async signLater(type: SignedType, fields: object): Promise<void> {
    const { key } = this.#options;
    for (let attempt = 0; attempt < MAX_SIGNINGS; attempt++) {
      const end = this.#end;
      const json = this.#signable(type, fields);
      const line = encoder.encode(await signJsonLater("line", json, key.signLater));
      if (this.#end !== end) {
        if (type === "checkpoint" && this.unsigned === 0) return;
        continue;
      }
      if (!this.#fits(line)) break;
      return this.#appendSigned(type, line);
    }
    this.sign(type, fields);
  }

  /** Waits until all signed lines so far are on the disk, then moves `head.json` to the last of them. */
  async persist(): Promise<void> {
    const { dir, number, chain, key, now } = this.#options;
    const signed = this.#signed;
    if (signed.seq === this.#headSeq) return;
    this.#syncing = { file: this.#file, done: sync(this.#file) };
    const synced = await Promise.allSettled([...this.#full.splice(0), this.#syncing.done]);
    this.#syncing = undefined;
    const failed = synced.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    await writeHead(dir, { ...signed, number, chain, time: now().toISOString() }, key);
    this.#headSeq = signed.seq;
    await this.#removeObsolete();
  }

  /**
   * Says which files go before any of them does: else whoever removed one could say it was us. A file's first
   * line is signed: whoever cut lines off its beginning cannot have us sign that, too.
   */
  async recordRetention(): Promise<void> {
    const { dir, keepFiles = Infinity, chain, key } = this.#options;
    const first = this.#end.file - keepFiles + 1;
    const [oldest = Infinity] = this.#files;
    if (first <= oldest || this.#obsolete !== undefined || !this.#files.has(first)) return;
    const file = fileName(first);
    const line = await readFirstLine(`${dir}/${file}`);
    const { parsed, text = "" } = line ?? {};
    const { chainId, fileNumber } = parsed?.fields ?? {};
    const ours = chainId === chain && fileNumber === first;
    if (parsed === undefined || !ours || !await isSigned("line", text, key.publicKey)) {
      return this.#tell(first, "does not begin with a line that the log's key has signed");
    }
    this.write("retention", { first: file, firstSeq: parsed.seq, before: parsed.prev });
    this.#obsolete = { before: first, recordedAt: this.#end.seq };
  }

  /** Looks whether what was written is still there; what is not is told once, and a new file begun. */
  check(): FileDamage[] {
    const { dir } = this.#options;
    const names = new Set(nodeFs().readdirSync(dir));
    for (const file of this.#files) {
      if (!names.has(fileName(file))) this.#tell(file, "is not there any more");
    }
    const { file, offset } = this.#end;
    if (this.#files.has(file)) {
      const there = nodeFs().lstatSync(`${dir}/${fileName(file)}`);
      const own = nodeFs().fstatSync(this.#file);
      if (there.ino !== own.ino || there.dev !== own.dev) {
        this.#tell(file, "is another file than the one that is written");
      } else if (own.size !== offset && !this.#torn) {
        this.#tell(file, `has ${own.size} bytes instead of ${offset}: another has written there`);
      }
    }
    if (!this.#files.has(file)) this.#rotate("checkpoint", {});
    return this.#damage.splice(0);
  }

  /** Closes the files without writing anything. */
  close(): void {
    nodeFs().closeSync(this.#file);
  }

  #tell(file: number, problem: string): void {
    if (this.#files.delete(file)) this.#damage.push({ file: fileName(file), problem });
  }

  #format(type: string, fields: object): Uint8Array {
    return encoder.encode(formatLine(this.#end, this.#options.now(), type, fields));
  }

  #formatSigned(type: string, fields: object): Uint8Array {
    return encoder.encode(signJson("line", this.#signable(type, fields), this.#options.key.sign));
  }

  #signable(type: string, fields: object): string {
    const { chain, number, key, now } = this.#options;
    const place = { chainId: chain, chainNumber: number, fileNumber: this.#end.file };
    const all = { ...place, run: this.#run, covers: this.#headSeq, key: key.id, ...fields };
    return formatLine(this.#end, now(), type, all);
  }

  #fits(line: Uint8Array): boolean {
    const { offset } = this.#end;
    return offset === 0 || offset + line.length + 1 <= this.#rotateAt;
  }

  #appendSigned(type: SignedType, line: Uint8Array): void {
    this.#append(line);
    this.#signed = { ...this.#end, closed: type === "stopped" };
  }

  #append(line: Uint8Array): void {
    const bytes = new Uint8Array(line.length + 1);
    bytes.set(line);
    bytes[line.length] = 10;
    if (this.#torn) this.#cut();
    try {
      writeAll(this.#file, bytes);
    } catch (error) {
      this.#torn = true;
      try {
        this.#cut();
      } catch {
        // again before the next write, and otherwise the next start tells of it
      }
      throw error;
    }
    const { seq, file, offset } = this.#end;
    this.#end = { seq: seq + 1, hash: hashLine(line), file, offset: offset + bytes.length };
  }

  #cut(): void {
    nodeFs().ftruncateSync(this.#file, this.#end.offset);
    this.#torn = false;
  }

  /** Begins the next file with a signed line, so that none can be taken for another. */
  #rotate(type: SignedType, fields: object): boolean {
    const { dir, maxFileBytes } = this.#options;
    const before = { file: this.#file, end: this.#end };
    const next = this.#end.file + 1;
    const path = `${dir}/${fileName(next)}`;
    let made = false;
    try {
      if (this.#torn) this.#cut();
      this.#file = openToAppend(path, true);
      made = true;
      this.#end = { ...this.#end, file: next, offset: 0 };
      this.#appendSigned(type, this.#formatSigned(type, fields));
    } catch (error) {
      // no room for a new file: better a long file than no line
      const file = this.#file;
      this.#file = before.file;
      this.#end = before.end;
      if (made) {
        this.#torn = false;
        nodeFs().closeSync(file);
        Deno.removeSync(path);
      }
      this.#rotateAt = this.#end.offset + ROTATE_AGAIN_BYTES;
      if (error instanceof Deno.errors.AlreadyExists && this.#blocked !== next) {
        this.#blocked = next;
        this.#damage.push({
          file: fileName(next),
          problem: "is there, and this host has not made it",
        });
      }
      return false;
    }
    this.#files.add(next);
    this.#rotateAt = maxFileBytes;
    this.#retire(before.file);
    return true;
  }

  /** Closes a full file once it is on the disk. */
  #retire(file: number): void {
    const syncing = this.#syncing?.file === file ? this.#syncing.done : undefined;
    // files fill faster than the disk takes them: wait for it rather than hold ever more of them open
    const atOnce = syncing === undefined && this.#full.length >= MAX_FULL;
    const done = (async () => {
      try {
        if (atOnce) return nodeFs().fdatasyncSync(file);
        await syncing?.catch(() => {});
        await sync(file);
      } finally {
        nodeFs().closeSync(file);
      }
    })();
    done.catch(() => {}); // persist() tells of it
    this.#full.push(done);
  }

  async #removeObsolete(): Promise<void> {
    if (this.#obsolete === undefined || this.#obsolete.recordedAt > this.#headSeq) return;
    const { before } = this.#obsolete;
    const { dir } = this.#options;
    // the oldest first: what a crash leaves is still one piece
    for (const file of [...this.#files].sort((a, b) => a - b)) {
      if (file >= before) break;
      await Deno.remove(`${dir}/${fileName(file)}`).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
      this.#files.delete(file);
    }
    this.#obsolete = undefined;
    await syncFolder(dir);
  }
}

async function readFirstLine(path: string): Promise<RawLine | undefined> {
  for await (const [line] of readRawLines(path)) return line;
  return undefined;
}

function sync(file: number): Promise<void> {
  return new Promise((resolve, reject) => {
    nodeFs().fdatasync(file, (error) => error ? reject(error) : resolve());
  });
}
