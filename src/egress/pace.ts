// A token bucket: a burst at once, then a steady rate.

/** Paces what costs the host something. */
export class Pace {
  readonly #burst: number;
  readonly #perSecond: number;
  #tokens: number;
  #filled: number = performance.now();

  /** Makes a full bucket: so much may be taken at once, and so much comes back each second. */
  constructor(burst: number, perSecond: number) {
    this.#burst = this.#tokens = burst;
    this.#perSecond = perSecond;
  }

  /** How long until something may be taken again, in milliseconds; 0 for at once. */
  get waitMs(): number {
    this.#fill();
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perSecond * 1000);
  }

  /** Takes tokens, on credit where there are none; the debt is one burst at most. */
  take(tokens: number): void {
    this.#fill();
    this.#tokens = Math.max(this.#tokens - tokens, -this.#burst);
  }

  #fill(): void {
    const now = performance.now();
    const earned = (now - this.#filled) / 1000 * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    this.#filled = now;
  }
}
