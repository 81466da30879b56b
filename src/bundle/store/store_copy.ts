// Copies of bundles in the store, and whether they are true.
import { bytesEqual } from "../../crypto/digest.ts";
import { inTurns, openNoFollow } from "../../io/plain_file.ts";

/** Holds one verified file. */
export interface StorableFile {
  /** The bundle path. */
  readonly path: string;
  /** The verified bytes. */
  readonly bytes: Uint8Array;
}

/** Lists the folders that the files need, parents first. */
export function foldersOf(files: readonly StorableFile[]): string[] {
  const folders = new Set<string>();
  for (const { path } of files) {
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
      folders.add(path.slice(0, end));
    }
  }
  return [...folders];
}

/** Compares a copy with the verified files, without following any link. */
export async function compareCopy(
  target: string,
  files: readonly StorableFile[],
): Promise<"same" | "different" | "missing"> {
  let root: Deno.FileInfo;
  try {
    root = Deno.lstatSync(target);
  } catch (error) {
    if (isNotFound(error)) return "missing";
    throw error;
  }
  if (!root.isDirectory || isWritable(root.mode)) return "different";
  try {
    const wanted = new Map(files.map(({ path, bytes }) => [path, bytes]));
    const folders = new Set(foldersOf(files));
    const nextTurn = inTurns();
    const open = [""];
    for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
      for (const entry of Deno.readDirSync(`${target}/${folder}`)) {
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        if (entry.isDirectory && folders.delete(path)) {
          if (isWritable(Deno.lstatSync(`${target}/${path}`).mode)) return "different";
          open.push(path);
          continue;
        }
        const bytes = wanted.get(path);
        if (!entry.isFile || !bytes || !await hasContent(`${target}/${path}`, bytes)) {
          return "different";
        }
        wanted.delete(path);
        await nextTurn();
      }
    }
    return wanted.size === 0 ? "same" : "different";
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    // taken away meanwhile by another host, which may put a good one there next
    if (isNotFound(error)) return "missing";
    return "different"; // cannot be read, so cannot be run from
  }
}

/** Tells a missing file by the error of `Deno` and of `node:fs`. */
function isNotFound(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || (error as { code?: unknown })?.code === "ENOENT";
}

function isWritable(mode: number | null): boolean {
  return mode !== null && Deno.build.os !== "windows" && (mode & 0o222) !== 0;
}

async function hasContent(path: string, expected: Uint8Array): Promise<boolean> {
  using file = openNoFollow(path);
  const { info } = file;
  if (!info.isFile() || info.size !== expected.length || isWritable(info.mode)) return false;
  const buffer = new Uint8Array(Math.min(info.size + 1, 64 * 1024));
  for (let at = 0;;) {
    const count = await file.read(buffer, 0);
    if (count === 0) return at === expected.length;
    if (!bytesEqual(expected.subarray(at, at + count), buffer.subarray(0, count))) return false;
    at += count;
  }
}
