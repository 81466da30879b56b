// What a plugin's process finds compiled when it starts, and how that was compiled.
//
// The engine compiles a function when it is called for the first time, which takes a fifth of the start of
// a plugin. What it keeps has therefore every function in it, unless that is too much: the runtime's own
// modules for `node:` are large, and so are some bundles.
import type { BundleFile } from "../../bundle/reading/reading.ts";
import type { CodeCaching } from "../../permissions/flags.ts";

const MAX_EAGER_BYTES = 256 * 1024;
const CODE = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const BUILTIN = /["'](node:[a-z0-9_/]{1,60})["']/g;
const MAX_BUILTINS = 100;
const decoder = new TextDecoder();
const CODE_CACHE = /^v8_code_cache_v\d+$/;

/** Tells which of the files in the runtime's cache folder has compiled code in it. */
export function isCodeCache(path: string): boolean {
  return CODE_CACHE.test(path);
}

/** Chooses how the code of a bundle is compiled ahead. */
export function codeCachingOf(files: readonly BundleFile[], jitless: boolean): CodeCaching {
  const code = files.filter(({ path }) => CODE.test(path));
  const bytes = code.reduce((sum, { bytes }) => sum + bytes.length, 0);
  if (jitless || bytes > MAX_EAGER_BYTES) return "lazy";
  return code.some(({ bytes }) => decoder.decode(bytes).includes("node:")) ? "lazy" : "eager";
}

/**
 * Lists the modules of the runtime that the code of a bundle names, so that these can be compiled ahead too.
 */
export function builtinsOf(files: readonly BundleFile[]): string[] {
  const found = new Set<string>();
  for (const { path, bytes } of files) {
    if (!CODE.test(path)) continue;
    for (const [, name] of decoder.decode(bytes).matchAll(BUILTIN)) found.add(name!);
  }
  return [...found].slice(0, MAX_BUILTINS);
}
