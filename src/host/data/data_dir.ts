// The host's folder: store, runtime files, storage, and one folder for each run that goes away with it.
import { resolve } from "node:path";
import { SallyportError } from "../../errors.ts";
import { removeOwnTree } from "../../io/remove_tree.ts";
import { isShortage, systemHint } from "../../io/system_error.ts";
import { isPresent } from "../../io/is_present.ts";
import { fitsSocket, shortFolders } from "../../io/socket_path.ts";
import { type Logger, silentLogger } from "../../log.ts";
import { realPathProblem } from "../../permissions/scopes/path_scope.ts";
import { type CacheFile, NO_FILES } from "./cache_file.ts";
import { checkAccess, checkPath } from "./data_dir_checks.ts";
import { KeptFiles } from "./kept_files.ts";
import { makeRun, writeFiles } from "./process_dirs.ts";
import { checkStorage } from "./storage_check.ts";
import type { ReservedPath } from "../settings/reserved_paths.ts";
import { type RuntimeFiles, writeRuntime } from "./runtime_files.ts";
import {
  HeldFolder,
  isFolderOf,
  keepFromCleaning,
  sweepRuns,
  sweepTemporary,
} from "./temporary_folders.ts";

/** Says where the folders of one plugin process are. */
export interface RunPlaces {
  /** The runtime's cache folder. */
  readonly denoDir: string;
  /** The empty working folder. */
  readonly cwd: string;
  /** Where the bundle is put for a process that was started before it is known which; not made yet. */
  readonly bundleFolder: string;
  /** Where the socket of the egress proxy goes; only a proxied plugin has one. */
  readonly egressSocket: string;
  /** Where the socket of the lane goes; it is in one folder with the other. */
  readonly laneSocket: string;
  /** The folder for the files that large values travel in, where there is no better one. */
  readonly sharedDir: string;
}

/** The same where they have been made, removed when it has ended. */
export type RunDir = RunPlaces & AsyncDisposable;

/** What is held of a host's folder, and by whom. */
interface HeldFolders {
  readonly root: string;
  /** Whose the root is. */
  readonly uid: number | null;
  /** The root, where it is temporary. */
  readonly temporary: HeldFolder | undefined;
  readonly run: HeldFolder;
  /** Where sockets are whose paths would be too long in the run. */
  readonly sockets: HeldFolder | undefined;
}

const FOLDERS = ["store", "run", "runtime", "storage"];
/** As long as the end of a socket's path gets, but for what nobody will live to see. */
const LONGEST_SOCKET = "999999/io/egress";
const KEEP =
  "Keep cleaners of temporary files out of it, or choose a dataDir that they leave alone";

/** Manages the host's folder; several hosts may share one. */
export class DataDir implements AsyncDisposable {
  /** The real path of the folder. */
  readonly root: string;
  /** Whether the folder is removed when the host closes. */
  readonly temporary: boolean;
  /** The files that plugin processes start from. */
  readonly runtime: RuntimeFiles;
  /** What hosts on the folder leave for the next ones. */
  readonly kept: KeptFiles;
  readonly #folders: HeldFolders;
  readonly #logger: Pick<Logger, "warn">;
  readonly #undo: AsyncDisposableStack;
  #healing: Promise<void> | undefined;
  #nextRun = 1;
  #cacheFolders = new WeakMap<readonly CacheFile[], string>();

  private constructor(
    runtime: RuntimeFiles,
    folders: HeldFolders,
    logger: Pick<Logger, "warn">,
    undo: AsyncDisposableStack,
  ) {
    this.root = folders.root;
    this.temporary = folders.temporary !== undefined;
    this.runtime = runtime;
    this.kept = new KeptFiles(`${folders.root}/kept`);
    this.#folders = folders;
    this.#logger = logger;
    this.#undo = undo;
  }

