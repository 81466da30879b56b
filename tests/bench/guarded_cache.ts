/**
 * What an earlier run of the hand-written child left in its cache folder, for the folders of later ones.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";

/** The files of a cache folder, by path. */
export type CacheFiles = ReadonlyMap<string, Uint8Array>;

/**
 * Reads the databases, without a log beside them, and the JavaScript that was made of TypeScript.
 *
 * @param dir A cache folder that nothing uses any more.
 */
export function readCache(dir: string): CacheFiles {
  const files = new Map<string, Uint8Array>();
  for (const { name } of [...Deno.readDirSync(dir)]) {
    if (!/_cache_v\d+$/.test(name)) continue;
    const database = new DatabaseSync(`${dir}/${name}`);
    // without statistics, Deno would make and write them at each start
    database.exec("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
    files.set(name, Deno.readFileSync(`${dir}/${name}`));
  }
  const read = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(`${dir}/${folder}`)) {
      const path = `${folder}/${name}`;
      if (isDirectory) read(path);
      else files.set(path, Deno.readFileSync(`${dir}/${path}`));
    }
  };
  read("gen");
  return files;
}

/** Makes a cache folder. */
export function writeCache(dir: string, files: CacheFiles): void {
  Deno.mkdirSync(dir, { mode: 0o700 });
  const made = new Set([""]);
  for (const [path, bytes] of files) {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (!made.has(folder)) Deno.mkdirSync(`${dir}/${folder}`, { recursive: true });
    made.add(folder);
    Deno.writeFileSync(`${dir}/${path}`, bytes);
  }
}
