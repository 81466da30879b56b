// Locks beside files, so that one writer at a time reads, changes and replaces a file. The kernel
// releases a lock when its holder ends, however it ends.
import { basename, dirname, join } from "node:path";
import { escapeText, SallyportError } from "../errors.ts";

/** Options of {@linkcode withFileLock}. */
export interface FileLockOptions {
  /** Gives up waiting. */
  signal?: AbortSignal;
  /**
   * How long to wait for the lock, in milliseconds.
   *
   * @default {10_000}
   */
  timeoutMs?: number;
}

/** Proves that its holder has the lock of a file; only {@linkcode withFileLock} makes one. */
export class FileLock {
  /** The real path of the file that the lock protects. */
  readonly path: string;
  /** Whether there was no file yet to be locked, and its holder has made none. */
  isNew: boolean;
  #held = true;

  private constructor(path: string, isNew: boolean) {
    this.path = path;
    this.isNew = isNew;
  }

  /** Whether the lock is still held. */
  get held(): boolean {
    return this.#held;
  }

  /** Holds a lock while something runs; {@linkcode withFileLock} is how to call it. */
  static async hold<T>(
    path: string,
    act: (lock: FileLock) => Promise<T>,
    options: FileLockOptions,
  ): Promise<T> {
    using files = await acquire(path, options);
    const lock = new FileLock(path, files.isNew);
    try {
      return await act(lock);
    } finally {
      lock.#held = false;
    }
  }
}

const TIMEOUT_MS = 10_000;
const POLL_MS = 10;

/**
 * Runs something while no other holder of the file's lock runs, in this process or another one.
 *
 * The lock is `<path>.lock`, an empty file that stays, and the file itself where it is there: should
 * somebody remove the former, the latter still lets one holder in at a time. It is advisory: readers need
 * none, because files are replaced by renaming.
 *
 * @throws {SallyportError} `timeout` when others hold the lock too long, `cancelled` by the signal,
 * `bad-config` when the folder is missing or cannot be written.
 */
export async function withFileLock<T>(
  path: string,
  act: (lock: FileLock) => Promise<T>,
  options: FileLockOptions = {},
): Promise<T> {
  return await FileLock.hold(await resolveLockedFile(path), act, options);
}

/**
 * Finds the file behind links, so that a link is never replaced by what it leads to.
 *
 * @throws {SallyportError} `bad-config` when the folder is missing or cannot be read.
 */
export async function resolveLockedFile(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw cannotLock(path, error);
  }
  // nothing there, or a link to nothing: whoever creates the file looks at that
  try {
    return join(await Deno.realPath(dirname(path)), basename(path));
  } catch (error) {
    throw cannotLock(path, error);
  }
}

async function acquire(
  path: string,
  options: FileLockOptions,
): Promise<Disposable & { isNew: boolean }> {
  const { timeoutMs = TIMEOUT_MS } = options;
  if (!(timeoutMs >= 0)) {
    throw new RangeError(`Option "timeoutMs" must be 0 or more: received ${timeoutMs}`);
  }
  const deadline = performance.now() + timeoutMs;
  using held = new DisposableStack();
  held.use((await lockInPlace(path, `${path}.lock`, openLock, deadline, options))!);
  // Windows would keep readers of the file out
  const locksFile = Deno.build.os !== "windows";
  const file = locksFile
    ? await lockInPlace(path, path, openIfThere, deadline, options)
    : undefined;
  held.use(file);
  return Object.assign(held.move(), { isNew: locksFile && file === undefined });
}

/** Locks what is at a path, also when another file comes there while it waits. */
async function lockInPlace(
  path: string,
  name: string,
  open: (name: string) => Promise<Deno.FsFile | undefined>,
  deadline: number,
  { signal, timeoutMs = TIMEOUT_MS }: FileLockOptions,
): Promise<Deno.FsFile | undefined> {
  for (;;) {
    using opened = new DisposableStack();
    let file: Deno.FsFile | undefined;
    try {
      file = opened.use(await open(name));
    } catch (error) {
      throw cannotLock(path, error);
    }
    if (file === undefined) return undefined;
    // a blocking lock would keep a thread that neither a signal nor a deadline could get back
    for (;;) {
      if (signal?.aborted) throw cancelled(path, signal);
      if (await file.tryLock(true)) break;
      if (performance.now() >= deadline) throw timedOut(path, timeoutMs);
      await pause(POLL_MS * (0.5 + Math.random()), signal);
    }
    const [mine, there] = await Promise.all([file.stat(), Deno.stat(name).catch(() => undefined)]);
    if (mine.ino === there?.ino && mine.dev === there?.dev) {
      opened.move();
      return file;
    }
    if (performance.now() >= deadline) throw timedOut(path, timeoutMs);
  }
}

function openLock(name: string): Promise<Deno.FsFile> {
  return Deno.open(name, { create: true, read: true, write: true, mode: 0o600 });
}

/** Opens the file that is to be changed; one that is not there or not ours is for later steps to tell. */
async function openIfThere(name: string): Promise<Deno.FsFile | undefined> {
  for (const write of [true, false]) { // some network file systems lock only what may be written
    try {
      if (!(await Deno.lstat(name)).isFile) return undefined;
      return await Deno.open(name, { read: true, write });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
    }
  }
  return undefined;
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const onAbort = () => resolve();
  signal?.addEventListener("abort", onAbort, { once: true });
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", onAbort);
}

function cannotLock(path: string, cause: unknown): SallyportError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new SallyportError(
    "bad-config",
    `Cannot lock "${escapeText(path)}": ${escapeText(message)}`,
    { hint: "Check that its folder exists and may be written", details: { path }, cause },
  );
}

function cancelled(path: string, signal: AbortSignal): SallyportError {
  return new SallyportError("cancelled", `Cannot lock "${escapeText(path)}": the signal aborted`, {
    details: { path },
    cause: signal.reason,
  });
}

function timedOut(path: string, timeoutMs: number): SallyportError {
  return new SallyportError(
    "timeout",
    `Cannot lock "${escapeText(path)}": others held it for ${timeoutMs} ms`,
    {
      hint: "Try again; if it stays so, look for a process that hangs with the file's .lock open",
      details: { path, timeoutMs },
    },
  );
}
