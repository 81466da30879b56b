import { SafeMap } from "../wire/safe_map.ts";

const FIRST_SIZE = 64;
/** A larger ring is not worth its memory; a power of two. */
const MAX_SIZE = 8_192;

/**
 * A map by the ids of messages, which are added in ascending order and mostly deleted in it.
 *
 * A ring holds the latest ids, and a map those that stayed while the ring went round. A map alone costs a
 * third of the throughput: each of its tables leads to the next, so that one old table keeps all that was in a
 * later one alive until the next full garbage collection.
 */
export class IdTable<T extends { readonly id: number }> {
  #ring: (T | undefined)[] = new Array(FIRST_SIZE).fill(undefined);
  #inRing = 0;
  readonly #stayed = new SafeMap<number, T>();

  get size(): number {
    return this.#inRing + this.#stayed.size;
  }

  get(id: number): T | undefined {
    const found = this.#ring[id & (this.#ring.length - 1)];
    if (found !== undefined && found.id === id) return found;
    return this.#stayed.size > 0 ? this.#stayed.get(id) : undefined;
  }

  add(item: T): void {
    let at = item.id & (this.#ring.length - 1);
    if (this.#ring[at] !== undefined) {
      if (this.#inRing * 2 >= this.#ring.length && this.#ring.length < MAX_SIZE) this.#grow();
      at = item.id & (this.#ring.length - 1);
      const before = this.#ring[at];
      if (before !== undefined) {
        this.#stayed.set(before.id, before);
        this.#inRing--;
      }
    }
    this.#ring[at] = item;
    this.#inRing++;
  }

  delete(id: number): boolean {
    const at = id & (this.#ring.length - 1);
    if (this.#ring[at]?.id !== id) return this.#stayed.size > 0 && this.#stayed.delete(id);
    this.#ring[at] = undefined;
    this.#inRing--;
    return true;
  }

  values(): T[] {
    const values: T[] = [];
    for (const item of this.#stayed.values()) values[values.length] = item;
    if (this.#inRing === 0) return values;
    for (let i = 0; i < this.#ring.length; i++) {
      const item = this.#ring[i];
      if (item !== undefined) values[values.length] = item;
    }
    return values;
  }

  clear(): void {
    this.#ring.fill(undefined);
    this.#inRing = 0;
    this.#stayed.clear();
  }

  #grow(): void {
    const before = this.#ring;
    const size = before.length * 2;
    const ring: (T | undefined)[] = new Array(size).fill(undefined);
    for (let i = 0; i < before.length; i++) {
      const item = before[i];
      if (item !== undefined) ring[item.id & (size - 1)] = item;
    }
    this.#ring = ring;
  }
}
