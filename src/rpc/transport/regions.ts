/** Regions begin at multiples of this: the size of a page, so that copies are of whole pages. */
const ALIGNMENT = 4_096;

/**
 * Keeps account of the regions of a file that are lent: each to one taker, until it gives it back. Takes the
 * lowest place that is large enough, so that the same pages are used again.
 */
export class Regions {
  readonly #bytes: number;
  /** Lent regions in ascending order; they do not overlap. */
  readonly #lent: { readonly start: number; readonly end: number }[] = [];
  /** How many bytes are lent, in whole pages. */
  lentBytes = 0;

  constructor(bytes: number) {
    this.#bytes = bytes - bytes % ALIGNMENT;
  }

  get size(): number {
    return this.#lent.length;
  }

  lend(length: number): number | undefined {
    const size = Math.ceil(length / ALIGNMENT) * ALIGNMENT;
    let start = 0;
    let index = 0;
    while (index < this.#lent.length && this.#lent[index]!.start - start < size) {
      start = this.#lent[index++]!.end;
    }
    if (start + size > this.#bytes) return undefined;
    this.#lent.splice(index, 0, { start, end: start + size });
    this.lentBytes += size;
    return start;
  }

  takeBack(start: number): boolean {
    const index = this.#lent.findIndex((region) => region.start === start);
    if (index < 0) return false;
    this.lentBytes -= this.#lent.splice(index, 1)[0]!.end - start;
    return true;
  }
}
