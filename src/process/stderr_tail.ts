// Drains a child's stderr for as long as it lives and keeps only its end.
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
  /**
   * How many bytes a second are read: a child that writes more waits for its own pipe, and costs the
   * host and its other children no more than this.
   *
   * @default {33554432}
   */
  maxBytesPerSecond?: number;
  /** Gets each line, escaped and cut to 2,000 characters. */
  onLine?: (line: string) => void;
}

const MAX_LINE_BYTES = 2_000;
const LINE_FEED = 10;
const WINDOW_MS = 1_000;
/** The reading pauses for at most this long, in milliseconds; it also bounds the burst. */
const SLICE_MS = 50;

/** Reads a stream to its end, always, so that the child never blocks on a full pipe. */
export class StderrTail {
  /** Settles when the stream has ended or was released. */
  readonly done: Promise<void>;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** The end of what was written, copied: a chunk of the runtime keeps a whole read buffer alive. */
  #ring: Uint8Array;
  #total = 0;
  #onLine: ((line: string) => void) | undefined;
  #maxLines: number;
  #line = new Uint8Array(MAX_LINE_BYTES);
  #lineLength = 0;
  #hasLine = false;
  #windowStart = -Infinity;
  #windowLines = 0;
  #suppressed = 0;
  /** Those of the windows before. */
  #suppressedBefore = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #maxSliceBytes: number;
  #sliceStart = -Infinity;
  #sliceBytes = 0;
  /** Ends a pause of the reading, where there is one. */
  #resume: () => void = () => {};
  #released = false;

  /** Starts draining a stream. */
  constructor(stream: ReadableStream<Uint8Array>, options: StderrTailOptions = {}) {
    this.#reader = stream.getReader();
    this.#ring = new Uint8Array(options.maxBytes ?? 8_192);
    this.#maxLines = options.maxLinesPerSecond ?? 100;
    this.#maxSliceBytes = (options.maxBytesPerSecond ?? 32 * 1024 * 1024) * SLICE_MS / 1_000;
    this.#onLine = options.onLine;
    this.done = this.#drain();
  }

  /** How many bytes the child has written. */
  get totalBytes(): number {
    return this.#total;
  }

  /** How many lines the rate limit has held back so far. */
  get suppressedLines(): number {
    return this.#suppressedBefore + this.#suppressed;
  }

  /** Gets the end of what was written, control characters escaped but for line ends. */
  text(): string {
    const size = this.#ring.length;
    const kept = Math.min(this.#total, size);
    const start = (this.#total - kept) % size;
    const bytes = new Uint8Array(kept);
    const first = this.#ring.subarray(start, Math.min(start + kept, size));
    bytes.set(first);
    bytes.set(this.#ring.subarray(0, kept - first.length), first.length);
    return new TextDecoder().decode(bytes)
      .split(/\r?\n/)
      .map((line) => escapeText(line, size)).join("\n").trimEnd();
  }

  /** Stops reading; a grandchild that holds the pipe open cannot keep the host waiting. */
  async release(): Promise<void> {
    this.#released = true;
    this.#resume();
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
        await this.#pace(value.length);
      }
    } catch {
      // the pipe broke with the child: its exit status says the rest
    }
    if (this.#hasLine) this.#emit();
    this.#endWindow();
  }

  /** Waits for the end of this slice of time when all its bytes were read. */
  async #pace(bytes: number): Promise<void> {
    const now = performance.now();
    if (now - this.#sliceStart >= SLICE_MS) {
      this.#sliceStart = now;
      this.#sliceBytes = 0;
    }
    this.#sliceBytes += bytes;
    if (this.#sliceBytes < this.#maxSliceBytes || this.#released) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#resume(), this.#sliceStart + SLICE_MS - now);
      this.#resume = () => {
        clearTimeout(timer);
        this.#resume = () => {};
        resolve();
      };
    });
  }

  #keep(chunk: Uint8Array): void {
    const size = this.#ring.length;
    const part = chunk.subarray(Math.max(0, chunk.length - size));
    const at = (this.#total + chunk.length - part.length) % size;
    const room = size - at;
    this.#ring.set(part.subarray(0, room), at);
    this.#ring.set(part.subarray(room), 0);
    this.#total += chunk.length;
  }

  #split(chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length;) {
      // past the rate there is nothing to look at until the window ends
      if (this.#timer !== undefined && this.#windowLines >= this.#maxLines) {
        this.#suppressed += countLines(chunk, from);
        this.#lineLength = 0;
        this.#hasLine = chunk.at(-1) !== LINE_FEED;
        return;
      }
      const found = chunk.indexOf(LINE_FEED, from);
      const end = found < 0 ? chunk.length : found;
      const part = chunk.subarray(from, Math.min(end, from + MAX_LINE_BYTES - this.#lineLength));
      this.#line.set(part, this.#lineLength);
      this.#lineLength += part.length;
      this.#hasLine = true;
      if (found >= 0) this.#emit();
      from = end + 1;
    }
  }

  #emit(): void {
    if (performance.now() - this.#windowStart >= WINDOW_MS) {
      this.#endWindow();
      this.#windowStart = performance.now();
    }
    this.#windowLines++;
    if (this.#windowLines === this.#maxLines) {
      const left = WINDOW_MS - (performance.now() - this.#windowStart);
      this.#timer = setTimeout(() => this.#endWindow(), Math.max(0, left));
    }
    const line = new TextDecoder().decode(this.#line.subarray(0, this.#lineLength));
    this.#lineLength = 0;
    this.#hasLine = false;
    this.#tell(escapeText(line.replace(/\r$/, "")));
  }

  /** Begins to count anew, and tells what the rate has held back. */
  #endWindow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#windowLines = 0;
    this.#windowStart = -Infinity;
    const lines = this.#suppressed;
    this.#suppressedBefore += lines;
    this.#suppressed = 0;
    if (lines > 0) this.#tell(`(${lines} more lines suppressed by the rate limit)`);
  }

  #tell(line: string): void {
    try {
      this.#onLine?.(line);
    } catch {
      // a listener that throws must not stop the draining, or the child would block
    }
  }
}

function countLines(chunk: Uint8Array, from: number): number {
  let count = 0;
  for (let at = from; at < chunk.length; at++) if (chunk[at] === LINE_FEED) count++;
  return count;
}
