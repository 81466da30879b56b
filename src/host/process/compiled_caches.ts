// What Deno would compile again at each start of a plugin, kept in memory.
//
// Every plugin process has a cache folder of its own, which is empty at first: Deno then makes its
// databases anew and compiles the bootstrap and the bundle, which takes longer than all the rest of
// the start. When a bundle is started for the second time, a process under the same flags does that
// once more in the background and runs nothing; what it leaves in its folder is put into the folders
// of later starts: databases, JavaScript that was made of TypeScript, and the engine's own code. Nothing is
// ever taken from the folder of a process that ran plugin code. What is kept is kept in memory; on the disk
// are copies for the next process of each kind, in folders that nobody but the host's user may enter.
import type { CompileJob } from "./compile.ts";
import { type CacheFile, NO_FILES } from "../data/cache_file.ts";

const MAX_BUNDLES = 64;
/** Of all bundles together. */
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;

/**
 * Compiles bundles in the background, one at a time, and keeps the results of the 64 that were started
 * last, until it is disposed.
 */
export class CompiledCaches implements AsyncDisposable {
  #caches = new Map<string, readonly CacheFile[]>();
  #bytes = 0;
  #starts = new Map<string, number>();
  #work: Promise<void> = Promise.resolve();
  #abort = new AbortController();

  /** Gets the files for the cache folder of a bundle; none before it was compiled. */
  get(key: string): readonly CacheFile[] {
    return this.#caches.get(key) ?? NO_FILES;
  }

  /**
   * Counts a start of a bundle; at the second it is compiled, when those before it are done. A failure
   * costs only the time that is saved otherwise.
   */
  started(key: string, prepare: () => Promise<CompileJob>): void {
    const starts = (this.#starts.get(key) ?? 0) + 1;
    this.#starts.delete(key);
    this.#starts.set(key, starts); // the latest is the last
    const [oldest] = this.#starts.keys();
    if (this.#starts.size > MAX_BUNDLES) this.#forget(oldest!);
    if (starts !== 2) return;
    this.#work = this.#work.then(async () => {
      if (this.#abort.signal.aborted) return;
      const job = await prepare();
      try {
        const { compile } = await import("./compile.ts"); // few hosts come to this
        const files = await compile(job, this.#abort.signal);
        if (this.#starts.has(key)) this.#keep(key, files); // else it was evicted meanwhile
      } catch {
        // the next start compiles for itself, as the first did
      } finally {
        await job.launch[Symbol.asyncDispose]();
      }
    }).catch(() => {}); // its folders go with the host's
  }

  #keep(key: string, files: readonly CacheFile[]): void {
    this.#caches.set(key, files);
    this.#bytes += sizeOf(files);
    for (const oldest of this.#starts.keys()) {
      if (this.#bytes <= MAX_TOTAL_BYTES) break;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= sizeOf(this.get(key));
    this.#starts.delete(key);
    this.#caches.delete(key);
  }

  /** Waits until everything asked for is compiled. */
  async idle(): Promise<void> {
    await this.#work;
  }

  /** Ends what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#work;
    this.#caches.clear();
  }
}

function sizeOf(files: readonly CacheFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
