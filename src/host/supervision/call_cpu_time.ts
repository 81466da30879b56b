// Measures the processor time of the calls that a plugin is busy with.

/** What is looked at of a plugin's process. */
export interface CallSource {
  /** Counts since its start, and what is under way. */
  readonly counts: {
    /** Calls begun. */
    readonly calls: number;
    /** Calls that wait for an answer. */
    readonly inFlight: number;
    /** Messages from it. */
    readonly received: number;
  };
  /** Is called when a call begins. */
  onCall: () => void;
  /** Lists the calls that it has not answered. */
  openCalls(): number[];
}

/** Tells of calls that took more processor time than one may. */
export interface CallExcess {
  /** What was measured, in milliseconds. */
  readonly measuredMs: number;
  /** The calls that took it; none where it cannot be told which of several did. */
  readonly calls: readonly number[];
}

/** Options of {@linkcode CallCpuTime}. */
export interface CallCpuOptions {
  /** What one call may take, in milliseconds. */
  readonly limitMs: number;
  /** Reads the processor time of the process since its start, in milliseconds. */
  readonly read: () => number | undefined;
  /** Deals with an excess; until it has, no other is looked for. */
  readonly onExcess: (excess: CallExcess) => Promise<void>;
  /**
   * How often to look while calls are under way, in milliseconds.
   *
   * @default {250}
   */
  readonly everyMs?: number;
}

const EVERY_MS = 250;

/**
 * Looks at one process four times a second while calls are under way, and not at all otherwise; a call
 * itself costs a comparison.
 *
 * The kernel counts for the process, not for the call, so nothing is counted that may not have been the
 * call's: only the time between two looks with the same calls under way and no other begun in between.
 * Of that each of the calls has an equal share. A call that is alone is so measured to a look's length;
 * of several at once one has taken what the shares say, at least.
 *
 * A process that sends nothing at all, for longer than one call may take, is told as well, whatever is
 * under way: if it shows no sign of life, a single stretch of its code has taken that time.
 */
export class CallCpuTime implements Disposable {
  readonly #source: CallSource;
  readonly #options: CallCpuOptions;
  readonly #shares = new Map<number, number>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #calls = 0;
  #inFlight = 0;
  #cpuMs: number | undefined;
  #received = 0;
  /** The processor time when the process last sent something. */
  #heardCpuMs = 0;
  #busy = false;
  #disposed = false;

  /** Begins to listen for calls. */
  constructor(source: CallSource, options: CallCpuOptions) {
    this.#source = source;
    this.#options = options;
    source.onCall = () => {
      if (this.#timer === undefined) this.#start();
    };
  }

  /** Looks no more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#source.onCall = () => {};
    this.#stop();
  }

  #start(): void {
    if (this.#disposed) return;
    this.#timer = setInterval(() => this.#look(), this.#options.everyMs ?? EVERY_MS);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#cpuMs = undefined;
    this.#shares.clear();
  }

  #look(): void {
    const { calls, inFlight, received } = this.#source.counts;
    const cpuMs = inFlight === 0 ? undefined : this.#options.read();
    if (cpuMs === undefined) return this.#stop(); // the next call begins anew
    const beforeMs = this.#cpuMs;
    const same = calls === this.#calls && inFlight === this.#inFlight;
    if (beforeMs === undefined || received !== this.#received) this.#heardCpuMs = cpuMs;
    this.#calls = calls;
    this.#inFlight = inFlight;
    this.#received = received;
    this.#cpuMs = cpuMs;
    if (beforeMs === undefined) return;
    const over = this.#share(same ? (cpuMs - beforeMs) / inFlight : 0);
    if (this.#busy) return;
    const { limitMs } = this.#options;
    const silentMs = cpuMs - this.#heardCpuMs;
    if (over.length > 0) {
      const measuredMs = Math.max(...over.map((id) => this.#shares.get(id)!));
      for (const id of over) this.#shares.delete(id);
      this.#tell({ measuredMs, calls: over });
    } else if (silentMs > limitMs) {
      this.#heardCpuMs = cpuMs;
      this.#tell({ measuredMs: silentMs, calls: [] });
    }
  }

  /** Adds to the calls under way, and finds those that have had too much. */
  #share(shareMs: number): number[] {
    if (shareMs === 0 && this.#shares.size === 0) return [];
    const open = this.#source.openCalls();
    const left = new Set(open);
    for (const id of this.#shares.keys()) if (!left.has(id)) this.#shares.delete(id);
    return open.filter((id) => {
      const ms = (this.#shares.get(id) ?? 0) + shareMs;
      if (ms > 0) this.#shares.set(id, ms);
      return ms > this.#options.limitMs;
    });
  }

  #tell(excess: CallExcess): void {
    this.#busy = true;
    this.#options.onExcess(excess).finally(() => this.#busy = false);
  }
}
