// Hands samples to readers, each at its own pace.
import type { PluginSample } from "./sample.ts";

/**
 * Is what a reader of samples gets: a sample, or word that it was too slow and lost some.
 *
 * @category Monitoring
 */
export type MonitorEvent =
  | { readonly type: "sample"; readonly sample: PluginSample }
  | { readonly type: "lagged"; readonly dropped: number };

/**
 * Options of {@linkcode ResourceMonitor.watch}.
 *
 * @category Monitoring
 */
export interface WatchOptions {
  /** Ends the iteration. */
  signal?: AbortSignal;
  /** Returns the samples of this plugin alone. */
  plugin?: string;
  /**
   * Samples that wait to be read; more push out the oldest.
   *
   * @default {1_024}
   */
  maxQueued?: number;
}

/** Holds the samples that one reader has not yet taken. */
export class SampleReader implements AsyncIterableIterator<MonitorEvent> {
  readonly #plugin: string | undefined;
  readonly #maxQueued: number;
  readonly #release: (reader: SampleReader) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #stop = () => this.end();
  #queue: MonitorEvent[] = [];
  #dropped = 0;
  #ended = false;
  #waiting: ((result: IteratorResult<MonitorEvent>) => void)[] = [];

  /**
   * Makes a reader.
   *
   * @throws {RangeError} When `maxQueued` is not a whole number from 1 to 65,536.
   */
  constructor(options: WatchOptions, release: (reader: SampleReader) => void) {
    const { signal, plugin, maxQueued = 1_024 } = options;
    if (!Number.isSafeInteger(maxQueued) || maxQueued < 1 || maxQueued > 65_536) {
      throw new RangeError(`"maxQueued" must be a whole number from 1 to 65536: ${maxQueued}`);
    }
    this.#plugin = plugin;
    this.#maxQueued = maxQueued;
    this.#release = release;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#stop, { once: true });
    if (signal?.aborted) this.end();
  }

  /** Hands it a sample. */
  push(sample: PluginSample): void {
    if (this.#plugin !== undefined && sample.plugin !== this.#plugin) return;
    const value: MonitorEvent = { type: "sample", sample };
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting({ done: false, value });
    this.#queue.push(value);
    if (this.#queue.length > this.#maxQueued) {
      this.#queue.shift();
      this.#dropped++;
    }
  }

  /** Ends it after what waits to be read. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal?.removeEventListener("abort", this.#stop);
    this.#release(this);
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  /** Returns the next sample, or first how many were lost before it. */
  next(): Promise<IteratorResult<MonitorEvent>> {
    if (this.#dropped > 0) {
      const value: MonitorEvent = { type: "lagged", dropped: this.#dropped };
      this.#dropped = 0;
      return Promise.resolve({ done: false, value });
    }
    const value = this.#queue.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends it at once. */
  return(): Promise<IteratorResult<MonitorEvent>> {
    this.#queue = [];
    this.#dropped = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Returns the reader itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}
