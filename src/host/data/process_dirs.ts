// The folders of one plugin process on the disk.
import type { CacheFile } from "./cache_file.ts";

/**
 * Makes the folders of a run: a few small steps, each shorter than handing it to another thread.
 */
export function makeRun(base: string, caches: readonly CacheFile[]): void {
  Deno.mkdirSync(base, { mode: 0o700 });
  try {
    fillRun(base, caches);
  } catch (error) {
    Deno.removeSync(base, { recursive: true });
    throw error;
  }
}

function fillRun(base: string, caches: readonly CacheFile[]): void {
  Deno.mkdirSync(`${base}/cwd`, { mode: 0o700 });
  Deno.mkdirSync(`${base}/io`, { mode: 0o700 });
  Deno.mkdirSync(`${base}/deno`, { mode: 0o700 });
  try {
    writeFiles(`${base}/deno`, caches);
  } catch {
    // a start takes longer without them, but a disk that is nearly full may have room for all the rest
    Deno.removeSync(`${base}/deno`, { recursive: true });
    Deno.mkdirSync(`${base}/deno`, { mode: 0o700 });
  }
}

/** Writes the files of a cache folder, which is there. */
export function writeFiles(base: string, files: readonly CacheFile[]): void {
  const made = new Set([""]);
  for (const { path, bytes } of files) {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (!made.has(folder)) Deno.mkdirSync(`${base}/${folder}`, { recursive: true });
    made.add(folder);
    Deno.writeFileSync(`${base}/${path}`, bytes);
  }
}
