// Processes that were started ahead, each used once.

/** A process in a pool. Disposing it ends it. */
export interface Pooled extends AsyncDisposable {
  /** Whether it can still be used. */
  readonly isAlive: boolean;
  /** Settles when it has ended. */
  readonly ended: Promise<unknown>;
}

/** Options of {@linkcode ProcessPool}. */
export interface ProcessPoolOptions {
  /** How many processes there are at most. */
  size: number;
  /**
   * How long a process is kept that nobody asks for, in milliseconds.
   *
   * @default {300_000}
   */
  idleMs?: number;
  /** Is called when a process could not be made. */
  onFailure?: (error: unknown) => void;
  /** The clock, in milliseconds. */
  now?: () => number;
}

/** A place in the pool, with a process in it or one to come. */
interface Place<P> {
  readonly key: string;
  readonly make: () => Promise<P>;
  /** When it was asked for. */
  readonly at: number;
  process: P | undefined;
  failures: number;
}

/** How long a pool waits before it makes processes: the start that asked is under way, and comes first. */
const REST_MS = 50;
/** After so many failures and deaths a place is given up until it is asked for again. */
const MAX_FAILURES = 3;

/** One list of places: each use asks for one, and the least recently used is evicted first. */
export class ProcessPool<P extends Pooled> implements AsyncDisposable {
  readonly #options: Required<ProcessPoolOptions>;
  /** The one asked for longest ago first. */
  #places: Place<P>[] = [];
  readonly #ending = new Set<Promise<void>>();
  #filling: Promise<void> | undefined;
  /** Ends the rest before the pool is filled. */
  #wake: () => void = () => {};
  #idle: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @throws {RangeError} when the size is not a whole number from 0 on. */
  constructor({ size, ...options }: ProcessPoolOptions) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new RangeError(`Cannot make a pool: size must be a whole number from 0 on, is ${size}`);
    }
    this.#options = { idleMs: 300_000, onFailure: () => {}, now: Date.now, ...options, size };
  }

  /** How many processes are ready. */
  get ready(): number {
    return this.#places.filter(({ process }) => process?.isAlive).length;
  }

  /** Takes a living process that was made for a key, if there is one. */
  take(key: string): P | undefined {
    const place = this.#places.find((place) => place.key === key && place.process?.isAlive);
    if (place === undefined) return undefined;
    this.#places.splice(this.#places.indexOf(place), 1);
    return place.process;
  }

  /** Makes a process for a key in the background; it must not depend on what it will be used for. */
  expect(key: string, make: () => Promise<P>): void {
    if (this.#options.size === 0 || this.#closed) return;
    for (const place of this.#places) if (place.key === key) place.failures = 0;
    this.#places.push({ key, make, at: this.#options.now(), process: undefined, failures: 0 });
    this.#evict(this.#places.length - this.#options.size);
    this.#filling ??= this.#fill().finally(() => this.#filling = undefined);
    this.#expireLater();
  }

  /** Waits until the pool is as full as it should be; filling it begins at once then. */
  async filled(): Promise<void> {
    while (this.#filling !== undefined) {
      this.#wake();
      await this.#filling;
    }
  }

  /** Evicts what nobody has asked for in `idleMs`; the pool does so by itself. */
  expire(): void {
    const limit = this.#options.now() - this.#options.idleMs;
    this.#evict(this.#places.filter(({ at }) => at <= limit).length);
    this.#expireLater();
  }

  /** Ends every process, and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.filled();
    this.#evict(this.#places.length);
    await Promise.all(this.#ending);
  }

  async #fill(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(this.#wake = resolve, REST_MS);
    await promise;
    clearTimeout(timer);
    // one after the other, the latest asked for first
    for (let place = this.#lacking(); place !== undefined; place = this.#lacking()) {
      try {
        const process = await place.make();
        if (!this.#places.includes(place)) this.#end(process); // evicted meanwhile
        else {
          place.process = process;
          void process.ended.then(() => this.#died(place, process));
        }
      } catch (error) {
        place.failures++;
        this.#options.onFailure(error);
      }
    }
  }

  #lacking(): Place<P> | undefined {
    if (this.#closed) return undefined;
    return this.#places.findLast(({ process, failures }) =>
      process === undefined && failures < MAX_FAILURES
    );
  }

  #died(place: Place<P>, process: P): void {
    if (place.process !== process || !this.#places.includes(place)) return; // it was taken or evicted
    place.process = undefined;
    place.failures++;
    if (!this.#closed) this.#filling ??= this.#fill().finally(() => this.#filling = undefined);
  }

  /** Looks again when the oldest may have become idle; no process is kept alive for that. */
  #expireLater(): void {
    clearTimeout(this.#idle);
    if (this.#closed || this.#places.length === 0) return;
    const left = this.#places[0]!.at + this.#options.idleMs - this.#options.now();
    const timer = setTimeout(() => this.expire(), Math.max(left, 1));
    Deno.unrefTimer(timer);
    this.#idle = timer;
  }

  #evict(count: number): void {
    for (const { process } of this.#places.splice(0, Math.max(count, 0))) {
      if (process !== undefined) this.#end(process);
    }
  }

  #end(process: P): void {
    const done = () => void this.#ending.delete(ending);
    const ending: Promise<void> = Promise.resolve(process[Symbol.asyncDispose]()).then(done, done);
    this.#ending.add(ending);
  }
}
