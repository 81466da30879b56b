// Folders that go away with their host: removed by it, or by the next one.
import { dirname } from "node:path";
import { removeOwnTree, removeTree } from "../../io/remove_tree.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { isPresent } from "../../io/is_present.ts";
import { type HeldLock, holdLock, takeStale, UNNAMED } from "./liveness_lock.ts";

const PREFIX = "sallyport-host-";
const LOCK = "lock";
/** How old a temporary folder without a lock must be before it counts as left behind. */
const UNLOCKED_MS = 600_000;

/** A folder with a lock file that says that its host lives; disposing it removes both. */
export class HeldFolder implements AsyncDisposable {
  /** The path of the folder. */
  readonly path: string;
  readonly #lockPath: string;
  /** Whether the lock file lies in the folder, and not beside it. */
  readonly #within: boolean;
  /** Whose it is; the same user may be another number on another file system. */
  #uid: number | null | undefined;
  #lock: HeldLock | undefined;
  #guard: Disposable | undefined;

  private constructor(path: string, lockPath: string) {
    this.path = path;
    this.#lockPath = lockPath;
    this.#within = dirname(lockPath) === path;
  }

  /** Makes one whose lock file lies beside it. */
  static make(path: string): Promise<HeldFolder> {
    return new HeldFolder(path, `${path}.lock`).#begin();
  }

  /** Makes a private one among the temporary files of a folder; its lock file lies in it. */
  static async makeTemporary(dir?: string): Promise<HeldFolder> {
    const path = await Deno.realPath(await Deno.makeTempDir({ dir, prefix: PREFIX }));
    return await new HeldFolder(path, `${path}/${LOCK}`).#begin();
  }

  /**
   * Whether folder and lock file are still there.
   *
   * @throws {SallyportError} `bad-state` when somebody else's is in its place.
   */
  get isThere(): boolean {
    return isFolderOf(this.path, this.#uid) && isPresent(this.#lockPath);
  }

  /** Makes again what is gone. */
  restore(): void {
    if (this.#within) this.#makeFolder();
    if (!isPresent(this.#lockPath)) {
      const lock = holdLock(this.#lockPath);
      this.#lock?.[Symbol.dispose]();
      this.#lock = lock;
    }
    if (!this.#within) this.#makeFolder(); // without a lock others would remove it
    this.#guard?.[Symbol.dispose]();
    this.#guard = keepFromCleaning(this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#guard?.[Symbol.dispose]();
    // the lock goes last, so that a host that is killed while it closes is swept too
    if (this.#within) await removeAllBut(this.path, LOCK);
    else await removeOwnTree(this.path);
    await removeIfThere(this.#lockPath);
    this.#lock?.[Symbol.dispose]();
    if (this.#within) await removeIfThere(this.path);
  }

  async #begin(): Promise<this> {
    try {
      this.restore();
      return this;
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  #makeFolder(): void {
    if (!isFolderOf(this.path, this.#uid)) {
      Deno.mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      Deno.mkdirSync(this.path, { mode: 0o700 }); // not one that somebody else makes meanwhile
    }
    this.#uid = Deno.lstatSync(this.path).uid;
  }
}

/**
 * Tells whether a folder of the host's is there.
 *
 * @throws {SallyportError} `bad-state` when it is not: where it was, others may make folders, too.
 */
export function isFolderOf(path: string, uid: number | null | undefined): boolean {
  let found: Deno.FileInfo;
  try {
    found = Deno.lstatSync(path);
  } catch {
    return false; // whoever makes it again is told why that fails
  }
  if (found.isDirectory && (uid === undefined || found.uid === uid)) return true;
  throw new SallyportError(
    "bad-state",
    `Cannot use "${escapeText(path, 500)}" any more: it was removed, and is somebody else's now`,
    {
      hint:
        "Close the host, see who removed its folder, and give it a dataDir that nobody else may write to",
      details: { path },
    },
  );
}

/**
 * Keeps systemd's cleaner of temporary files out of a folder: it leaves alone what somebody holds a lock on.
 *
 * @see https://www.freedesktop.org/software/systemd/man/latest/tmpfiles.d.html
 */
export function keepFromCleaning(path: string): Disposable | undefined {
  let folder: Deno.FsFile | undefined;
  try {
    folder = Deno.openSync(path);
    folder.tryLockSync(false);
    return folder;
  } catch {
    folder?.close();
    return undefined; // this system opens no folders, or its file system has no locks
  }
}

/** Removes the runs of hosts that no longer live; a run without a lock file is half removed. */
export async function sweepRuns(runs: string): Promise<void> {
  for (const { name } of [...Deno.readDirSync(runs)]) {
    const id = name.replace(/\.lock(?:\.new)?$/, "");
    if (name === id) {
      // a run is made after its lock and removed before it
      if (!isPresent(`${runs}/${id}.lock`)) await removeTree(`${runs}/${id}`);
      continue;
    }
    using lock = takeStale(`${runs}/${name}`);
    if (lock === undefined) continue;
    if (!name.endsWith(UNNAMED)) await removeTree(`${runs}/${id}`);
    await Deno.remove(lock.path);
  }
}

/** Removes temporary folders of this user whose host was killed. */
export async function sweepTemporary(own: string): Promise<void> {
  const parent = dirname(own);
  const { uid } = await Deno.lstat(own);
  const candidates: string[] = [];
  try {
    for await (const entry of Deno.readDir(parent)) {
      const path = `${parent}/${entry.name}`;
      if (entry.isDirectory && entry.name.startsWith(PREFIX) && path !== own) {
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
      using lock = takeStale(`${dir}/${LOCK}`);
      if (lock !== undefined) {
        await removeAllBut(dir, LOCK);
        await Deno.remove(lock.path);
        await Deno.remove(dir);
      } else if (Date.now() - (stat.mtime?.getTime() ?? Date.now()) > UNLOCKED_MS) {
        // killed before it had its lock, which had not got its name yet: only where that is all there is
        using unnamed = takeStale(`${dir}/${LOCK}${UNNAMED}`);
        if (unnamed !== undefined) await Deno.remove(unnamed.path);
        await Deno.remove(dir);
      }
    } catch {
      // in use without a lock, or another host is removing it
    }
  }
}

async function removeAllBut(dir: string, kept: string): Promise<void> {
  try {
    for await (const { name } of Deno.readDir(dir)) {
      if (name !== kept) await removeTree(`${dir}/${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // somebody has removed it
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
