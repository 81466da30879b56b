// Files that are replaced as a whole: whoever reads one sees an old or the new content, never a part,
// whenever a writer is killed or the power fails.
import { writeNewFile } from "../../io/durable_file.ts";
import { basename, dirname, join } from "node:path";
import { bytesEqual } from "../../crypto/digest.ts";
import { MAX_SEALED_BYTES } from "../../crypto/sealed.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { readNamedFile } from "../../io/named_file.ts";
import { syncFolder } from "../../io/sync_folder.ts";
import {
  type FileLock,
  type FileLockOptions,
  resolveLockedFile,
  withFileLock,
} from "../../io/file_lock.ts";

export { FileLock, type FileLockOptions, withFileLock } from "../../io/file_lock.ts";

/** Options of {@linkcode createSealedFile}. */
export interface WriteFileOptions extends FileLockOptions {
  /** The lock of the file, when the caller has it already; otherwise it is taken. */
  lock?: FileLock;
}

/** Options of {@linkcode replaceSealedFile}. */
export interface ReplaceFileOptions extends WriteFileOptions {
  /**
   * What the file must hold, so that a change that somebody else made meanwhile is not lost; `null` where
   * there must be none.
   */
  expected?: Uint8Array | null;
}

/** The ending of the file that keeps the content before the last write. */
export const PREVIOUS_ENDING = ".previous";

const MODE = 0o600;
/** What a temporary file's name has after the name of its file. */
const TEMPORARY = /^\.[0-9a-f]{32}\.tmp$/;

/**
 * Reads a file that {@linkcode replaceSealedFile} writes. It needs no lock.
 *
 * @throws {SallyportError} `bad-config` when it is missing, no regular file, larger or not readable.
 */
export async function readSealedFile(path: string): Promise<Uint8Array> {
  try {
    return await readNamedFile(path, MAX_SEALED_BYTES);
  } catch (cause) {
    throw cannot("read", path, cause);
  }
}

/**
 * Creates a file that is not there yet.
 *
 * @throws {SallyportError} `bad-state` when something has that name, even a link to nothing; `bad-config`
 * when it cannot be written; `timeout` or `cancelled` while waiting for the lock.
 */
export async function createSealedFile(
  path: string,
  bytes: Uint8Array,
  options: WriteFileOptions = {},
): Promise<void> {
  checkSize(bytes);
  await underLock(path, options, async (lock) => {
    const { path: real } = lock;
    const present = await attempt("write", path, () => lstatIfThere(real));
    if (present !== undefined) {
      throw new SallyportError("bad-state", `Cannot write "${escapeText(path)}": it exists`, {
        hint: "Choose another name, or remove it first",
        details: { path, reason: "exists" },
      });
    }
    await attempt("write", path, () => putInPlace(real, bytes, undefined));
    lock.isNew = false;
  });
}

/**
 * Replaces a file as a whole, with mode 0600 and the owner of before, and keeps what it held beside it as
 * `<path>.previous`. At every moment the name has the old or the new content; when this returns, the
 * new one is on the disk.
 *
 * It writes temporary files in the same folder; those of writers that were killed are removed first.
 *
 * @throws {SallyportError} `bad-state` with `details.reason` `changed` when it holds something else than
 * expected; `bad-config` when it cannot be written, which leaves it as it was; `timeout` or `cancelled`
 * while waiting for the lock.
 */
export async function replaceSealedFile(
  path: string,
  bytes: Uint8Array,
  options: ReplaceFileOptions = {},
): Promise<void> {
  checkSize(bytes);
  const { expected } = options;
  await underLock(path, options, async (lock) => {
    const { path: real } = lock;
    const present = await readIfThere(real);
    // it came with no lock of ours on it: another writer may be at it
    if (lock.isNew) checkUnchanged(path, present, undefined);
    if (expected !== undefined) checkUnchanged(path, present, expected ?? undefined);
    await attempt("write", path, () => putInPlace(real, bytes, present));
    lock.isNew = false;
  });
}

async function underLock(
  path: string,
  { lock, ...options }: WriteFileOptions,
  act: (lock: FileLock) => Promise<void>,
): Promise<void> {
  if (lock === undefined) {
    return await withFileLock(path, act, options);
  }
  if (!lock.held) throw new TypeError("The lock is not held any more");
  if (await resolveLockedFile(path) !== lock.path) {
    throw new TypeError("The lock is another file's");
  }
  await act(lock);
}

