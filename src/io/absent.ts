// Whether something is known not to be there.
import { dirname } from "node:path";

/**
 * Tells whether nothing is at a path, and nothing hides what might be: where a link on the way leads
 * nowhere, or a file stands in the place of a folder, nobody knows.
 */
export async function isAbsent(path: string): Promise<boolean> {
  for (let at = path;; at = dirname(at)) {
    const there = await Deno.lstat(at).catch((error) => error);
    if (there instanceof Deno.errors.NotFound && dirname(at) !== at) continue;
    if (there instanceof Error || at === path) return false;
    // the first that is there must be a folder, in which the next one is not
    return await Deno.stat(at).then(({ isDirectory }) => isDirectory, () => false);
  }
}
