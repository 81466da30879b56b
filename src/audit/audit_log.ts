/**
 * The audit log: what happened in a host, in lines that cannot be changed without its being seen.
 *
 * @module
 */
import { encodeHex } from "@std/encoding/hex";
import { escapeText, SallyportError } from "../errors.ts";
import { type Logger, silentLogger } from "../log.ts";
import { VERSION } from "../version.ts";
import type { ChainWriter } from "./chain_writer.ts";
import { type AuditEntry, checkType } from "./entry.ts";
import { openChain, type OpenedChain } from "./open_chain.ts";
import { RateBound, type RateBoundOptions } from "./rate_bound.ts";
import { shapeFields } from "./shape.ts";
import { openSigningKey, type SigningKey } from "./signing_key.ts";

/** Options of {@linkcode AuditLog.open}. */
export interface AuditLogOptions extends RateBoundOptions {
  /**
   * How large a file may become before the next one begins, from 4 KiB to 1 GiB.
   *
   * @default {16777216} 16 MiB
   */
  maxFileBytes?: number;
  /**
   * How many files a chain keeps, at least 2. That older ones went is recorded and signed.
   *
   * @default Every file is kept.
   */
  keepFiles?: number;
  /**
   * Told when the log cannot be written.
   *
   * @default {silentLogger}
   */
  logger?: Logger;
  /**
   * The clock for the times of the lines.
   *
   * @default The system's.
   */
  now?: () => Date;
}

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
 * Records entries. Each line carries the hash of the line before it; a signed checkpoint follows at
 * least every 256 lines and every minute, and when the log closes.
 */
