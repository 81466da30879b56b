// Has a bundle compiled by a process that runs none of it, and reads what that leaves.
import { DatabaseSync } from "node:sqlite";
import { removeTree } from "../../io/remove_tree.ts";
import { startChild } from "../../process/child.ts";
import { stopChild } from "../../process/stop.ts";
import { Connection } from "../../rpc/connection.ts";
import { childDuplex } from "../../rpc/transport/duplex.ts";
import { isCodeCache } from "../admission/code_caching.ts";
import type { CacheFile } from "../data/cache_file.ts";
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

const MAX_BYTES = 4 * 1024 * 1024;
/** What leaves room for all the rest. */
const MAX_DATABASE_BYTES = MAX_BYTES / 2;
const MAX_FILES = 1_000;
// what takes longer is not worth an unload that waits for it
const TIMEOUT_MS = 3_000;

/** Has a process compile a bundle and run none of it. */
export async function compile(
  { entry, builtins = [], maxFileBytes, launch }: CompileJob,
  signal: AbortSignal,
): Promise<readonly CacheFile[]> {
  const child = startChild(launch.command);
  const connection = new Connection({ io: childDuplex(child.process), role: "host" });
  try {
    const bounds = { timeoutMs: TIMEOUT_MS, signal };
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
