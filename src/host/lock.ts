/**
 * Lock files that the kernel releases when their holder dies, however it dies.
 *
 * @module
 */

/** Holds a lock until it is disposed or the process ends. */
export interface HeldLock extends Disposable {
  /** The path of the lock file. */
  readonly path: string;
}

/**
 * Creates a new lock file and holds it.
 *
 * @param path Where the file is to be.
 * @returns The lock.
 */
export async function holdLock(path: string): Promise<HeldLock> {
  // A sweep may lock and remove the file between its creation and our lock: then begin again.
  for (let attempt = 0; attempt < 100; attempt++) {
    const file = await Deno.open(path, { create: true, write: true, mode: 0o600 });
    try {
      if (await file.tryLock(true) && await isSame(file, path)) {
        return { path, [Symbol.dispose]: () => file.close() };
      }
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
  throw new Error(`Cannot lock "${path}": another process holds it`);
}

/**
 * Says whether a lock file was left by a process that is gone.
 *
 * @param path The lock file.
 * @returns `true` when nobody holds it.
 */
export async function isStale(path: string): Promise<boolean> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { write: true });
  } catch {
    return false; // gone, or another user's: not ours to judge
  }
  try {
    return await file.tryLock(true);
  } finally {
    file.close();
  }
}

async function isSame(file: Deno.FsFile, path: string): Promise<boolean> {
  const held = await file.stat();
  const named = await Deno.lstat(path).catch(() => undefined);
  return named !== undefined && held.ino === named.ino && held.dev === named.dev;
}