export class AuditLog implements AsyncDisposable {
  /** The audit folder. */
  readonly dir: string;
  /** The number of the chain that this log writes. */
  readonly chain: number;
  /** The 32 bytes of the key that checkpoints verify with. */
  readonly publicKey: Uint8Array;
  /** The first 16 hex digits of the SHA3-512 of that key, for people to compare. */
  readonly keyId: string;
  readonly #writer: ChainWriter;
  readonly #lock: Deno.FsFile;
  readonly #rate: RateBound;
  readonly #logger: Logger;
  readonly #now: () => Date;
  #lost: Lost | undefined;
  #warnedAt = -Infinity;
  #running: Promise<void> | undefined;
  #checkpointTimer: ReturnType<typeof setTimeout> | undefined;
  #rateTimer: ReturnType<typeof setInterval> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    dir: string,
    opened: OpenedChain,
    key: SigningKey,
    options: AuditLogOptions,
  ) {
    this.dir = dir;
    this.chain = opened.number;
    this.publicKey = key.publicKey;
    this.keyId = key.id;
    this.#writer = opened.writer;
    this.#lock = opened.lock;
    this.#rate = new RateBound(options);
    this.#logger = options.logger ?? silentLogger;
    this.#now = options.now ?? (() => new Date());
  }

  /**
   * Opens the log of a folder: the first chain that no other host writes and that is not damaged, or a
   * new one. A line that a crash had torn is moved aside, and that is recorded.
   *
   * @param dir The audit folder; made where it is missing.
   * @param options Bounds, logger and clock.
   * @returns The open log.
   * @throws {SallyportError} `bad-config` when the folder or its key cannot be used.
   * @throws {RangeError} When an option is out of its range.
   */
  static async open(dir: string, options: AuditLogOptions = {}): Promise<AuditLog> {
    const { maxFileBytes, keepFiles, now = () => new Date() } = checkOptions(options);
    try {
      await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
      const key = await openSigningKey(dir, options.logger ?? silentLogger);
      const opened = await openChain(dir, key, { maxFileBytes, keepFiles, now });
      const log = new AuditLog(dir, opened, key, options);
      log.#start(opened);
      await log.checkpoint();
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
   * Appends one line, at once and whole. Above 200 lines a second of one type and plugin, or 4 MiB an
   * hour, entries are counted, and the count is recorded.
   *
   * Never throws: when the disk is full the entry is lost; that is logged, and recorded once writing
   * works again. After the log was closed, entries are dropped.
   *
   * @param entry What happened. Fields are cut to bounds: 60 kB a line, 4,096 characters a text.
   */
  append(entry: AuditEntry): void {
    try {
      if (this.#closed !== undefined) return;
      const type = checkType(entry.type);
      const plugin = typeof entry.plugin === "string" ? entry.plugin : undefined;
      const admission = this.#rate.admit(type, plugin, performance.now());
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
   * Waits until everything so far is on the disk and signed.
   *
   * Never rejects: what cannot be written is logged.
   */
  async checkpoint(): Promise<void> {
    // one at a time; who comes in between needs one that begins after
    while (this.#running !== undefined) await this.#running;
    if (this.#writer.sinceCheckpoint === 0 && this.#writer.headSeq === this.#writer.seq) return;
    this.#running = this.#checkpoint().finally(() => this.#running = undefined);
    await this.#running;
  }

  /** Writes and signs what is left, and gives the chain free. Never rejects; a second call waits. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  #start({ number, writer, id, chains, damaged }: OpenedChain): void {
    this.#write("started", {
      chain: id,
      number,
      key: this.keyId,
      publicKey: encodeHex(this.publicKey),
      sallyport: VERSION,
      pid: Deno.pid,
      // so that a whole chain cannot go without its being seen
      ...(chains.length === 0 ? {} : { chains }),
      ...(damaged.length === 0 ? {} : { damaged }),
      ...(writer.seq === 0 ? {} : { continues: writer.seq }),
    });
    for (const { chain, problem } of damaged) {
      this.#logger.error("The audit log was tampered with, or its disk is damaged", {
        dir: this.dir,
        chain,
        problem,
      });
    }
  }

  async #checkpoint(): Promise<void> {
    clearTimeout(this.#checkpointTimer);
    this.#checkpointTimer = undefined;
    try {
      await this.#writer.persist();
    } catch (error) {
      this.#warn("Cannot write the head of the audit log", error);
    }
    try {
      this.#recordLost();
      if (this.#writer.sinceCheckpoint > 0) this.#writer.writeCheckpoint();
    } catch (error) {
      this.#warn("Cannot write a checkpoint of the audit log", error);
    }
  }

  async #close(): Promise<void> {
    clearInterval(this.#rateTimer);
    this.#endSuppressed(true);
    this.#write("stopped", {});
    await this.checkpoint();
    clearTimeout(this.#checkpointTimer);
    this.#checkpointTimer = undefined;
    try {
      await this.#writer.persist(); // the last checkpoint, too
    } catch (error) {
      this.#warn("Cannot write the head of the audit log", error);
    }
    if (this.#lost !== undefined) {
      this.#warnedAt = -Infinity; // nothing will record them any more
      this.#warn("The audit log closes without entries that were lost", this.#lost.reason);
    }
    this.#writer.close();
    this.#lock.close();
  }

  /** Writes a line; gives its length, 0 when it is lost. */
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
    if (this.#writer.sinceCheckpoint >= CHECKPOINT_LINES && this.#running === undefined) {
      void this.checkpoint();
    } else if (this.#checkpointTimer === undefined) {
      this.#checkpointTimer = setTimeout(() => void this.checkpoint(), CHECKPOINT_MS);
      Deno.unrefTimer(this.#checkpointTimer);
    }
    return bytes;
  }

  #recordLost(): void {
    if (this.#lost === undefined) return;
    this.#writer.write("lost", shapeFields(this.#lost));
    this.#lost = undefined;
  }

  #endSuppressed(all: boolean): void {
    for (const { of, plugin, count, forMs } of this.#rate.end(performance.now(), all)) {
      this.#write("suppressed", shapeFields({ of, plugin, count, forMs }));
    }
    if (this.#rate.suppressing) return;
    clearInterval(this.#rateTimer);
    this.#rateTimer = undefined;
  }

  /** Logs a failure, but not one for each entry. */
  #warn(message: string, error: unknown): void {
    if (performance.now() - this.#warnedAt < WARN_MS) return;
    this.#warnedAt = performance.now();
    try {
      const reason = error instanceof Error ? error.message : String(error);
      this.#logger.error(message, { dir: this.dir, reason, lost: this.#lost?.count ?? 0 });
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
