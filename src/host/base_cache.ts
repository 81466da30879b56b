/**
 * What Deno keeps of our own bootstrap, made once in the life of this process.
 *
 * In an empty cache folder Deno makes its databases and analyses the bootstrap before it runs anything,
 * which takes a fifth of the start of a plugin. What one process leaves that runs the bootstrap alone, with
 * no plugin and no permissions, is therefore put into the folder of every start that has nothing better.
 * It is kept in memory only, so nobody can change it.
 *
 * @module
 */
import { isAbsolute } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { kill } from "../sandbox/cgroup/bounded_command.ts";
import { removeTree } from "../bundle/remove_tree.ts";
import { settledWithin } from "../process/stop.ts";
import { findSetpriv } from "../sandbox/choose.ts";
import { INSIDE } from "../sandbox/launch_spec.ts";
import { type CacheFile, readCache } from "./compiled_caches.ts";
import type { DataDir } from "./data_dir.ts";

/** What was made for one executable. */
interface Base {
  /** The bootstrap that it knows, besides the one that a sandbox shows. */
  readonly bootstrap: string;
  readonly files: readonly CacheFile[];
}

const FLAGS = [
  ..."run --no-prompt --no-remote --no-npm --no-config --no-lock --cached-only".split(" "),
  ...["--deny-import", "--no-code-cache"],
];
// what takes longer is not worth an unload that waits for it
const TIMEOUT_MS = 10_000;
const GRACE_MS = 500;
/** After so many failures in this process it is left. */
const MAX_FAILURES = 3;
/** In this database is what Deno found in a module, by the URL of the module. */
const ANALYSES = /^dep_analysis_cache_v\d+$/;
const INSIDE_URL = `file://${INSIDE.runtime}/bootstrap.js`;

/** By executable: what was made, what is being made, and how often that failed. */
const kept = new Map<string, Base>();
const underWay = new Map<string, Promise<void>>();
const failures = new Map<string, number>();

/** Holds the files for the cache folders of one host's plugins. */
export class BaseCache implements AsyncDisposable {
  readonly #executable: string;
  readonly #data: Pick<DataDir, "runtime" | "scratch">;
  readonly #abort = new AbortController();
  #making: Promise<void> | undefined;
  #base: Base | undefined;
  #own: readonly CacheFile[] | undefined;

  /**
   * Makes nothing yet.
   *
   * @param executable The `deno` executable.
   * @param data The host's folder; nothing stays in it.
   */
  constructor(executable: string, data: Pick<DataDir, "runtime" | "scratch">) {
    this.#executable = executable;
    this.#data = data;
  }

  /**
   * Gives the files for the cache folder of a process.
   *
   * @param inside Whether it sees the bootstrap where a sandbox shows it, or in the host's folder.
   * @returns The files, the same ones every time; none before they are made.
   */
  files(inside: boolean): readonly CacheFile[] {
    const { bootstrap, files = [] } = (this.#base ??= kept.get(this.#executable)) ?? {};
    const { runtime, scratch } = this.#data;
    if (inside || bootstrap === undefined || runtime.bootstrap === bootstrap) return files;
    return this.#own ??= renamed(files, `${scratch}/base-cache`, bootstrap, runtime.bootstrap);
  }

  /**
   * Makes them in the background, where no host in this process has or does. A failure costs only the time that is
   * saved otherwise.
   *
   * @returns Settles when that is over, in ten seconds at most; never rejects.
   */
  async make(): Promise<void> {
    const executable = this.#executable;
    const failed = failures.get(executable) ?? 0;
    if (kept.has(executable) || failed >= MAX_FAILURES || this.#abort.signal.aborted) return;
    let making = underWay.get(executable);
    if (making === undefined) {
      this.#making = making = make(executable, this.#data, this.#abort.signal).then(
        (base) => void kept.set(executable, base),
        () => void (this.#abort.signal.aborted || failures.set(executable, failed + 1)),
      ).finally(() => underWay.delete(executable));
      underWay.set(executable, making);
    }
    await making;
  }

  /** Ends what this host began, unless it is over in a moment: other hosts will have use for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#making !== undefined) await settledWithin(this.#making, GRACE_MS);
    this.#abort.abort();
    await this.#making;
  }
}

async function make(
  executable: string,
  { runtime, scratch }: Pick<DataDir, "runtime" | "scratch">,
  signal: AbortSignal,
): Promise<Base> {
  const dir = `${scratch}/base-cache`;
  const split = runtime.bootstrap.lastIndexOf("/");
  Deno.mkdirSync(dir, { mode: 0o700 });
  try {
    // it finds the end of its input, and ends; it must not go on in a folder that is swept after the host
    const setpriv = isAbsolute(executable) ? findSetpriv() : undefined;
    const [command, ...args] = [
      ...(setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL", "--"]),
      ...[executable, ...FLAGS, "--import-map=import_map.json"],
      runtime.bootstrap.slice(split + 1),
    ];
    const child = new Deno.Command(command!, {
      args,
      env: { DENO_DIR: dir, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      clearEnv: true,
      cwd: runtime.bootstrap.slice(0, split),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const end = () => kill(child);
    const timer = setTimeout(end, TIMEOUT_MS);
    signal.addEventListener("abort", end);
    const { success } = await child.status;
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    if (!success) throw new Error("Cannot make the base of the caches: deno failed");
    for (const { name } of [...Deno.readDirSync(dir)].filter(({ name }) => ANALYSES.test(name))) {
      addName(`${dir}/${name}`, pathToFileURL(runtime.bootstrap).href, INSIDE_URL);
    }
    return { bootstrap: runtime.bootstrap, files: await readCache(dir) };
  } finally {
    await removeTree(dir);
  }
}

/** Gives the files with what is known of a module under another name too. */
function renamed(
  files: readonly CacheFile[],
  dir: string,
  from: string,
  to: string,
): readonly CacheFile[] {
  try {
    Deno.mkdirSync(dir, { mode: 0o700 });
    return files.map((file) => {
      if (!ANALYSES.test(file.path)) return file;
      const path = `${dir}/${file.path}`;
      Deno.writeFileSync(path, file.bytes, { mode: 0o600 });
      addName(path, pathToFileURL(from).href, pathToFileURL(to).href);
      return { path: file.path, bytes: Deno.readFileSync(path) };
    });
  } catch {
    return files; // as good, but for the analysis
  } finally {
    try {
      Deno.removeSync(dir, { recursive: true });
    } catch {
      // it was not made, or goes with the host's
    }
  }
}

function addName(file: string, from: string, to: string): void {
  const database = new DatabaseSync(file);
  try {
    database.prepare(
      "INSERT OR REPLACE INTO moduleinfocache SELECT ?, media_type, source_hash, module_info " +
        "FROM moduleinfocache WHERE specifier = ?",
    ).run(to, from);
  } finally {
    database.close(); // and the last one to close it empties its write-ahead log
  }
}
