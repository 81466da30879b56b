// Lists what lies in a bundle's folder, refusing all that is not a plain file at a proper path.
import {
  escapeText,
  readThrown,
  SallyportError,
  type SallyportErrorOptions,
} from "../../errors.ts";
import { inTurns } from "../../io/plain_file.ts";
import { bundlePathProblem, compareBytewise, ENVELOPE_FILE, quotePath } from "../manifest/paths.ts";

/** Folders beyond this number are refused; empty ones do not show in the file count. */
const MAX_FOLDERS = 10_000;

/** Holds the paths of a bundle's files. */
export interface BundleListing {
  /** All files but the envelope, sorted bytewise. */
  readonly paths: readonly string[];
  /** Whether `plugin.sig.json` is there. */
  readonly hasEnvelope: boolean;
  /** What was left out; a folder ends in a slash, and was not looked into. */
  readonly leftOut: readonly string[];
}

/** Makes the error for a bundle that cannot be read. */
export function cannotRead(
  dir: string,
  what: string,
  options: SallyportErrorOptions,
): SallyportError {
  return new SallyportError(
    "bundle-invalid",
    `Cannot read bundle "${escapeText(dir, 500)}": ${what}`,
    { ...options, details: { dir, ...options.details } },
  );
}

/**
 * Lists the files of a bundle.
 *
 * @throws {SallyportError} `bundle-invalid` on a link, a special file, a bad path or too many entries.
 */
export async function listBundle(
  dir: string,
  root: string,
  maxFiles: number,
  signal?: AbortSignal,
  leaveOut: (path: string) => boolean = () => false,
): Promise<BundleListing> {
  const paths: string[] = [];
  const leftOut: string[] = [];
  let hasEnvelope = false;
  const nextTurn = inTurns();
  const folders = [""]; // a worklist, as a deep tree must not use up the stack
  for (let at = 0; at < folders.length; at++) {
    throwIfCancelled(dir, signal);
    const folder = folders[at]!;
    await nextTurn();
    for (const entry of readFolder(dir, root, folder, maxFiles)) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const shown = entry.isDirectory ? `${path}/` : path;
      if (leaveOut(shown)) {
        leftOut.push(shown);
        if (leftOut.length > maxFiles) throw tooMany(dir, maxFiles, "files");
        continue;
      }
      checkEntry(dir, path, entry);
      if (entry.isDirectory) folders.push(path);
      else if (path === ENVELOPE_FILE) hasEnvelope = true;
      else paths.push(path);
      if (paths.length > maxFiles) throw tooMany(dir, maxFiles, "files");
      if (folders.length > MAX_FOLDERS) throw tooMany(dir, MAX_FOLDERS, "folders");
    }
  }
  return {
    paths: paths.sort(compareBytewise),
    hasEnvelope,
    leftOut: leftOut.sort(compareBytewise),
  };
}

/** Reads one folder in a fixed order, so that the same bundle always gives the same error. */
function readFolder(
  dir: string,
  root: string,
  folder: string,
  maxFiles: number,
): Deno.DirEntry[] {
  const entries: Deno.DirEntry[] = [];
  try {
    for (const entry of Deno.readDirSync(folder === "" ? root : `${root}/${folder}`)) {
      entries.push(entry);
      if (entries.length > maxFiles + MAX_FOLDERS) throw tooMany(dir, maxFiles, "files");
    }
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    throw cannotRead(
      dir,
      `the folder ${quotePath(folder || ".")} cannot be listed: ${readThrown(cause).message}`,
      {
        hint: "See the cause; the host needs read access to the whole bundle",
        details: { path: folder },
        cause,
      },
    );
  }
  return entries.sort((a, b) => compareBytewise(a.name, b.name));
}

function checkEntry(dir: string, path: string, entry: Deno.DirEntry): void {
  const problem = bundlePathProblem(path);
  if (problem !== undefined) {
    throw cannotRead(dir, `the path ${quotePath(path)} ${problem}`, {
      hint: "Rename it or leave it out of the bundle",
      details: { path },
    });
  }
  // a link would bring in a file from outside the grant (threat FS-11)
  if (entry.isSymlink) {
    throw cannotRead(dir, `${quotePath(path)} is a symbolic link`, {
      hint: "Put the file itself in its place",
      details: { path },
    });
  }
  if (!entry.isFile && !entry.isDirectory) throw notAFile(dir, path);
  if (entry.isDirectory && path === ENVELOPE_FILE) throw notAFile(dir, path);
}

/** Makes the error for a fifo, a socket, a device or a folder in place of a file. */
export function notAFile(dir: string, path: string): SallyportError {
  return cannotRead(dir, `${quotePath(path)} is not a regular file`, {
    hint: "A bundle holds regular files only; leave it out",
    details: { path },
  });
}

function tooMany(dir: string, limit: number, what: string): SallyportError {
  return cannotRead(dir, `it has more than ${limit} ${what}`, {
    hint: "Leave out what the plugin does not need, or raise the limit where the host is opened",
    details: { limit },
  });
}

/** Ends reading when the caller asked for it. */
export function throwIfCancelled(dir: string, signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new SallyportError("cancelled", `Cannot read bundle "${escapeText(dir, 500)}": cancelled`, {
    details: { dir },
    cause: signal.reason,
  });
}
