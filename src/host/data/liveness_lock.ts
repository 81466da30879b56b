// Lock files that the kernel releases when their holder dies, however it dies.
//
// A lock file is made and locked under another name and then renamed, so that whoever finds one that
// is free knows that its holder is gone. Each step is shorter than handing it to another thread.
import { isPresent } from "../../io/is_present.ts";

/** Holds a lock until it is disposed or the process ends. */
export interface HeldLock extends Disposable {
  /** The path of the lock file. */
  readonly path: string;
}

/** The ending of a lock file that has not got its name yet. */
export const UNNAMED = ".new";

/** Makes a new lock file and holds it. */
export function holdLock(path: string): HeldLock {
  const unnamed = `${path}${UNNAMED}`;
  // a sweep may take the file between its making and its locking: then begin again
  for (let attempt = 0; attempt < 100; attempt++) {
    const file = Deno.openSync(unnamed, { create: true, write: true, mode: 0o600 });
    try {
      if (file.tryLockSync(true) && renameHeld(file, unnamed, path)) {
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

/** Takes over a lock whose holder is gone, so that what it protected can be removed. */
export function takeStale(path: string): HeldLock | undefined {
  let file: Deno.FsFile;
  try {
    // for reading too: to open a named pipe for writing alone would wait for its reader
    file = Deno.openSync(path, { read: true, write: true });
  } catch {
    return undefined; // gone, or another user's: not ours to judge
  }
  try {
    if (file.tryLockSync(true) && isSame(file, path)) {
      return { path, [Symbol.dispose]: () => file.close() };
    }
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
  return undefined;
}

function renameHeld(file: Deno.FsFile, from: string, to: string): boolean {
  if (!isSame(file, from)) return false;
  if (isPresent(to)) {
    throw new Error(`Cannot lock "${to}": another process holds it`);
  }
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  return isSame(file, to);
}

function isSame(file: Deno.FsFile, path: string): boolean {
  const held = file.statSync();
  try {
    const named = Deno.lstatSync(path);
    return held.ino === named.ino && held.dev === named.dev;
  } catch {
    return false; // it is gone
  }
}
