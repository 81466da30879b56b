/** How many more places than items may be empty at the front. */
const MIN_GAP = 1_024;

/** First in, first out; `shift()` of a long array would take as long as the array is. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #from = 0;

  get size(): number {
    return this.#items.length - this.#from;
  }

  push(item: T): void {
    this.#items[this.#items.length] = item;
  }

  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const item = this.#items[this.#from];
    this.#items[this.#from++] = undefined; // the array must not keep it alive
    if (this.#from * 2 >= this.#items.length + MIN_GAP) {
      this.#items.splice(0, this.#from);
      this.#from = 0;
    } else if (this.size === 0) this.clear();
    return item;
  }

  values(): T[] {
    return this.#items.slice(this.#from) as T[];
  }

  clear(): void {
    this.#items = [];
    this.#from = 0;
  }
}