  /**
   * Opens the folder, and removes what hosts that were killed have left in it.
   *
   * @throws {SallyportError} `bad-config` when it cannot be made or written, or everybody may write it.
   */
  static async open(path?: string, logger: Pick<Logger, "warn"> = silentLogger): Promise<DataDir> {
    await using undo = new AsyncDisposableStack();
    try {
      const temporary = path === undefined ? undo.use(await HeldFolder.makeTemporary()) : undefined;
      const root: string = temporary === undefined ? makeRoot(path!) : temporary.path;
      checkPath(root, temporary === undefined ? "choose another dataDir" : "pass a dataDir");
      if (path !== undefined) checkAccess(root, logger);
      makeFolders(root);
      // short, because of the paths of sockets
      const id = crypto.randomUUID().slice(0, 8);
      const run = undo.use(await HeldFolder.make(`${root}/run/${id}`));
      const sockets = fitsSocket(`${run.path}/${LONGEST_SOCKET}`)
        ? undefined
        : await makeSocketFolder();
      if (sockets !== undefined) undo.use(sockets);
      await sweepRuns(`${root}/run`);
      for (const swept of [temporary, sockets]) {
        if (swept !== undefined) await sweepTemporary(swept.path);
      }
      const guard = path === undefined ? undefined : keepFromCleaning(root);
      if (guard !== undefined) undo.use(guard);
      const runtime = await writeRuntime(`${root}/runtime`);
      const { uid } = Deno.lstatSync(root);
      const folders = { root, uid, temporary, run, sockets };
      return new DataDir(runtime, folders, logger, undo.move());
    } catch (cause) {
      if (cause instanceof SallyportError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new SallyportError(
        "bad-config",
        `Cannot use ${path === undefined ? "a temporary folder" : `"${path}"`}: ${message}`,
        {
          cause,
          hint: isShortage(cause)
            ? systemHint(cause)
            : "Pass a dataDir that the host may read and write (--allow-read=<dataDir> --allow-write=<dataDir>)",
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
    return this.#folders.run.path;
  }

  /** Folders in which each process has one that is called by a number. */
  get numbered(): readonly string[] {
    const { run, sockets } = this.#folders;
    return [run.path, ...(sockets === undefined ? [] : [sockets.path])];
  }

  /**
   * Makes again what somebody has removed from under the running host, such as a cleaner of temporary files.
   *
   * @throws {SallyportError} `launch-failed` when it cannot be made, `bad-state` when somebody else's folder
   * is in its place.
   */
  async heal(): Promise<void> {
    if (this.#healing === undefined && this.#isWhole()) return;
    await (this.#healing ??= this.#restore().finally(() => this.#healing = undefined));
  }

  #isWhole(): boolean {
    const { root, uid, temporary, run, sockets } = this.#folders;
    return (temporary?.isThere ?? isFolderOf(root, uid)) && run.isThere &&
      sockets?.isThere !== false &&
      isPresent(this.runtime.bootstrap) && isPresent(this.runtime.importMap);
  }

  async #restore(): Promise<void> {
    const { root, temporary, run, sockets } = this.#folders;
    try {
      temporary?.restore();
      makeFolders(root);
      if (temporary === undefined) checkAccess(root, this.#logger);
      run.restore();
      sockets?.restore();
      await writeRuntime(`${root}/runtime`);
    } catch (cause) {
      if (cause instanceof SallyportError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new SallyportError(
        "launch-failed",
        `Cannot make "${root}" again, which was removed from under the host: ${message}`,
        { cause, hint: isShortage(cause) ? systemHint(cause) : KEEP, details: { dataDir: root } },
      );
    }
    this.#logger.warn("The host's folder was removed from under it, and is made again", {
      dataDir: root,
      hint: KEEP,
    });
  }

  /** Makes the folders of one plugin process. */
  createRun(caches: readonly CacheFile[] = NO_FILES): RunDir {
    const number = this.#nextRun++;
    const base = `${this.scratch}/${number}`;
    makeRun(base, caches);
    const hasSockets = this.#folders.sockets !== undefined;
    const io = this.#socketsOf(number);
    if (hasSockets) Deno.mkdirSync(io, { mode: 0o700 });
    return {
      ...this.runPlaces(number),
      async [Symbol.asyncDispose]() {
        await removeOwnTree(base);
        if (hasSockets) await removeOwnTree(io);
      },
    };
  }

  /** Says where the folders of a run are, whether they have been made or not. */
  runPlaces(number: number): RunPlaces {
    const base = `${this.scratch}/${number}`;
    const io = this.#socketsOf(number);
    return {
      denoDir: `${base}/deno`,
      cwd: `${base}/cwd`,
      bundleFolder: `${base}/bundle`,
      egressSocket: `${io}/egress`,
      laneSocket: `${io}/lane`,
      sharedDir: `${base}/io`,
    };
  }

  #socketsOf(number: number): string {
    const { sockets } = this.#folders;
    return sockets === undefined ? `${this.scratch}/${number}/io` : `${sockets.path}/${number}`;
  }

  /**
   * Makes a plugin's own folder, `$STORAGE`, and looks through it.
   *
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
   */
  cacheFolder(caches: readonly CacheFile[]): string {
    let folder = this.#cacheFolders.get(caches);
    if (folder === undefined || !isPresent(folder)) {
      folder = `${this.scratch}/cache-${this.#nextRun++}`;
      Deno.mkdirSync(folder, { mode: 0o700 });
      writeFiles(folder, caches);
      this.#cacheFolders.set(caches, folder);
    }
    return folder;
  }

  /** What of it no plugin may reach: all of it. */
  get reserved(): readonly ReservedPath[] {
    const { sockets } = this.#folders;
    return [
      { path: this.root, what: "the host's data folder" },
      ...(sockets === undefined ? [] : [{ path: sockets.path, what: "the host's sockets" }]),
    ];
  }

  /** Removes this run's folders, and everything when the folder is temporary. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync();
  }
}

function makeRoot(path: string): string {
  // before anything of that name is made
  if (Deno.build.os !== "windows") checkPath(resolve("/", path));
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  return Deno.realPathSync(path);
}

function makeFolders(root: string): void {
  for (const name of FOLDERS) {
    Deno.mkdirSync(`${root}/${name}`, { recursive: true, mode: 0o700 });
  }
}

/** Makes a folder for sockets; where none can be made, whoever needs one says what is wrong. */
async function makeSocketFolder(): Promise<HeldFolder | undefined> {
  for (const dir of shortFolders()) {
    let made: HeldFolder | undefined;
    try {
      made = await HeldFolder.makeTemporary(dir);
      const { path } = made;
      if (realPathProblem(path) === undefined && fitsSocket(`${path}/${LONGEST_SOCKET}`)) {
        return made;
      }
    } catch {
      // it is not there, or not for this host
    }
    await made?.[Symbol.asyncDispose]();
  }
  return undefined;
}
