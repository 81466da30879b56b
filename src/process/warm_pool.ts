/**
 * Processes that were started ahead of their use, each for one kind of use and used once.
 *
 * @module
 */

/** A process in the pool. Disposing it ends it. */
export interface Spare extends AsyncDisposable {
  /** Whether it can still be used. */
  readonly isAlive: boolean;
  /** Settles when it has ended. */
  readonly ended: Promise<unknown>;
}

/** Options of {@linkcode WarmPool}. */
export interface WarmPoolOptions {
  /** How many spares there are at most, of all kinds together. */
  size: number;
  /**
   * Whether one that was taken or has died is replaced.
   *
   * @default {true}
   */
  refill?: boolean;
  /**
   * How long a spare of a kind that nobody asks for is kept, in milliseconds.
   *
   * @default {300_000}
   */
  idleMs?: number;
  /** Is told when a spare could not be made. */
  onFailure?: (error: unknown) => void;
  /** The clock, in milliseconds. */
  now?: () => number;
}

/** What a spare is made for. */
export interface SpareKind<S> {
  /** Names the kind. */
  readonly key: string;
  /** Makes one; it must not depend on what a particular one is used for. */
  readonly make: () => Promise<S>;
  /** One that will do nearly as well, for several kinds. */
  readonly general?: SpareKind<S>;
}

/** One kind of spare. */
interface Kind<S> extends SpareKind<S> {
  spares: S[];
  /** When it was asked for, the latest last. */
  uses: number[];
  failures: number;
  /** Whether there has been one. */
  made: boolean;
}

/** For how long a use counts, in milliseconds. */
const USE_MS = 60_000;
const IDLE_MS = 300_000;
/**
 * How long after it was asked for anything a pool begins to make spares: what asked is under way, and is done
 * sooner when it has the processors to itself.
 */
const REST_MS = 50;
/** After so many failures and deaths no more is made until the kind is asked for again. */
const MAX_FAILURES = 3;
/** Kinds that are remembered beyond those that have spares. */
const MAX_KINDS = 256;

/**
 * Keeps spares by kind: one of each, as long as there is room, and what room is left goes to those that were
 * asked for more often in the last minute; the kind that was asked for longest ago gives way. Where there are
 * more kinds than places, those that a general one will do for are served by that. What nobody asks for any
 * more goes after a while, and no kind has a spare before it was asked for once.
 */
