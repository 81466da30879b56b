// Finds the shared libraries that the deno executable needs in a root folder of its own.
import type { BindMount } from "../launch/launch_spec.ts";
import { type Survey, survey } from "./survey.ts";

/** Where the dynamic loader looks without being told to. */
const USUAL = /^\/(?:usr\/)?lib(?:32|64|x32)?(?:\/[a-z0-9_]+-linux-[a-z0-9]+)?\/[^/]+$/;
/** Where libraries are found by what is written into those that need them. */
const STORE = /^\/(?:nix|gnu)\/store\//;
const CACHE = "/etc/ld.so.cache";
const FALLBACK = ["/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/nix/store"];

/**
 * Finds the libraries, the dynamic loader among them, by asking that loader.
 *
 * It knows the names by which it will look for them again, which `/proc/self/maps` does not. Where it
 * does not answer, whole folders of libraries are shown instead.
 */
export async function findLibraries(executable: string): Promise<readonly string[]> {
  const found = await survey(executable).catch((error: Error) => error.message);
  return librariesOf(typeof found === "string" ? undefined : found);
}

/** Returns the libraries that a survey has found. */
export function librariesOf(found: Survey | undefined): readonly string[] {
  const libraries = found?.libraries;
  if (libraries === undefined) return Object.freeze(FALLBACK.filter(mayExist));
  return Object.freeze(withCache(libraries));
}

/** Adds the loader's cache where a library lies in a place that only the cache tells of. */
export function withCache(libraries: readonly string[]): string[] {
  const usual = libraries.every((path) => USUAL.test(path) || STORE.test(path));
  return usual ? [...libraries] : [...libraries, CACHE];
}

/** Shows a library of the machine. */
export function bindLibrary(path: string): BindMount {
  return { source: path, target: path, writable: false, fixed: /\.(?:so|cache)[^/]*$/.test(path) };
}

/** Whether there is a folder; one that this host may not look at is taken to be there only if it is everywhere. */
function mayExist(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound) && (path === "/lib" || path === "/usr/lib");
  }
}
