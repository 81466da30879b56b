// Files that are whole or not there, also after a crash or a power cut.
import { dirname } from "node:path";
import { syncFolder } from "./sync_folder.ts";

/** Options of {@linkcode writeNewFile}. */
export interface NewFileOptions {
  /** Who may do what with it. */
  readonly mode?: number;
  /** Is called with the file when it is written, before that is on the disk. */
  readonly written?: (file: Deno.FsFile) => Promise<void>;
}

/** Options of {@linkcode replaceFile}. */
export interface ReplaceOptions extends NewFileOptions {
  /** The name of the new file until it is whole; another one each time by default. */
  readonly temporary?: string;
  /** Is called right before the name changes; what it throws keeps the old file. */
  readonly check?: () => void;
}

/**
 * Writes a file that was not there, not even as a link, and waits until its content is on the disk. One that
 * cannot be written to its end is removed.
 */
export async function writeNewFile(
  path: string,
  content: Uint8Array | string,
  { mode, written }: NewFileOptions = {},
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  try {
    let rest = typeof content === "string" ? new TextEncoder().encode(content) : content;
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
    await written?.(file);
    await file.sync(); // the content before the name, or a power cut could leave an empty file
  } catch (error) {
    await Deno.remove(path).catch(() => {}); // nothing can be removed there either
    throw error;
  }
}

/** Replaces a file, so that whoever reads finds the old or the new one, never a part. */
export async function replaceFile(
  path: string,
  content: Uint8Array | string,
  { temporary = `${path}.${crypto.randomUUID()}`, check, ...options }: ReplaceOptions = {},
): Promise<void> {
  await writeNewFile(temporary, content, options);
  try {
    check?.();
    Deno.renameSync(temporary, path); // nothing else runs in this process between look and rename
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
  await syncFolder(dirname(path));
}
