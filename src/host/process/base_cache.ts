/**
 * What Deno keeps of our own bootstrap, made once in the life of this process.
 *
 * In an empty cache folder Deno makes its databases, and analyses and compiles the bootstrap before it runs
 * anything, which takes a third of the start of a plugin. What one process leaves that runs the bootstrap alone, with
 * no plugin and no permissions, is therefore put into the folder of every start that has nothing better.
 * It is kept in memory, so that nobody can change what copies are made of.
 *
 * @module
 */
import { basename, dirname, isAbsolute } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { removeTree } from "../../io/remove_tree.ts";
import { settledWithin } from "../../process/stop.ts";
import { findSetpriv } from "../../sandbox/machine/choose.ts";
import { INSIDE } from "../../sandbox/launch/launch_spec.ts";
import type { CodeCaching } from "../../permissions/flags.ts";
import { isCodeCache } from "../admission/code_caching.ts";
import { type CacheFile, NO_FILES } from "../data/cache_file.ts";
import { compile } from "./compile.ts";
import type { DataDir } from "../data/data_dir.ts";

/** The files, with compiled code and without. */
interface Variants {
  readonly eager: readonly CacheFile[];
  readonly lazy: readonly CacheFile[];
}

/** What was made for one executable. */
interface Base {
  /** The bootstrap that it knows outside. */
  readonly bootstrap: string;
  readonly outside: Variants;
  /** The same for the bootstrap that a sandbox shows. */
  readonly inside: Variants;
}

const FLAGS = [
  ..."run --no-prompt --no-remote --no-npm --no-config --no-lock --cached-only".split(" "),
  ...["--deny-import", "--v8-flags=--no-lazy"],
];
// what takes longer is not worth an unload that waits for it
const TIMEOUT_MS = 10_000;
const GRACE_MS = 500;
/** After so many failures in this process it is left. */
const MAX_FAILURES = 3;
/** In this database is what Deno found in a module, by the URL of the module. */
const ANALYSES = /^dep_analysis_cache_v\d+$/;
/** The tables that know a module by its URL. */
const ANALYSIS = "moduleinfocache";
const CODE = "codecache";
const EMPTY_URL = "data:text/javascript,";
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
  #own: Variants | undefined;

  /** Makes nothing yet. */
  constructor(executable: string, data: Pick<DataDir, "runtime" | "scratch">) {
    this.#executable = executable;
    this.#data = data;
  }

  /** Gives the files for the cache folder of a process. */
  files(inside: boolean, code: CodeCaching): readonly CacheFile[] {
    const base = this.#base ??= kept.get(this.#executable);
    if (base === undefined) return NO_FILES;
    if (inside) return base.inside[code];
    const { runtime, scratch } = this.#data;
    this.#own ??= runtime.bootstrap === base.bootstrap ? base.outside : variantsOf(renamed(
      base.outside.eager,
      `${scratch}/base-cache`,
      urlOf(base.bootstrap),
      urlOf(runtime.bootstrap),
    ));
    return this.#own[code];
  }

  /**
   * Makes them in the background, where no host in this process has or does. A failure costs only the time that is
   * saved otherwise.
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
  Deno.mkdirSync(dir, { mode: 0o700 });
  try {
    // it must not go on in a folder that is swept after the host
    const setpriv = isAbsolute(executable) ? findSetpriv() : undefined;
    const [command, ...args] = [
      ...(setpriv === undefined ? [] : [setpriv, "--pdeathsig", "KILL", "--"]),
      ...[executable, ...FLAGS, "--import-map=import_map.json"],
      basename(runtime.bootstrap),
    ];
    const env = { DENO_DIR: dir, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
    const cwd = dirname(runtime.bootstrap);
    const launch = {
      command: { command: command!, args, env, cwd },
      enter: undefined,
      denoDir: dir,
    };
    // of the bootstrap alone: what it compiles is an empty module
    const outside = await compile({ entry: EMPTY_URL, launch }, signal, TIMEOUT_MS);
    const inside = renamed(outside, `${dir}-inside`, urlOf(runtime.bootstrap), INSIDE_URL);
    return {
      bootstrap: runtime.bootstrap,
      outside: variantsOf(outside),
      inside: variantsOf(inside),
    };
  } finally {
    await removeTree(dir);
  }
}

function variantsOf(eager: readonly CacheFile[]): Variants {
  return { eager, lazy: eager.filter(({ path }) => !isCodeCache(path)) };
}

function urlOf(path: string): string {
  return pathToFileURL(path).href;
}

/** Gives the files with what is known of a module under another name. */
function renamed(
  files: readonly CacheFile[],
  dir: string,
  from: string,
  to: string,
): readonly CacheFile[] {
  try {
    Deno.mkdirSync(dir, { mode: 0o700 });
    return files.map((file) => {
      const table = isCodeCache(file.path) ? CODE : ANALYSES.test(file.path) ? ANALYSIS : undefined;
      if (table === undefined) return file;
      const path = `${dir}/${file.path}`;
      Deno.writeFileSync(path, file.bytes, { mode: 0o600 });
      rename(path, table, from, to);
      return { path: file.path, bytes: Deno.readFileSync(path) };
    });
  } catch {
    return files; // as good, but for the analysis and the code
  } finally {
    try {
      Deno.removeSync(dir, { recursive: true });
    } catch {
      // it was not made, or goes with the host's
    }
  }
}

function rename(file: string, table: string, from: string, to: string): void {
  const database = new DatabaseSync(file);
  try {
    database.prepare(`UPDATE ${table} SET specifier = ? WHERE specifier = ?`).run(to, from);
  } finally {
    database.close(); // and the last one to close it empties its write-ahead log
  }
}
