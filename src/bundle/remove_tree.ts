/**
 * Removes a folder of read-only files and folders.
 *
 * @module
 */

/**
 * Removes a file, a link or a whole folder; links are removed and never followed.
 *
 * Folders are made writable first, for without that their entries cannot be removed.
 *
 * @param path What to remove; nothing happens when it is not there.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    const folders = (await Deno.lstat(path)).isDirectory ? [path] : [];
    // a worklist, as a hostile tree may be deep (threat FS-18)
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      await Deno.chmod(folder, 0o700);
      for await (const entry of Deno.readDir(folder)) {
        if (entry.isDirectory) folders.push(`${folder}/${entry.name}`);
      }
    }
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // gone is what was wanted
  }
}
