// Keeps what is made on the disk once for many starts, and makes it again when it is gone from there.
import { isPresent } from "../../io/is_present.ts";

/** What was made, by a key; a failure is not kept. */
export class MadeOnce<T> {
  readonly #made = new Map<string, Promise<T>>();
  readonly #pathOf: (made: T) => string | undefined;

  /** @param pathOf Where a thing is on the disk, if it is. */
  constructor(pathOf: (made: T) => string | undefined) {
    this.#pathOf = pathOf;
  }

  /** How many there are. */
  get size(): number {
    return this.#made.size;
  }

  /** Gets the thing of a key. */
  async get(key: string, make: () => Promise<T>): Promise<T> {
    for (;;) {
      const known = this.#made.get(key);
      if (known === undefined) break;
      const made = await known;
      const path = this.#pathOf(made);
      if (path === undefined || isPresent(path)) return made;
      this.#forget(key, known); // a cleaner of temporary files has removed it
    }
    const making = make();
    this.#made.set(key, making);
    making.catch(() => this.#forget(key, making));
    return await making;
  }

  #forget(key: string, made: Promise<T>): void {
    if (this.#made.get(key) === made) this.#made.delete(key);
  }
}
