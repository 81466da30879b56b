// What Deno would compile again at each start of a plugin, kept in memory.
//
// Every plugin process has a cache folder of its own, which is empty at first: Deno then makes its
// databases anew and compiles the bootstrap and the bundle, which takes longer than all the rest of
// the start. When a bundle is started for the second time, a process under the same flags does that
// once more in the background and runs nothing; what it leaves in its folder is put into the folders
// of later starts: databases, JavaScript that was made of TypeScript, and the engine's own code. Nothing is
// ever taken from the folder of a process that ran plugin code. A host with a folder of its own keeps there,
// authenticated, what it has compiled and what it has started once, for the next host.
import type { CompileJob } from "./compile.ts";
import { sha3_512Hex } from "../../crypto/digest.ts";
import { type CacheFile, NO_FILES, packCache, unpackCache } from "../data/cache_file.ts";
import type { KeptFiles } from "../data/kept_files.ts";

const MAX_BUNDLES = 64;
/** Of all bundles together. */
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;

/**
 * Compiles bundles in the background, one at a time, and keeps the results of the 64 that were started
 * last, until it is disposed.
 */
export class CompiledCaches implements AsyncDisposable {
  readonly #kept: KeptFiles | undefined;
  #caches = new Map<string, readonly CacheFile[]>();
  #bytes = 0;
  #starts = new Map<string, number>();
  /** What is to be compiled, the oldest first. */
  readonly #waiting = new Map<string, () => Promise<CompileJob>>();
  #running: { readonly key: string; readonly done: Promise<void> } | undefined;
  #marking: Promise<void> | undefined;
  #abort = new AbortController();

  /** @param kept Where the next host finds them. */
  constructor(kept?: KeptFiles) {
    this.#kept = kept;
  }

  /** Gets the files for the cache folder of a bundle; none before it was compiled. */
  async get(key: string): Promise<readonly CacheFile[]> {
    const known = this.#caches.get(key);
    if (known !== undefined || this.#kept === undefined) return known ?? NO_FILES;
    const bytes = await this.#kept.read(fileOf(key));
    // an empty file says that another host has started it once
    if (bytes?.length === 0 && !this.#starts.has(key)) this.#starts.set(key, 1);
    const files = bytes === undefined || bytes.length === 0 ? NO_FILES : unpackCache(bytes);
    if (files.length > 0 && !this.#caches.has(key)) {
      this.#starts.set(key, this.#starts.get(key) ?? 0);
      this.#keep(key, files);
    }
    return this.#caches.get(key) ?? files;
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
    if (this.#caches.has(key)) return;
    if (starts === 1) this.#marking = this.#kept?.write(fileOf(key), new Uint8Array());
    if (starts !== 2) return;
    this.#waiting.set(key, prepare);
    this.#next();
  }

  /** Begins with the next, when nothing is under way. */
  #next(): void {
    const [next] = this.#waiting;
    if (this.#running !== undefined || next === undefined) return;
    const [key, prepare] = next;
    this.#waiting.delete(key);
    const done = this.#compile(key, prepare).finally(() => {
      this.#running = undefined;
      this.#next();
    });
    this.#running = { key, done };
  }

  async #compile(key: string, prepare: () => Promise<CompileJob>): Promise<void> {
    try {
      const job = await prepare();
      try {
        const { compile } = await import("./compile.ts"); // few hosts come to this
        const files = await compile(job, this.#abort.signal);
        if (this.#starts.has(key)) this.#keep(key, files); // else it was evicted meanwhile
        await this.#kept?.write(fileOf(key), packCache(files));
      } finally {
        await job.launch[Symbol.asyncDispose]();
      }
    } catch {
      // the next start compiles for itself, as the first did; its folders go with the host's
    }
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
    this.#bytes -= sizeOf(this.#caches.get(key) ?? NO_FILES);
    this.#starts.delete(key);
    this.#caches.delete(key);
  }

  /** Waits until a bundle is compiled if that is under way; where it waits for its turn, it loses that. */
  async settle(key: string): Promise<void> {
    if (this.#waiting.delete(key)) this.#starts.set(key, this.#starts.get(key)! - 1);
    if (this.#running?.key === key) await this.#running.done;
  }

  /** Waits until everything asked for is compiled. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running.done;
  }

  /** Ends what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    this.#waiting.clear();
    await this.idle();
    await this.#marking;
    this.#caches.clear();
  }
}

function fileOf(key: string): string {
  return `code-${sha3_512Hex(new TextEncoder().encode(key)).slice(0, 32)}`;
}

function sizeOf(files: readonly CacheFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
