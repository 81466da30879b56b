/**
 * Counts the bytes of a folder, a few entries at a time.
 *
 * @module
 */

/** A folder whose own entry is larger holds some 50,000 names: listing it would hold the host up. */
const MAX_FOLDER_BYTES = 1024 * 1024;
const MAX_PENDING = 100_000;

/** What a folder holds. */
export interface StorageSize {
  /** Bytes: of each file the larger of its length and the blocks that it takes. */
  readonly bytes: number;
  /** Whether everything was counted; else it is the least there is. */
  readonly complete: boolean;
}

/**
 * Walks through a folder again and again. Symlinks are not followed; a plugin that swaps a folder for one
 * in between has somebody else's bytes counted as its own, and learns nothing of them.
 */
export class StorageScan {
  readonly #dir: string;
  #pending: Iterator<string>[] = [];
  #whole: StorageSize | undefined;
  #bytes = 0;
  #complete = true;
  #running = false;
  #walks = 0;

  /**
   * Takes the folder; reads nothing yet.
   *
   * @param dir The folder.
   */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Whether a walk has begun and not ended. */
  get running(): boolean {
    return this.#running;
  }

  /**
   * What the last whole walk found, or the one that runs where that is more already; `undefined` while
   * there was none.
   */
  get size(): StorageSize | undefined {
    if (this.#running && this.#bytes > (this.#whole?.bytes ?? Infinity)) {
      return { bytes: this.#bytes, complete: this.#whole!.complete };
    }
    return this.#whole;
  }

  /** How many walks have ended. */
  get walks(): number {
    return this.#walks;
  }

  /** Begins a walk, unless one runs. */
  begin(): void {
    if (this.#running) return;
    this.#running = true;
    this.#bytes = 0;
    this.#complete = true;
    this.#pending = [[this.#dir].values()];
  }

  /**
   * Goes on with the walk that runs.
   *
   * @param entries How many entries to look at.
   * @returns How many were looked at.
   */
  step(entries: number): number {
    let looked = 0;
    while (this.#running && looked < entries) {
      const { done, value: path } = this.#pending.at(-1)?.next() ??
        { done: true, value: undefined };
      if (path === undefined || done) {
        this.#pending.pop();
        if (this.#pending.length === 0) this.#end();
        continue;
      }
      looked++;
      this.#add(path);
    }
    return looked;
  }

  #add(path: string): void {
    try {
      const info = Deno.lstatSync(path);
      this.#bytes += Math.max(info.size, (info.blocks ?? 0) * 512);
      if (!info.isDirectory) return;
      if (info.size > MAX_FOLDER_BYTES || this.#pending.length >= MAX_PENDING) {
        this.#complete = false;
        return;
      }
      this.#pending.push(list(path));
    } catch (error) {
      // gone since it was listed; anything else hides bytes from the count
      if (!(error instanceof Deno.errors.NotFound)) this.#complete = false;
    }
  }

  #end(): void {
    this.#running = false;
    this.#walks++;
    this.#whole = { bytes: this.#bytes, complete: this.#complete };
  }
}

function list(dir: string): Iterator<string> {
  const names: string[] = [];
  for (const { name } of Deno.readDirSync(dir)) names.push(`${dir}/${name}`);
  return names.values();
}
