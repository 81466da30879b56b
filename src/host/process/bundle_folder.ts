// Puts a stored bundle into the folder that a pooled process sees in its place.
import type { BundleFile } from "../../bundle/reading/reading.ts";

/** What is imported while there is time; it is not there any more when a plugin comes. */
const WARM_UP = "export default { methods: { a: (value: string): string => value } };\n";

/** The same for a process that is shown no folder of its own. */
export const WARM_UP_URL: string = `data:application/typescript,${encodeURIComponent(WARM_UP)}`;

/** Makes the folder, with a module in it to import while there is time; returns that module's name. */
export function makeBundleFolder(folder: string): string {
  Deno.mkdirSync(folder, { mode: 0o700 });
  const name = `warm-${crypto.randomUUID()}.ts`;
  Deno.writeTextFileSync(`${folder}/${name}`, WARM_UP);
  return name;
}

/** Empties it when the process has entered its sandbox. */
export function emptyBundleFolder(folder: string): void {
  for (const { name } of [...Deno.readDirSync(folder)]) Deno.removeSync(`${folder}/${name}`);
}

/**
 * Fills it with links to the files of the store, or with copies where those cannot be made.
 *
 * The store's copy has just been compared with what was verified, and its files are never written again.
 */
export function fillBundleFolder(
  root: string,
  bundleDir: string,
  files: readonly BundleFile[],
): void {
  const made = new Set([""]);
  for (const { path } of files) {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (!made.has(folder)) Deno.mkdirSync(`${root}/${folder}`, { recursive: true, mode: 0o755 });
    made.add(folder);
    try {
      Deno.linkSync(`${bundleDir}/${path}`, `${root}/${path}`);
    } catch {
      // no file system has to have links, and some have few
      Deno.copyFileSync(`${bundleDir}/${path}`, `${root}/${path}`);
    }
  }
}
