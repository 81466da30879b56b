import { now as clock } from "./clock.ts";

const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * One timer for many deadlines. Arming costs nothing while an earlier deadline stands, and nothing is
 * disarmed when a call ends in time: the timer then fires once for nothing and looks for the next one.
 * Looks `setTimeout` up no earlier than it is needed: in a plugin's process that alone takes 4 ms.
 * It may keep the event loop alive, but no longer than its connection, whose reading does so anyway.
 */
export class DeadlineTimer {
  readonly #fire: (now: number) => number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = Infinity;
  #stopped = false;

  constructor(fire: (now: number) => number) {
    this.#fire = fire;
  }

  /** Makes sure that the timer fires at a moment of `performance.now()`, or earlier. */
  arm(at: number): void {
    if (at >= this.#at || this.#stopped) return;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#at = at;
    const delay = Math.min(MAX_DELAY_MS, Math.max(0, Math.ceil(at - clock())));
    this.#timer = setTimeout(() => this.#onTimer(), delay);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#at = Infinity;
    const next = this.#fire(clock());
    if (next !== Infinity) this.arm(next);
  }
}
