// Keeps the walks through all plugins' storage together within a rate.

const ENTRIES_PER_SECOND = 1_000;
const BURST = 2_000;

/** Grants storage entries: a thousand a second, which is some half a percent of a processor. */
export class EntryBudget {
  #left = BURST;
  #atMs = performance.now();

  /**
   * Grants entries, at most half of what is left, so that one plugin's files do not starve the others.
   */
  take(wanted: number): number {
    const now = performance.now();
    this.#left = Math.min(BURST, this.#left + (now - this.#atMs) * ENTRIES_PER_SECOND / 1_000);
    this.#atMs = now;
    const granted = Math.max(1, Math.min(wanted, Math.floor(this.#left / 2)));
    this.#left = Math.max(0, this.#left - granted);
    return granted;
  }
}
