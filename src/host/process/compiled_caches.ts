/**
 * What Deno would compile again at each start of a plugin, kept in memory.
 *
 * Every plugin process has a cache folder of its own, which is empty at first: Deno then makes its
 * databases anew and compiles the bootstrap and the bundle, which takes longer than all the rest of
 * the start. When a bundle is started for the second time, a process under the same flags does that
 * once more in the background and runs nothing; what it leaves in its folder is put into the folders
 * of later starts: databases, JavaScript that was made of TypeScript, and the engine's own code. Nothing is
 * ever taken from the folder of a process that ran plugin code. What is kept is kept in memory; on the disk
 * are copies for the next process of each kind, in folders that nobody but the host's user may enter.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { removeTree } from "../../io/remove_tree.ts";
import { startChild } from "../../process/child.ts";
import { stopChild } from "../../process/stop.ts";
import { Connection } from "../../rpc/connection.ts";
import { childDuplex } from "../../rpc/transport/duplex.ts";
import type { CodeCaching } from "../../permissions/flags.ts";
import type { BaseCache } from "./base_cache.ts";
import { isCodeCache } from "../admission/code_caching.ts";
import { type CacheFile, NO_FILES } from "../data/cache_file.ts";
import type { OpenLaunch } from "./process_resources.ts";

/** Says how to have a bundle compiled. */
export interface CompileJob {
  /** The URL of the entry, as the process sees it. */
  readonly entry: string;
  /** The runtime's own modules that it names. */
  readonly builtins?: readonly string[];
  /**
   * The largest file that a process which gets copies may write.
   *
   * @default {no bound of its own}
   */
  readonly maxFileBytes?: number;
  /** Starts the bootstrap as the plugin's own process is started, but to compile only. */
  readonly launch: Pick<OpenLaunch, "command" | "enter" | "denoDir" | typeof Symbol.asyncDispose>;
}

const MAX_BUNDLES = 64;
const MAX_BYTES = 4 * 1024 * 1024;
/** What leaves room for all the rest. */
const MAX_DATABASE_BYTES = MAX_BYTES / 2;
/** Of all bundles together. */
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 1_000;
// what takes longer is not worth an unload that waits for it
const TIMEOUT_MS = 3_000;

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
  #base: BaseCache | undefined;
  #starting = 0;
  #started = 0;

  /** Makes an empty one. */
  constructor(base?: BaseCache) {
    this.#base = base;
  }

  /** Gets the files for the cache folder of a bundle; none before it was compiled. */
  get(key: string): readonly CacheFile[] {
    return this.#caches.get(key) ?? NO_FILES;
  }

  /**
   * Gets the files for the cache folder of a process: those of the bundle, or of the bootstrap alone.
   */
  filesFor(key: string, inside: boolean, code: CodeCaching): readonly CacheFile[] {
    const own = this.get(key);
    return own.length > 0 ? own : this.#base?.files(inside, code) ?? NO_FILES;
  }

  /**
   * Counts a start that begins, and lets it wait where there are more than processors: all of them are
   * sooner done when those whose turn has not come find something in their cache folders.
   */
  async starting(): Promise<Disposable> {
    const ending = { [Symbol.dispose]: () => void this.#starting-- };
    if (++this.#starting > navigator.hardwareConcurrency) await this.#base?.make();
    return ending;
  }

  /**
   * Counts a start of a bundle; at the second it is compiled, when those before it are done. A failure
   * costs only the time that is saved otherwise.
   */
  started(key: string, prepare: () => Promise<CompileJob>, onKept: () => void = () => {}): void {
    const starts = (this.#starts.get(key) ?? 0) + 1;
    this.#starts.delete(key);
    this.#starts.set(key, starts); // the latest is the last
    const [oldest] = this.#starts.keys();
    if (this.#starts.size > MAX_BUNDLES) this.#forget(oldest!);
    // who starts one plugin only has no use for it
    if (++this.#started === 2) this.#work = this.#work.then(() => this.#base?.make());
    if (starts !== 2) return;
    this.#work = this.#work.then(async () => {
      if (this.#abort.signal.aborted) return;
      const job = await prepare();
      try {
        const files = await compile(job, this.#abort.signal);
        if (!this.#starts.has(key)) return; // pushed out meanwhile
        this.#keep(key, files);
        if (this.get(key).length > 0) onKept();
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
    await this.#base?.[Symbol.asyncDispose]();
    await this.#work;
    this.#caches.clear();
  }
}

function sizeOf(files: readonly CacheFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Has a process compile a bundle and run none of it. */
export async function compile(
  { entry, builtins = [], maxFileBytes, launch }: Omit<CompileJob, "launch"> & {
    launch: Pick<OpenLaunch, "command" | "enter" | "denoDir">;
  },
  signal: AbortSignal,
  timeoutMs: number = TIMEOUT_MS,
): Promise<readonly CacheFile[]> {
  const child = startChild(launch.command);
  const connection = new Connection({ io: childDuplex(child.process), role: "host" });
  try {
    const bounds = { timeoutMs, signal };
    if (launch.enter !== undefined) await connection.request("sandbox/enter", launch.enter, bounds);
    const job = { protocol: 1, entry, builtins, compileOnly: true };
    await connection.request("initialize", job, bounds);
    await stopChild(child, { endInput: () => connection.end() });
  } finally {
    child.kill("SIGKILL");
    await connection[Symbol.asyncDispose]();
    await child.exited;
    await child.stderr.release();
  }
  return await readCache(launch.denoDir, maxFileBytes);
}

/**
 * Moves what is in a database's write-ahead log into the database itself, with the statistics that the runtime
 * would else make and write at each start.
 */
function foldLog(file: string): void {
  const database = new DatabaseSync(file);
  try {
    database.exec("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    database.close();
  }
}

/**
 * Keeps the runtime from adding code: compiling for the cache takes longer than it saves a process that
 * ends with it, and what a plugin may write is bounded.
 */
function freezeCode(file: string): boolean {
  const database = new DatabaseSync(file);
  try {
    database.exec(
      "CREATE TRIGGER frozen BEFORE INSERT ON codecache BEGIN SELECT RAISE(IGNORE); END",
    );
    return true;
  } catch {
    return false;
  } finally {
    database.close();
  }
}

/** Reads the databases and the compiled modules that a process has left, and removes them. */
export async function readCache(
  dir: string,
  maxFileBytes: number = MAX_BYTES,
): Promise<readonly CacheFile[]> {
  for (const { name, isFile } of [...Deno.readDirSync(dir)]) {
    const path = `${dir}/${name}`;
    if (!isFile || !/_cache_v\d+$/.test(name)) continue;
    const keeps = !isCodeCache(name) || freezeCode(path);
    foldLog(path);
    // the rest is of use without it
    if (!keeps || Deno.statSync(path).size > Math.min(maxFileBytes, MAX_DATABASE_BYTES)) {
      Deno.removeSync(path);
    }
  }
  const files: CacheFile[] = [];
  const folders = [""];
  let bytes = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const { name, isFile, isDirectory } of Deno.readDir(`${dir}/${folder}`)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (isDirectory && (folder !== "" || name === "gen")) folders.push(path);
      if (!isFile || (folder === "" && !/_cache_v\d+$/.test(name))) continue;
      bytes += (await Deno.lstat(`${dir}/${path}`)).size;
      if (bytes > MAX_BYTES || files.length === MAX_FILES) return [];
      files.push({ path, bytes: await Deno.readFile(`${dir}/${path}`) });
    }
  }
  await removeTree(dir);
  return files;
}
