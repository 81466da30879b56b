import { SallyportError } from "../../errors.ts";
import { DatabaseChild, type DatabasePlace } from "./child.ts";
import type { DatabaseConfig, DatabaseMethod } from "./protocol.ts";

export interface DatabaseClientOptions {
  readonly plugin: string;
  /** Says what to open; asked at each start, because files come and go. */
  readonly config: () => Promise<DatabaseConfig>;
  /** Makes a place for a process; disposed of when the process has ended. */
  readonly place: () => Promise<DatabasePlace & AsyncDisposable>;
  /** How long one call may take, in milliseconds, from the moment when its turn has come. */
  readonly timeoutMs: number;
  readonly maxQueued: number;
}

interface Entry {
  readonly method: DatabaseMethod;
  readonly args: readonly unknown[];
  readonly signal: AbortSignal;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Runs calls one after another; a process that was ended is started anew for the next. */
export class DatabaseClient {
  readonly #options: DatabaseClientOptions;
  readonly #queue: Entry[] = [];
  #child: DatabaseChild | undefined;
  #place: AsyncDisposable | undefined;
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(options: DatabaseClientOptions) {
    this.#options = options;
  }

  /**
   * Runs a method when its turn comes.
   *
   * A call that is cancelled is answered at once; a statement that runs already goes on to its end or
   * its deadline, so that cancelling costs no process.
   */
  run(
    method: DatabaseMethod,
    args: readonly unknown[],
    signal: AbortSignal,
  ): Promise<unknown> {
    const { plugin, maxQueued } = this.#options;
    if (this.#closed) return Promise.reject(this.#gone());
    if (this.#queue.length >= maxQueued) {
      return Promise.reject(
        new SallyportError(
          "limit-exceeded",
          `Plugin "${plugin}" has ${maxQueued} database calls waiting`,
          { hint: "Wait for answers, or use batch()", details: { plugin, maxQueued } },
        ),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const entry: Entry = { method, args, signal, resolve, reject };
    const onAbort = () => {
      const index = this.#queue.indexOf(entry);
      if (index >= 0) this.#queue.splice(index, 1);
      reject(new SallyportError("cancelled", "The database call was cancelled"));
    };
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener("abort", onAbort, { once: true });
      this.#queue.push(entry);
      this.#working ??= this.#work();
    }
    return promise.finally(() => signal.removeEventListener("abort", onAbort));
  }

  /** Ends the process and fails the calls in the queue. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#queue.splice(0)) entry.reject(this.#gone());
    // a statement that runs is not waited for: its plugin is gone
    if (this.#working !== undefined) await this.#child?.kill();
    await this.#working;
    await this.#child?.stop();
    await this.#leave();
  }

  async #work(): Promise<void> {
    // run() must have kept the promise of this work before the work can end
    await Promise.resolve();
    for (let entry = this.#queue.shift(); entry !== undefined; entry = this.#queue.shift()) {
      if (entry.signal.aborted) continue;
      try {
        const child = await this.#start();
        if (this.#closed) throw this.#gone();
        const { method, args } = entry;
        entry.resolve(await child.run({ method, args }, this.#options.timeoutMs));
      } catch (error) {
        entry.reject(this.#closed ? this.#gone() : error);
      }
      if (this.#child !== undefined && !this.#child.alive) await this.#leave();
    }
    this.#working = undefined;
  }

  async #start(): Promise<DatabaseChild> {
    if (this.#closed) throw this.#gone();
    if (this.#child?.alive) return this.#child;
    await this.#leave();
    const config = await this.#options.config();
    const place = await this.#options.place();
    this.#place = place;
    return this.#child = await DatabaseChild.start(place, config);
  }

  async #leave(): Promise<void> {
    const [child, place] = [this.#child, this.#place];
    this.#child = this.#place = undefined;
    await child?.kill();
    await place?.[Symbol.asyncDispose]();
  }

  #gone(): SallyportError {
    const { plugin } = this.#options;
    return new SallyportError("bad-state", `The database of plugin "${plugin}" is closed`, {
      details: { plugin },
    });
  }
}
