/** Regions begin at multiples of this: the size of a page, so that copies are of whole pages. */
const ALIGNMENT = 4_096;

/**
 * Keeps account of the regions of a file that are lent: each to one taker, until it gives it back. Takes the
 * lowest place that is large enough, so that the same pages are used again.
 */
export class Regions {
  readonly #bytes: number;
  /** Where lent regions begin and end, ascending; they do not overlap. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #lentBytes = 0;

  constructor(bytes: number) {
    this.#bytes = bytes - bytes % ALIGNMENT;
  }

  /** How many bytes are lent, in whole pages. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  get size(): number {
    return this.#starts.length;
  }

  lend(length: number): number | undefined {
    const size = length + (ALIGNMENT - length % ALIGNMENT) % ALIGNMENT;
    let at = 0;
    let index = 0;
    while (index < this.#starts.length && this.#starts[index]! - at < size) {
      at = this.#ends[index++]!;
    }
    if (at + size > this.#bytes) return undefined;
    this.#starts.splice(index, 0, at);
    this.#ends.splice(index, 0, at + size);
    this.#lentBytes += size;
    return at;
  }

  takeBack(start: number): boolean {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! < start) low = middle + 1;
      else high = middle;
    }
    if (this.#starts[low] !== start) return false;
    this.#starts.splice(low, 1);
    this.#lentBytes -= this.#ends.splice(low, 1)[0]! - start;
    return true;
  }
}
