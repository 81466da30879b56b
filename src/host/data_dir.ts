/**
 * The host's folder: store, runtime files, storage, and one folder for each run that goes away with it.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";
import { removeTree } from "../bundle/remove_tree.ts";
import { bytesEqual, sha3_512Hex } from "../crypto/digest.ts";
import { readNamedFile } from "../io/named_file.ts";
import { findOpenToOthers } from "../io/open_to_others.ts";
import { type Logger, silentLogger } from "../log.ts";
import { BOOTSTRAP_SOURCE, IMPORT_MAP_SOURCE } from "../plugin/bootstrap.generated.ts";
import { type CacheFile, NO_FILES } from "./compiled_caches.ts";
import { warnOpenToOthers } from "./config_files.ts";
import { makeRun, moved, writeFiles } from "./run_folders.ts";
import { checkStorage } from "./storage_check.ts";
import type { ReservedPath } from "./reserved_paths.ts";
import { type HeldLock, holdLock, takeStale, UNNAMED } from "./lock.ts";

/** Holds the two files that every plugin process starts from. */
export interface RuntimeFiles {
  /** The main module of a plugin's process. */
  readonly bootstrap: string;
  /** The import map that resolves the SDK without network. */
  readonly importMap: string;
}

/** Holds the folders of one plugin process, removed when it has ended. */
export interface RunDir extends AsyncDisposable {
  /** The runtime's cache folder. */
  readonly denoDir: string;
  /** The empty working folder. */
  readonly cwd: string;
  /** Where the bundle is put for a process that was started before it is known which; not made yet. */
  readonly slot: string;
  /** Where the socket of the egress proxy goes; only a proxied plugin has one. */
  readonly egressSocket: string;
  /** Where the socket of the lane goes; it is in one folder with the other. */
  readonly laneSocket: string;
  /** The folder for the files that large values travel in, where there is no better one. */
  readonly sharedDir: string;
}

const FOLDERS = ["store", "run", "runtime", "storage"];
const TEMPORARY_PREFIX = "sallyport-host-";
/** How old a temporary folder without a lock must be before it counts as left behind. */
const UNLOCKED_MS = 600_000;
/** How many folders are made ahead, how long after some were taken, and how long after each other. */
const MAX_READY = 32;
const READY_AFTER_MS = 50;
const NEXT_READY_MS = 5;

