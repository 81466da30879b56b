/** Options of {@linkcode LaggingQueue}. */
export interface LaggingQueueOptions<T> {
  /** How many values wait to be read; more push out the oldest. */
  readonly max: number;
  /** Says to the reader how many values it has lost. */
  readonly lagged: (dropped: number) => T;
  /** Is called once, when it has ended. */
  readonly onEnd: () => void;
  /** Ends it when it aborts; one that has aborted already is for the caller to look at. */
  readonly signal?: AbortSignal;
}

/** What one reader has not yet taken; one that is too slow loses the oldest, and hears how many. */
export class LaggingQueue<T> implements AsyncIterableIterator<T> {
  readonly #options: LaggingQueueOptions<T>;
  readonly #stop = () => this.end();
  #queue: T[] = [];
  #dropped = 0;
  #ended = false;
  #waiting: ((result: IteratorResult<T>) => void)[] = [];

  constructor(options: LaggingQueueOptions<T>) {
    this.#options = options;
    options.signal?.addEventListener("abort", this.#stop, { once: true });
  }

  /** Adds a value; after the end it is dropped. */
  push(value: T): void {
    if (this.#ended) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting({ done: false, value });
    this.#queue.push(value);
    if (this.#queue.length <= this.#options.max) return;
    this.#queue.shift();
    this.#dropped++;
  }

  /** Ends it after what waits to be read. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.signal?.removeEventListener("abort", this.#stop);
    this.#options.onEnd();
    for (const waiting of this.#waiting.splice(0)) waiting({ done: true, value: undefined });
  }

  /** Returns the next value, or first how many were lost before it. */
  next(): Promise<IteratorResult<T>> {
    if (this.#dropped > 0) {
      const value = this.#options.lagged(this.#dropped);
      this.#dropped = 0;
      return Promise.resolve({ done: false, value });
    }
    const value = this.#queue.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends it at once. */
  return(): Promise<IteratorResult<T>> {
    this.#queue = [];
    this.#dropped = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
