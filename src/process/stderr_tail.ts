/**
 * Drains a child's stderr for as long as it lives and keeps only its end.
 *
 * @module
 */
import { escapeText } from "../errors.ts";

/** Options of {@linkcode StderrTail}. */
export interface StderrTailOptions {
  /**
   * How many bytes of the end are kept.
   *
   * @default {8192}
   */
  maxBytes?: number;
  /**
   * How many lines a second are handed to {@linkcode StderrTailOptions.onLine}; the rest is counted.
   *
   * @default {100}
   */
  maxLinesPerSecond?: number;
  /** Gets each line, escaped and cut to 2,000 characters. */
  onLine?: (line: string) => void;
}

const MAX_LINE_BYTES = 2_000;

/** Reads a stream to its end, always, so that the child never blocks on a full pipe. */
export class StderrTail {
  /** Settles when the stream has ended or was released. */
  readonly done: Promise<void>;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunks: Uint8Array[] = [];
  #kept = 0;
  #total = 0;
  #maxBytes: number;
  #onLine: ((line: string) => void) | undefined;
  #maxLines: number;
  #line: number[] = [];
  #windowStart = 0;
  #windowLines = 0;
  #suppressed = 0;

  /**
   * Starts draining a stream.
   *
   * @param stream The child's stderr.
   * @param options Sizes and rates.
   */
  constructor(stream: ReadableStream<Uint8Array>, options: StderrTailOptions = {}) {
    this.#reader = stream.getReader();
    this.#maxBytes = options.maxBytes ?? 8_192;
    this.#maxLines = options.maxLinesPerSecond ?? 100;
    this.#onLine = options.onLine;
    this.done = this.#drain();
  }

  /** How many bytes the child has written. */
  get totalBytes(): number {
    return this.#total;
  }

  /** Gets the end of what was written, control characters escaped but for line ends. */
  text(): string {
    const bytes = new Uint8Array(this.#kept);
    let offset = 0;
    for (const chunk of this.#chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return new TextDecoder().decode(bytes.subarray(Math.max(0, bytes.length - this.#maxBytes)))
      .split(/\r?\n/)
      .map((line) => escapeText(line, this.#maxBytes)).join("\n").trimEnd();
  }

  /** Stops reading; a grandchild that holds the pipe open cannot keep the host waiting. */
  async release(): Promise<void> {
    await this.#reader.cancel().catch(() => {}); // already ended or errored: nothing to release
    await this.done;
  }

  async #drain(): Promise<void> {
    try {
      while (true) {
        const { done, value } = await this.#reader.read();
        if (done) break;
        this.#keep(value);
        if (this.#onLine !== undefined) this.#split(value);
      }
    } catch {
      // the pipe broke with the child: its exit status says the rest
    }
    if (this.#line.length > 0) this.#emit();
    this.#flushSuppressed();
  }

  #keep(chunk: Uint8Array): void {
    this.#total += chunk.length;
    const part = chunk.length > this.#maxBytes ? chunk.slice(-this.#maxBytes) : chunk;
    this.#chunks.push(part);
    this.#kept += part.length;
    while (this.#kept - (this.#chunks[0]?.length ?? 0) >= this.#maxBytes) {
      this.#kept -= this.#chunks.shift()?.length ?? 0;
    }
  }

  #split(chunk: Uint8Array): void {
    for (const byte of chunk) {
      if (byte === 10) this.#emit();
      else if (this.#line.length < MAX_LINE_BYTES) this.#line.push(byte);
    }
  }

  #emit(): void {
    const now = performance.now();
    if (now - this.#windowStart >= 1_000) {
      this.#flushSuppressed();
      this.#windowStart = now;
      this.#windowLines = 0;
    }
    if (this.#windowLines < this.#maxLines) {
      this.#windowLines++;
      this.#onLine?.(escapeText(new TextDecoder().decode(Uint8Array.from(this.#line))));
    } else {
      this.#suppressed++;
    }
    this.#line = [];
  }

  #flushSuppressed(): void {
    if (this.#suppressed === 0) return;
    this.#onLine?.(`(${this.#suppressed} more lines suppressed by the rate limit)`);
    this.#suppressed = 0;
  }
}