/** Manages the host's folder; several hosts may share one. */
export class DataDir implements AsyncDisposable {
  /** The real path of the folder. */
  readonly root: string;
  /** Whether the folder is removed when the host closes. */
  readonly temporary: boolean;
  /** The files that plugin processes start from. */
  readonly runtime: RuntimeFiles;
  #locks: AsyncDisposableStack;
  #runs: string;
  #nextRun = 1;
  #cacheFolders = new WeakMap<readonly CacheFile[], string>();
  /** The folders of processes to come, by what is in their cache folders. */
  #ready = new Map<readonly CacheFile[], string>();
  #wanted = new Set<readonly CacheFile[]>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    root: string,
    temporary: boolean,
    runtime: RuntimeFiles,
    runs: string,
    locks: AsyncDisposableStack,
  ) {
    this.root = root;
    this.temporary = temporary;
    this.runtime = runtime;
    this.#runs = runs;
    this.#locks = locks;
  }

  /**
   * Opens the folder, and removes what hosts that were killed have left in it.
   *
   * @param path The folder; made where it is missing. Without one, a private temporary folder.
   * @param logger Warned of a folder that a group may write.
   * @returns The open folder.
   * @throws {SallyportError} `bad-config` when it cannot be made or written, or everybody may write it.
   */
  static async open(path?: string, logger: Pick<Logger, "warn"> = silentLogger): Promise<DataDir> {
    await using undo = new AsyncDisposableStack();
    try {
      const root = path === undefined
        ? await makeTemporary(undo)
        : await Deno.mkdir(path, { recursive: true, mode: 0o700 }).then(() => Deno.realPath(path));
      if (root.includes(",")) {
        throw new SallyportError("bad-config", `Cannot use "${root}": the path has a comma`, {
          hint: "Deno's permission flags cannot express a comma; choose another dataDir",
        });
      }
      if (path !== undefined) checkAccess(root, logger);
      for (const name of FOLDERS) {
        await Deno.mkdir(`${root}/${name}`, { recursive: true, mode: 0o700 });
      }
      // short, because the path of a socket may have 107 bytes
      const runs = `${root}/run/${crypto.randomUUID().slice(0, 8)}`;
      undo.use(releasing(await holdLock(`${runs}.lock`)));
      undo.defer(() => removeTree(runs));
      await Deno.mkdir(runs, { mode: 0o700 });
      await sweepRuns(`${root}/run`);
      if (path === undefined) await sweepTemporary(root);
      const runtime = await writeRuntime(`${root}/runtime`);
      return new DataDir(root, path === undefined, runtime, runs, undo.move());
    } catch (cause) {
      if (cause instanceof SallyportError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new SallyportError(
        "bad-config",
        `Cannot use ${path === undefined ? "a temporary folder" : `"${path}"`}: ${message}`,
        {
          cause,
          hint:
            "Pass a dataDir that the host may read and write (--allow-read=<dataDir> --allow-write=<dataDir>)",
        },
      );
    }
  }

  /** The folder of the content-addressed store. */
  get store(): string {
    return `${this.root}/store`;
  }

  /** A private folder of this host's run, for helper processes and their files. */
  get scratch(): string {
    return this.#runs;
  }

  /**
   * Makes the folders of one plugin process.
   *
   * @param caches What to put into the cache folder.
   * @returns The folders.
   */
  createRun(caches: readonly CacheFile[] = NO_FILES): RunDir {
    const base = `${this.#runs}/${this.#nextRun++}`;
    const ready = this.#ready.get(caches);
    this.#ready.delete(caches);
    if (ready === undefined || !moved(ready, base)) makeRun(base, caches);
    this.#makeReady(caches);
    return {
      denoDir: `${base}/deno`,
      cwd: `${base}/cwd`,
      slot: `${base}/slot`,
      egressSocket: `${base}/io/egress`,
      laneSocket: `${base}/io/lane`,
      sharedDir: `${base}/io`,
      [Symbol.asyncDispose]: () => removeTree(base),
    };
  }

  /** Makes the next folders of the same kind when the start that took these is over, most likely. */
  #makeReady(caches: readonly CacheFile[]): void {
    this.#wanted.add(caches);
    clearTimeout(this.#timer);
    const step = (): void => {
      const [caches] = this.#wanted;
      if (caches === undefined) return;
      this.#wanted.delete(caches);
      try {
        this.#makeOneReady(caches);
      } catch {
        // whoever needs them makes them, or is told why that fails
      }
      later(NEXT_READY_MS);
    };
    const later = (ms: number): void => {
      this.#timer = setTimeout(step, ms);
      Deno.unrefTimer(this.#timer);
    };
    later(READY_AFTER_MS);
  }

  #makeOneReady(caches: readonly CacheFile[]): void {
    if (this.#ready.has(caches)) return;
    const [oldest] = this.#ready;
    if (oldest !== undefined && this.#ready.size >= MAX_READY) {
      this.#ready.delete(oldest[0]);
      Deno.removeSync(oldest[1], { recursive: true });
    }
    const base = `${this.#runs}/next-${this.#nextRun++}`;
    makeRun(base, caches);
    this.#ready.set(caches, base);
  }

  /**
   * Makes a plugin's own folder, `$STORAGE`, and looks through it.
   *
   * @param plugin The plugin's name.
   * @returns The real path.
   * @throws {SallyportError} `permission-denied` as {@linkcode checkStorage} does.
   */
  async storage(plugin: string): Promise<string> {
    const dir = `${this.root}/storage/${plugin}`;
    const present = await Deno.lstat(dir).catch(() => undefined);
    if (present === undefined) await Deno.mkdir(dir, { recursive: true, mode: 0o700 });
    await checkStorage(plugin, dir);
    return await Deno.realPath(dir);
  }

  /**
   * Makes a folder with files that processes with a root of their own get copies of; once for the same
   * files.
   *
   * @param caches The files.
   * @returns The folder.
   */
  cacheFolder(caches: readonly CacheFile[]): string {
    let folder = this.#cacheFolders.get(caches);
    if (folder === undefined) {
      folder = `${this.#runs}/cache-${this.#nextRun++}`;
      Deno.mkdirSync(folder, { mode: 0o700 });
      writeFiles(folder, caches);
      this.#cacheFolders.set(caches, folder);
    }
    return folder;
  }

  /** What of it no plugin may reach: all of it. */
  get reserved(): readonly ReservedPath[] {
    return [{ path: this.root, what: "the host's data folder" }];
  }

  /** Removes this run's folders, and everything when the folder is temporary. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    await this.#locks.disposeAsync();
  }
}

/** Refuses a folder that anybody could put records, keys or code into; of a group it warns. */
function checkAccess(root: string, logger: Pick<Logger, "warn">): void {
  const inside = [...Deno.readDirSync(root)].filter(({ isDirectory }) => isDirectory);
  let warned = false;
  for (const dir of [root, ...inside.map(({ name }) => `${root}/${name}`)]) {
    const open = findOpenToOthers(dir);
    if (open === undefined) continue;
    const { path, who, mode } = open;
    if (who !== "everybody" || path.length < root.length) {
      if (!warned) warnOpenToOthers(logger, "the data folder", open);
      warned = true;
      continue;
    }
    throw new SallyportError(
      "bad-config",
      `Cannot use "${root}" as dataDir: everybody may write "${path}" (mode ${mode})`,
      {
        hint:
          `Run chmod o-w on it and see what others have put there, or name a folder that does ` +
          "not exist yet: the host makes one for its user alone",
        details: { dataDir: root, path, mode },
      },
    );
  }
}

/** Makes a temporary folder, with a lock by which the next host sees whether its host still lives. */
async function makeTemporary(undo: AsyncDisposableStack): Promise<string> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: TEMPORARY_PREFIX }));
  undo.defer(() => Deno.remove(root));
  undo.use(releasing(await holdLock(`${root}/lock`)));
  // the lock goes last, so that a host that is killed while it closes is swept too
  undo.defer(() => removeAllBut(root, "lock"));
  return root;
}

