/** Limits a rate: so many a second over time, and a burst at once, by default of four seconds' worth. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #refilledAt: number;

  constructor(perSecond: number, now: number, burst: number = 4 * perSecond) {
    this.#perSecond = perSecond;
    this.#tokens = this.#burst = burst;
    this.#refilledAt = now;
  }

  /** Adds what time has earned; call it once for a batch, so that no clock is read for each item. */
  refill(now: number): void {
    if (this.#perSecond === Infinity) return;
    const earned = (now - this.#refilledAt) * this.#perSecond / 1_000;
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, earned));
    this.#refilledAt = now;
  }

  /** Takes some on credit; returns for how many milliseconds nothing more should be taken. */
  borrow(amount = 1): number {
    this.#tokens -= amount;
    return this.#tokens >= 0 ? 0 : -this.#tokens * 1_000 / this.#perSecond;
  }

  /** Takes one; returns `false` where none is left. */
  take(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
