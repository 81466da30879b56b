// The audit log: what happened in a host, in lines that cannot be changed without its being seen.
import { encodeHex } from "@std/encoding/hex";
import { escapeText, SallyportError } from "../../errors.ts";
import { type Logger, silentLogger } from "../../log.ts";
import { VERSION } from "../../version.ts";
import { ChainWriter, type FileDamage } from "./chain_writer.ts";
import { type AuditEntry, checkType } from "../chain/entry.ts";
import { LOCK_FILE, lockChain, prepareFolder } from "../chain/folder.ts";
import type { NamedChain } from "../chain/head.ts";
import type { SignedType } from "../chain/line.ts";
import { nameOthers, openChain, type OpenedChain } from "./open_chain.ts";
import { RateBound, type RateBoundOptions } from "../chain/rate_bound.ts";
import { shapeFields } from "../chain/shape.ts";
import { openSigningKey, type SigningKey } from "../chain/signing_key.ts";

/** Options of {@linkcode AuditLog.open}. */
export interface AuditLogOptions extends RateBoundOptions {
  /** How large a file may become, from 4 KiB to 1 GiB; 16 MiB by default. */
  maxFileBytes?: number;
  /** How many files a chain keeps, at least 2; by default all. */
  keepFiles?: number;
  /** Told when the log cannot be written. */
  logger?: Logger;
  /** The clock for the times of the lines. */
  now?: () => Date;
}

/** How many lines may go without a signature. */
const CHECKPOINT_LINES = 256;
const CHECKPOINT_MS = 60_000;
const TICK_MS = 1_000;
const WARN_MS = 10_000;
const MIN_FILE_BYTES = 4_096;
const MAX_FILE_BYTES = 1024 * 1024 * 1024;

interface Lost {
  count: number;
  readonly since: string;
  readonly reason: string;
}

/**
 * Records entries. Each line carries the hash of the line before it; a signed line begins and ends a run, and
 * follows at least every 256 lines and every minute.
 */
