// Removes a folder of read-only files and folders.

/**
 * How many characters of path a folder may have below the root before it is moved up to there: with the
 * longest name in it, well below the 1,024 bytes that the strictest system allows for a whole path.
 */
const MAX_BELOW = 128;

/**
 * Removes a file, a link or a whole folder; links are removed and never followed.
 *
 * Folders are made writable first, for without that their entries cannot be removed. A hostile tree may be
 * deeper than any path can say (threat FS-18): folders that are far down are moved up to the root.
 */
export async function removeTree(path: string): Promise<void> {
  await ignoreMissing(async () => {
    const folders = (await Deno.lstat(path)).isDirectory ? [path] : [];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      await ignoreMissing(async () => {
        if (folder!.length - path.length > MAX_BELOW) folder = await moveUp(folder!, path);
        else await Deno.chmod(folder!, 0o700);
        for await (const entry of Deno.readDir(folder!)) {
          if (entry.isDirectory) folders.push(`${folder}/${entry.name}`);
        }
      });
    }
    await Deno.remove(path, { recursive: true });
  });
}

/**
 * Removes a folder that the host alone has written, in one step; what turns out to be otherwise is removed
 * as any other tree.
 */
export async function removeOwnTree(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch {
    await removeTree(path);
  }
}

/** Moves a folder to the root, where its entries have short paths. */
async function moveUp(folder: string, root: string): Promise<string> {
  await Deno.chmod(folder, 0o700); // it is written to, as it gets another parent
  const near = `${root}/${crypto.randomUUID()}`;
  await Deno.rename(folder, near);
  return near;
}

/** What is gone is what was wanted. */
async function ignoreMissing(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