/** Removes a lock's file with the lock. */
function releasing(lock: HeldLock): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await Deno.remove(lock.path).catch(() => {}); // somebody removed the whole folder: as good
      lock[Symbol.dispose]();
    },
  };
}

async function removeAllBut(dir: string, kept: string): Promise<void> {
  for await (const { name } of Deno.readDir(dir)) {
    if (name !== kept) await removeTree(`${dir}/${name}`);
  }
}

/** Removes the runs of hosts that no longer live; a run without a lock file is half removed. */
async function sweepRuns(runs: string): Promise<void> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(runs)) names.push(name);
  for (const name of names) {
    const id = name.replace(/\.lock(?:\.new)?$/, "");
    if (name === id) {
      // a run is made after its lock and removed before it
      if (!await exists(`${runs}/${id}.lock`)) await removeTree(`${runs}/${id}`);
      continue;
    }
    using lock = await takeStale(`${runs}/${name}`);
    if (lock === undefined) continue;
    if (!name.endsWith(UNNAMED)) await removeTree(`${runs}/${id}`);
    await Deno.remove(lock.path);
  }
}

/** Removes temporary folders of this user whose host was killed. */
async function sweepTemporary(own: string): Promise<void> {
  const parent = own.slice(0, own.lastIndexOf("/"));
  const { uid } = await Deno.lstat(own);
  const candidates: string[] = [];
  try {
    for await (const entry of Deno.readDir(parent)) {
      const path = `${parent}/${entry.name}`;
      if (entry.isDirectory && entry.name.startsWith(TEMPORARY_PREFIX) && path !== own) {
        candidates.push(path);
      }
    }
  } catch {
    return; // the temporary folder cannot be listed: nothing of ours can be found there
  }
  for (const dir of candidates) {
    try {
      const stat = await Deno.lstat(dir);
      if (stat.uid !== uid) continue;
      using lock = await takeStale(`${dir}/lock`);
      if (lock !== undefined) {
        await removeAllBut(dir, "lock");
        await Deno.remove(lock.path);
        await Deno.remove(dir);
      } else if (Date.now() - (stat.mtime?.getTime() ?? Date.now()) > UNLOCKED_MS) {
        await Deno.remove(dir); // only where it is empty: killed before it had a lock
      }
    } catch {
      // in use without a lock, or another host is removing it
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

/** Writes bootstrap and import map under the hash of their content, so that hosts may share them. */
async function writeRuntime(dir: string): Promise<RuntimeFiles> {
  const hash = sha3_512Hex(new TextEncoder().encode(BOOTSTRAP_SOURCE + IMPORT_MAP_SOURCE));
  const base = `${dir}/${hash.slice(0, 16)}`;
  await Deno.mkdir(base, { recursive: true, mode: 0o700 });
  const write = async (name: string, text: string) => {
    const path = `${base}/${name}`;
    const wanted = new TextEncoder().encode(text);
    const present = await readNamedFile(path, wanted.length).catch(() => undefined);
    if (present === undefined || !bytesEqual(present, wanted)) {
      const temporary = `${path}.${crypto.randomUUID()}`;
      await Deno.writeFile(temporary, wanted, { mode: 0o444 });
      await Deno.rename(temporary, path);
    }
    return path;
  };
  return {
    bootstrap: await write("bootstrap.js", BOOTSTRAP_SOURCE),
    importMap: await write("import_map.json", IMPORT_MAP_SOURCE),
  };
}
