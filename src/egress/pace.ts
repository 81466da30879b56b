// A token bucket: a burst at once, then a steady rate.

/** Options of {@linkcode Pace}. */
export interface PaceOptions {
  /** How much may be taken at once. */
  burst: number;
  /** How much comes back each second. */
  perSecond: number;
}

/** Paces what costs the host something. */
export class Pace {
  readonly #options: PaceOptions;
  #tokens: number;
  #filled: number = performance.now();

  /** Makes a full bucket. */
  constructor(options: PaceOptions) {
    this.#options = options;
    this.#tokens = options.burst;
  }

  /** How long until something may be taken again, in milliseconds; 0 for at once. */
  get waitMs(): number {
    this.#fill();
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#options.perSecond * 1000);
  }

  /** Takes tokens, on credit where there are none; the debt is one burst at most. */
  take(tokens: number): void {
    this.#fill();
    this.#tokens = Math.max(this.#tokens - tokens, -this.#options.burst);
  }

  #fill(): void {
    const now = performance.now();
    const { burst, perSecond } = this.#options;
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#filled) / 1000 * perSecond);
    this.#filled = now;
  }
}