export class AuditLog implements AsyncDisposable {
  /** The audit folder. */
  readonly dir: string;
  /** The number of the chain that this log writes. */
  readonly chain: number;
  /** The 32 bytes of the key that signed lines verify with. */
  readonly publicKey: Uint8Array;
  /** The first 16 hex digits of the SHA3-512 of that key, for people to compare. */
  readonly keyId: string;
  readonly #writer: ChainWriter;
  #lock: Deno.FsFile;
  readonly #rate: RateBound;
  readonly #logger: Logger;
  readonly #now: () => Date;
  /** The other chains as they were last seen, and what of that stands in this one. */
  #others: readonly NamedChain[] = [];
  #named = new Map<number, number>();
  #lost: Lost | undefined;
  #warnedAt = -Infinity;
  #running: Promise<void> | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  #rateTimer: ReturnType<typeof setInterval> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    dir: string,
    opened: OpenedChain,
    writer: ChainWriter,
    key: SigningKey,
    options: AuditLogOptions,
  ) {
    this.dir = dir;
    this.chain = opened.number;
    this.publicKey = key.publicKey;
    this.keyId = key.id;
    this.#writer = writer;
    this.#lock = opened.lock;
    this.#rate = new RateBound(options);
    this.#logger = options.logger ?? silentLogger;
    this.#now = options.now ?? (() => new Date());
    this.#timer = setInterval(() => void this.checkpoint(), CHECKPOINT_MS);
    Deno.unrefTimer(this.#timer);
  }

  /**
   * Opens the log of a folder: the first chain that no other host writes and that is not damaged, or a new
   * one. What a run that was killed had not signed is recorded as taken over.
   */
  static async open(dir: string, options: AuditLogOptions = {}): Promise<AuditLog> {
    const { maxFileBytes, keepFiles, now = () => new Date() } = checkOptions(options);
    await using undo = new AsyncDisposableStack();
    try {
      const root = await prepareFolder(dir);
      const key = await openSigningKey(root, options.logger ?? silentLogger);
      const opened = await openChain(root, key, now);
      undo.use(opened.lock);
      const { number, end } = opened;
      const writer = new ChainWriter({
        dir: `${root}/${number}`,
        number,
        chain: end.head.chain,
        key,
        end,
        firstFile: end.firstFile,
        headSeq: end.head.seq,
        maxFileBytes,
        keepFiles,
        now,
      });
      const log = new AuditLog(root, opened, writer, key, options);
      undo.defer(() => log.#release());
      await log.#start(opened);
      undo.move();
      return log;
    } catch (cause) {
      if (cause instanceof SallyportError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new SallyportError(
        "bad-config",
        `Cannot open audit log "${escapeText(dir)}": ${escapeText(message)}`,
        { cause, hint: "Check the folder, that the host may write there, and that there is room" },
      );
    }
  }

  /**
   * Appends one line, at once and whole. Above 200 lines a second of one type and plugin, or 4 MiB an hour,
   * entries are counted, and the count is recorded. Never throws: when the disk is full the entry is lost;
   * that is logged, and recorded once writing works again. After the log was closed, entries are dropped.
   */
  append(entry: AuditEntry): void {
    try {
      if (this.#closed !== undefined) return;
      const type = checkType(entry.type);
      const plugin = typeof entry.plugin === "string" ? entry.plugin : undefined;
      const admission = this.#rate.admit(type, plugin, performance.now(), entry.message);
      if (admission === "count") return;
      if (admission === "begin") {
        this.#write("suppressing", shapeFields({ of: type, plugin }));
        this.#rateTimer ??= setInterval(() => this.#endSuppressed(false), TICK_MS);
        Deno.unrefTimer(this.#rateTimer);
        return;
      }
      this.#rate.spend(type, plugin, this.#write(type, shapeFields(entry)));
    } catch (error) {
      this.#warn("Cannot record an entry in the audit log", error);
    }
  }

  /**
   * Looks whether the files are still there, signs what was written, and waits until it is on the disk. Never
   * rejects: what cannot be written is logged.
   */
  async checkpoint(): Promise<void> {
    // one at a time; who comes in between needs one that begins after
    while (this.#running !== undefined) await this.#running;
    this.#running = this.#checkpoint(true).finally(() => this.#running = undefined);
    await this.#running;
  }

  /** Writes and signs what is left, and frees the chain. Never rejects; a second call waits. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #start({ number, end, damaged, anew }: OpenedChain): Promise<void> {
    this.#others = await nameOthers(this.dir, number, this.publicKey);
    await this.#signLater("started", {
      publicKey: encodeHex(this.publicKey),
      sallyport: VERSION,
      pid: Deno.pid,
      ...(end.seq === 0 ? {} : { continues: end.seq }),
      ...(end.takenOver === undefined ? {} : { takenOver: end.takenOver }),
      ...(end.torn === undefined ? {} : { torn: shapeFields(end.torn) }),
      ...(damaged.length === 0 ? {} : { damaged }),
      ...(anew ? { anew } : {}),
    });
    for (const { chain, problem, foreign } of damaged) {
      const message = foreign
        ? "A chain of the audit log is of an older format and is left alone"
        : "The audit log was tampered with, or its disk is damaged";
      this.#tell(message, { chain, problem });
    }
    if (anew) this.#tell("The audit log begins anew, though its key is older", {});
    await this.#persist();
  }

  /** Signs, and names what is new of other chains: none can be swapped or put back unseen. */
  #sign(type: SignedType, fields: object): void {
    const chains = this.#newChains();
    this.#writer.sign(type, chains.length === 0 ? fields : { ...fields, chains });
    for (const { chain, seq } of chains) this.#named.set(chain, seq);
  }

  async #signLater(type: SignedType, fields: object): Promise<void> {
    const chains = this.#newChains();
    await this.#writer.signLater(type, chains.length === 0 ? fields : { ...fields, chains });
    for (const { chain, seq } of chains) this.#named.set(chain, seq);
  }

  #newChains(): NamedChain[] {
    return this.#others.filter(({ chain, seq }) => this.#named.get(chain) !== seq);
  }

  async #checkpoint(thorough: boolean, type: SignedType = "checkpoint"): Promise<void> {
    try {
      if (thorough) await this.#look();
      await this.#writer.recordRetention();
      this.#recordLost();
      if (this.#writer.unsigned > 0 || type === "stopped") await this.#signLater(type, {});
    } catch (error) {
      this.#warn("Cannot write a checkpoint of the audit log", error);
    }
    await this.#persist();
  }

  /** Waits until what is signed is on the disk. */
  async #persist(): Promise<void> {
    try {
      await this.#writer.persist();
    } catch (error) {
      this.#warn("Cannot write the head of the audit log", error);
    }
  }

  /** Looks at the files of this chain and the heads of the others. */
  async #look(): Promise<void> {
    try {
      await this.#checkLock();
      for (const damage of this.#writer.check()) this.#tellDamage(damage);
    } catch (error) {
      this.#warn("Cannot find the files of the audit log", error);
    }
    this.#others = await nameOthers(this.dir, this.chain, this.publicKey);
    for (const [chain, seq] of this.#named) {
      const now = this.#others.find((other) => other.chain === chain)?.seq;
      if (now !== undefined && now >= seq) continue;
      this.#named.delete(chain);
      this.#tellDamage({ file: `chain ${chain}`, problem: "was removed, or is older than it was" });
    }
  }

  /** Takes the lock again where its file was removed: another host would take the chain for free. */
  async #checkLock(): Promise<void> {
    const dir = `${this.dir}/${this.chain}`;
    const own = await this.#lock.stat();
    const there = await Deno.lstat(`${dir}/${LOCK_FILE}`).catch(() => undefined);
    if (there?.ino === own.ino && there.dev === own.dev) return;
    const again = await lockChain(dir);
    const problem = again === undefined
      ? "was removed, and another host writes to the same chain"
      : "was removed, and is made again";
    this.#tellDamage({ file: LOCK_FILE, problem });
    if (again === undefined) return;
    this.#lock.close();
    this.#lock = again;
  }

  #tellDamage({ file, problem }: FileDamage): void {
    const message = "A file of the audit log was removed or changed while it is written";
    this.#tell(message, { chain: this.chain, file, problem });
    this.#write("damaged", { file, problem });
  }

  async #close(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#rateTimer);
    this.#endSuppressed(true);
    while (this.#running !== undefined) await this.#running;
    await this.#checkpoint(true, "stopped");
    if (this.#lost !== undefined) {
      this.#warnedAt = -Infinity; // nothing will record them any more
      this.#warn("The audit log closes without entries that were lost", this.#lost.reason);
    }
    this.#release();
    // closing alone would leave it held by a process that is being started at this moment and has a copy
    try {
      this.#lock.unlockSync();
    } catch {
      // its file system has no locks
    }
    this.#lock.close();
  }

  #release(): void {
    clearInterval(this.#timer);
    this.#writer.close();
  }

  /** Writes a line; returns its length, 0 when it is lost. */
  #write(type: string, fields: object): number {
    let bytes = 0;
    try {
      this.#recordLost();
      bytes = this.#writer.write(type, fields);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#lost ??= { count: 0, since: this.#now().toISOString(), reason };
      this.#lost.count++;
      this.#warn("Cannot write to the audit log; entries are lost", error);
    }
    if (this.#writer.unsigned >= CHECKPOINT_LINES) this.#signAtOnce();
    return bytes;
  }

  /** Signs between two lines; what waits for the disk follows. */
  #signAtOnce(): void {
    try {
      this.#sign("checkpoint", {});
    } catch (error) {
      this.#warn("Cannot write a checkpoint of the audit log", error);
    }
    this.#running ??= this.#checkpoint(false).finally(() => this.#running = undefined);
  }

  #recordLost(): void {
    if (this.#lost === undefined) return;
    this.#writer.write("lost", shapeFields(this.#lost));
    this.#lost = undefined;
  }

  #endSuppressed(all: boolean): void {
    for (const ended of this.#rate.end(performance.now(), all)) {
      this.#write("suppressed", shapeFields(ended));
    }
    if (this.#rate.suppressing) return;
    clearInterval(this.#rateTimer);
    this.#rateTimer = undefined;
  }

  /** Logs a failure, but not one for each entry. */
  #warn(message: string, error: unknown): void {
    if (performance.now() - this.#warnedAt < WARN_MS) return;
    this.#warnedAt = performance.now();
    const reason = error instanceof Error ? error.message : String(error);
    this.#tell(message, { reason, lost: this.#lost?.count ?? 0 });
  }

  #tell(message: string, fields: Record<string, unknown>): void {
    try {
      this.#logger.error(message, { dir: this.dir, ...fields });
    } catch {
      // a logger that throws must not stop the host either
    }
  }
}

function checkOptions(options: AuditLogOptions): AuditLogOptions & { maxFileBytes: number } {
  const { maxFileBytes = 16 * 1024 * 1024, keepFiles, maxLinesPerSecond, maxBytesPerHour } =
    options;
  const check = (name: string, value: number | undefined, min: number, max: number) => {
    if (value === undefined || Number.isInteger(value) && value >= min && value <= max) return;
    throw new RangeError(
      `Cannot open audit log: ${name} must be a whole number from ${min} to ${max}: received ${value}`,
    );
  };
  check("maxFileBytes", maxFileBytes, MIN_FILE_BYTES, MAX_FILE_BYTES);
  check("keepFiles", keepFiles, 2, 999_999);
  check("maxLinesPerSecond", maxLinesPerSecond, 1, 1_000_000);
  check("maxBytesPerHour", maxBytesPerHour, MIN_FILE_BYTES, MAX_FILE_BYTES);
  return { ...options, maxFileBytes };
}