export class WarmPool<S extends Spare> implements AsyncDisposable {
  readonly #options: Required<Omit<WarmPoolOptions, "onFailure">>;
  readonly #onFailure: (error: unknown) => void;
  /** By key, the one asked for longest ago first. */
  readonly #kinds = new Map<string, Kind<S>>();
  readonly #ending = new Set<Promise<void>>();
  #filling: Promise<void> | undefined;
  /** Ends the rest before the pool is filled. */
  #wake: () => void = () => {};
  #idle: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /**
   * Makes an empty pool.
   *
   * @throws {RangeError} when the size is not a whole number from 0 on.
   */
  constructor(options: WarmPoolOptions) {
    const { size, refill = true, idleMs = IDLE_MS, onFailure = () => {}, now = Date.now } = options;
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new RangeError(`Cannot make a pool: size must be a whole number from 0 on, is ${size}`);
    }
    this.#options = { size, refill, idleMs, now };
    this.#onFailure = onFailure;
  }

  /** How many spares are ready. */
  get ready(): number {
    return [...this.#kinds.values()].reduce((count, { spares }) => count + spares.length, 0);
  }

  /** Takes a spare; whether there is one the next time is for {@linkcode expect}. */
  take(key: string): S | undefined {
    const spares = this.#kinds.get(key)?.spares ?? [];
    while (spares.length > 0) {
      const spare = spares.shift()!;
      if (spare.isAlive) return spare;
    }
    return undefined;
  }

  /** Sees to it that there is a spare the next time. */
  expect(wanted: SpareKind<S>): void {
    if (this.#options.size === 0 || this.#closed) return;
    const kind = this.#kindOf(wanted);
    // the most recently used comes last
    this.#kinds.delete(wanted.key);
    this.#kinds.set(wanted.key, kind);
    const now = this.#options.now();
    kind.uses = [...kind.uses.filter((use) => now - use < USE_MS), now].slice(-this.#options.size);
    kind.failures = 0;
    this.#fillLater();
  }

  /** Says whether a spare of a kind waits. */
  has(key: string): boolean {
    return this.#kinds.get(key)?.spares.some((spare) => spare.isAlive) === true;
  }

  /** Waits until the pool is as full as it should be, which begins at once then. */
  async filled(): Promise<void> {
    while (this.#filling !== undefined) {
      this.#wake();
      await this.#filling;
    }
  }

  /** Ends the spares of kinds that nobody has asked for in `idleMs`; the pool does so by itself. */
  expire(): void {
    for (const kind of this.#kinds.values()) {
      if (this.#isIdle(kind)) this.#drop(kind, kind.spares.length);
    }
    this.#expireLater();
  }

  /** Ends every spare, and waits for that. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.filled();
    for (const kind of this.#kinds.values()) this.#drop(kind, kind.spares.length);
    this.#kinds.clear();
    await Promise.all(this.#ending);
  }

  #kindOf(wanted: SpareKind<S>): Kind<S> {
    let kind = this.#kinds.get(wanted.key);
    if (kind !== undefined) return kind;
    kind = { ...wanted, spares: [], uses: [], failures: 0, made: false };
    this.#kinds.set(wanted.key, kind);
    return kind;
  }

  #fillLater(): void {
    // one after the other: the start under way comes first
    this.#filling ??= this.#fill().finally(() => this.#filling = undefined);
  }

  async #fill(): Promise<void> {
    await this.#rest();
    for (let kind = this.#next(); kind !== undefined; kind = this.#next()) {
      try {
        const spare = await kind.make();
        if (this.#closed) return void this.#end(spare);
        kind.spares.push(spare);
        kind.made = true;
        if (this.#idle === undefined) this.#expireLater();
        void spare.ended.then(() => this.#died(kind, spare));
      } catch (error) {
        kind.failures++;
        this.#onFailure(error);
      }
    }
  }

  async #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, REST_MS);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  #isIdle({ uses }: Kind<S>): boolean {
    const { idleMs, now } = this.#options;
    return uses.length === 0 || now() - uses.at(-1)! >= idleMs;
  }

  /** Looks again when the first spare may have become idle; no process is kept alive for that. */
  #expireLater(): void {
    clearTimeout(this.#idle);
    this.#idle = undefined;
    if (this.#closed || this.ready === 0) return;
    const timer = setTimeout(() => this.expire(), this.#options.idleMs);
    Deno.unrefTimer(timer);
    this.#idle = timer;
  }

  /** Finds a kind that lacks a spare, the latest asked for first, and makes room for it. */
  #next(): Kind<S> | undefined {
    if (this.#closed) return undefined;
    const kinds = [...this.#kinds.values()].reverse();
    const shares = this.#share(kinds);
    for (const kind of kinds) {
      const share = shares.get(kind) ?? 0;
      if (kind.spares.length > share) this.#drop(kind, kind.spares.length - share);
    }
    const lacking = [...shares].find(([kind, share]) =>
      kind.spares.length < share && kind.failures < MAX_FAILURES &&
      (this.#options.refill || !kind.made)
    );
    if (lacking === undefined) this.#forget();
    return lacking?.[0];
  }

  /** Shares the places: one for each kind, while there are any, and what is left by use; the latest first. */
  #share(kinds: readonly Kind<S>[]): Map<Kind<S>, number> {
    const { size } = this.#options;
    const uses = this.#countUses(kinds.filter((kind) => !this.#isIdle(kind)));
    const shares = new Map<Kind<S>, number>(
      [...uses.keys()].slice(0, size).map((kind) => [kind, 1]),
    );
    let room = size - shares.size;
    for (const kind of shares.keys()) {
      const more = Math.min(uses.get(kind)! - 1, room);
      shares.set(kind, 1 + more);
      room -= more;
    }
    return shares;
  }

  /** Counts by kind; where there are more than places, those with the same general one count as that. */
  #countUses(kinds: readonly Kind<S>[]): Map<Kind<S>, number> {
    const alike = Map.groupBy(kinds, ({ general }) => general?.key ?? "");
    // what was asked for as a general kind may have been so for the others, before they had their own
    const own = kinds.filter(({ key }) => !alike.has(key));
    const uses = new Map<Kind<S>, number>();
    for (const kind of kinds) {
      const { general } = kind;
      const isServed = general !== undefined && own.length > this.#options.size &&
        alike.get(general.key)!.length > 1;
      const bearer = isServed ? this.#kindOf(general) : kind;
      uses.set(bearer, (uses.get(bearer) ?? 0) + kind.uses.length);
    }
    return uses;
  }

  #forget(): void {
    for (const [key, { spares }] of this.#kinds) {
      if (this.#kinds.size <= MAX_KINDS) break;
      if (spares.length === 0) this.#kinds.delete(key);
    }
  }

  #died(kind: Kind<S>, spare: S): void {
    const at = kind.spares.indexOf(spare);
    if (at < 0) return; // it was taken
    kind.spares.splice(at, 1);
    kind.failures++;
    if (!this.#closed) this.#fillLater();
  }

  #drop(kind: Kind<S>, count: number): void {
    for (const spare of kind.spares.splice(0, count)) this.#end(spare);
  }

  #end(spare: S): void {
    const done = () => void this.#ending.delete(ending);
    const ending: Promise<void> = Promise.resolve(spare[Symbol.asyncDispose]()).then(done, done);
    this.#ending.add(ending);
  }
}
