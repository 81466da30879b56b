// Holds calls back for a moment: while a plugin's state goes from one process to the next.
import { SallyportError } from "../../errors.ts";
import type { RequestOptions } from "../../rpc/calls/options.ts";

/** How many calls of one plugin may be held; one more ends the hand-over and none of the calls. */
export const MAX_HELD_CALLS = 10_000;

/** A timer that is to wait for longer fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Keeps calls waiting, each no longer than its own deadline and signal allow. */
export class CallGate {
  #open = Promise.withResolvers<void>();
  #held = 0;
  #onFull: () => void;

  /** Begins to hold. */
  constructor(onFull: () => void) {
    this.#onFull = onFull;
  }

  /** How many calls wait. */
  get held(): number {
    return this.#held;
  }

  /**
   * Waits until the calls are let go.
   *
   * @throws {SallyportError} `cancelled` or `timeout`, when the caller does not want to wait so long.
   */
  async wait(options: RequestOptions = {}): Promise<RequestOptions> {
    const { signal, timeoutMs, label = "the call" } = options;
    if (signal?.aborted) throw cancelled(label, signal.reason);
    const began = performance.now();
    const ended = Promise.withResolvers<never>();
    const onAbort = () => ended.reject(cancelled(label, signal?.reason));
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer = timeoutMs === undefined || timeoutMs > MAX_TIMER_MS
      ? undefined
      : setTimeout(() => ended.reject(timedOut(label, timeoutMs)), timeoutMs);
    if (++this.#held > MAX_HELD_CALLS) this.#onFull();
    try {
      await Promise.race([this.#open.promise, ended.promise]);
    } finally {
      this.#held--;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
    if (timer === undefined) return options;
    return { ...options, timeoutMs: Math.max(1, timeoutMs! - (performance.now() - began)) };
  }

  /** Lets every call go, in the order in which they came. */
  release(): void {
    this.#open.resolve();
  }
}

function cancelled(label: string, cause: unknown): SallyportError {
  return new SallyportError("cancelled", `Cannot finish ${label}: the caller cancelled it`, {
    details: { local: true },
    cause,
  });
}

function timedOut(label: string, timeoutMs: number): SallyportError {
  return new SallyportError(
    "timeout",
    `Cannot finish ${label}: the plugin was handing over its state for ${timeoutMs} ms`,
    { hint: "Give it more time", details: { local: true, timeoutMs } },
  );
}

/** Calls that wait while state is handed over. */
export interface HeldCalls {
  /** Aborts when too many wait, with the error to end with. */
  readonly full: AbortSignal;
  /** Lets them go, to whatever serves by then. */
  release(): void;
}

/** The error of a reload for which too many calls wait. */
export function tooManyHeld(plugin: string): SallyportError {
  return new SallyportError(
    "limit-exceeded",
    `Cannot reload plugin "${plugin}": more than ${MAX_HELD_CALLS} calls wait for its state to be handed over`,
    {
      hint: "Reload it when there is less to do, or hand over less",
      details: { plugin, max: MAX_HELD_CALLS },
    },
  );
}
