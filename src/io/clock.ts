/** The time and its timers, in one place, so that a test can have its own. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Acts once in so many milliseconds; it keeps no process alive. Returns what cancels that. */
  after(ms: number, act: () => void): () => void;
}

/** The clock of the machine. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  after(ms, act) {
    const timer = setTimeout(act, ms);
    Deno.unrefTimer(timer);
    return () => clearTimeout(timer);
  },
};
