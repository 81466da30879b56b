import { now as clock } from "./clock.ts";

/** Leaves the peer's messages in the pipe for a while, because it sends too many. */
export class Pause {
  #ms = 0;
  #until = Infinity;
  #resume: () => void = () => {};

  /** Asks for a pause before anything else is read; the longest that was asked for counts. */
  ask(ms: number): void {
    if (ms > this.#ms) this.#ms = ms;
  }

  /** Waits as long as was asked for, or until {@linkcode expire} or {@linkcode end}. */
  begin(arm: (at: number) => void): Promise<void> | undefined {
    if (this.#ms === 0) return undefined;
    this.#until = clock() + this.#ms;
    this.#ms = 0;
    arm(this.#until);
    return new Promise<void>((resolve) => this.#resume = resolve);
  }

  /** Ends a pause that is over by now; returns when the present one is, or `Infinity`. */
  expire(now: number): number {
    if (this.#until <= now) this.end();
    return this.#until;
  }

  end(): void {
    this.#until = Infinity;
    this.#resume();
  }
}