/** Writes and renames; the caller holds the lock. */
async function putInPlace(
  path: string,
  bytes: Uint8Array,
  previous: Uint8Array | undefined,
): Promise<void> {
  const folder = dirname(path);
  await removeTemporaries(folder, path);
  const owner = previous === undefined ? undefined : await Deno.lstat(path);
  const made: string[] = [];
  try {
    const write = async (content: Uint8Array) => {
      const name = `${path}.${crypto.getRandomValues(new Uint8Array(16)).toHex()}.tmp`;
      made.push(name);
      await writeDurably(name, content, owner);
      return name;
    };
    // both on the disk before either name changes: a full disk stops it here
    const next = await write(bytes);
    if (previous !== undefined) {
      await Deno.rename(await write(previous), `${path}${PREVIOUS_ENDING}`);
    }
    // whatever became of the lock: what was read is what is replaced
    checkUnchanged(path, await readIfThere(path), previous);
    if (previous === undefined) await renameToNew(next, path);
    else await Deno.rename(next, path);
  } catch (error) {
    for (const name of made) await Deno.remove(name).catch(() => {}); // renamed, or never made
    throw error;
  }
  await syncFolder(folder);
}

/** Renames to a name that nothing has, also when something gets it this very moment. */
async function renameToNew(from: string, to: string): Promise<void> {
  try {
    await Deno.link(from, to);
  } catch (error) {
    // another one, with another lock, made it, or took ours for what a killed writer left
    const { AlreadyExists, NotFound } = Deno.errors;
    if (error instanceof AlreadyExists || error instanceof NotFound) {
      throw changed(to, "somebody else made it meanwhile");
    }
    return await Deno.rename(from, to); // not every file system has links
  }
  await removeIfThere(from);
}

function checkUnchanged(
  path: string,
  present: Uint8Array | undefined,
  expected: Uint8Array | undefined,
): void {
  if (present === undefined && expected === undefined) return;
  if (present === undefined) throw changed(path, "it is gone");
  if (expected === undefined) throw changed(path, "somebody else made it meanwhile");
  if (!bytesEqual(present, expected)) throw changed(path, "somebody else changed it meanwhile");
}

function changed(path: string, what: string): SallyportError {
  return new SallyportError("bad-state", `Cannot write "${escapeText(path)}": ${what}`, {
    hint: "Read it again and repeat the change",
    details: { path, reason: "changed" },
  });
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  const there = await attempt("read", path, () => lstatIfThere(path));
  return there === undefined ? undefined : await readSealedFile(path);
}

async function writeDurably(
  path: string,
  bytes: Uint8Array,
  owner: Deno.FileInfo | undefined,
): Promise<void> {
  await writeNewFile(path, bytes, {
    mode: MODE,
    async written(file) {
      const { uid, gid } = await file.stat();
      // an administrator's change must not lock out the host's own user
      if (owner === undefined || (owner.uid === uid && owner.gid === gid)) return;
      await Deno.chown(path, owner.uid, owner.gid).catch(() => {}); // only root may: then it is the writer's
    },
  });
}

/** Removes what writers that were killed have left: the lock says that none of them lives. */
async function removeTemporaries(folder: string, path: string): Promise<void> {
  const name = basename(path);
  const left: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (!entry.isFile || !entry.name.startsWith(name)) continue;
    if (TEMPORARY.test(entry.name.slice(name.length))) left.push(entry.name);
  }
  for (const each of left) await removeIfThere(join(folder, each));
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // another one came first
  }
}

async function lstatIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function attempt<T>(what: string, path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    throw cannot(what, path, cause);
  }
}

function cannot(what: string, path: string, cause: unknown): SallyportError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new SallyportError(
    "bad-config",
    `Cannot ${what} "${escapeText(path)}": ${escapeText(message)}`,
    {
      hint: what === "read"
        ? "Check the path, and that you may read the file"
        : "Check the folder, its free space, and that you may write there",
      details: { path },
      cause,
    },
  );
}

function checkSize(bytes: Uint8Array): void {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("Content must be a Uint8Array");
  if (bytes.length <= MAX_SEALED_BYTES) return;
  throw new RangeError(
    `Content must have at most ${MAX_SEALED_BYTES} bytes: received ${bytes.length}`,
  );
}
