/**
 * Puts a stored bundle into the folder that a waiting process sees in its place.
 *
 * @module
 */
import type { BundleFile } from "../../bundle/reading/reading.ts";

/** What is imported while there is time; it is not there any more when a plugin comes. */
const WARM_UP = "export default { methods: { a: (value: string): string => value } };\n";

/** The same for a process that is not shown a slot. */
export const WARM_UP_URL: string = `data:application/typescript,${encodeURIComponent(WARM_UP)}`;

/** Makes a slot, with a module in it for a process that imports one to be ready for others. */
export function makeSlot(slot: string, warms: boolean): string | undefined {
  Deno.mkdirSync(slot, { mode: 0o700 });
  if (!warms) return undefined;
  const name = `warm-${crypto.randomUUID()}.ts`;
  Deno.writeTextFileSync(`${slot}/${name}`, WARM_UP);
  return name;
}

/** Empties a slot when the process has entered its sandbox. */
export function emptySlot(slot: string): void {
  for (const { name } of [...Deno.readDirSync(slot)]) Deno.removeSync(`${slot}/${name}`);
}

/**
 * Fills a slot with links to the files of the store, or with copies where those cannot be made.
 *
 * The store's copy has just been compared with what was verified, and its files are never written again.
 */
export function fillSlot(slot: string, bundleDir: string, files: readonly BundleFile[]): void {
  const made = new Set([""]);
  for (const { path } of files) {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (!made.has(folder)) Deno.mkdirSync(`${slot}/${folder}`, { recursive: true, mode: 0o755 });
    made.add(folder);
    try {
      Deno.linkSync(`${bundleDir}/${path}`, `${slot}/${path}`);
    } catch {
      // no file system has to have links, and some have few
      Deno.copyFileSync(`${bundleDir}/${path}`, `${slot}/${path}`);
    }
  }
}
