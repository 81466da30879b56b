// The files that every plugin process starts from, on the disk.
import { bytesEqual } from "../../crypto/digest.ts";
import { readNamedFile } from "../../io/named_file.ts";
import {
  BOOTSTRAP_SOURCE,
  IMPORT_MAP_SOURCE,
  RUNTIME_HASH,
} from "../../plugin/bootstrap.generated.ts";

/** Holds the two files that every plugin process starts from. */
export interface RuntimeFiles {
  /** The main module of a plugin's process. */
  readonly bootstrap: string;
  /** The import map that resolves the SDK without network. */
  readonly importMap: string;
}

/** Writes bootstrap and import map under the hash of their content, so that hosts may share them. */
export async function writeRuntime(dir: string): Promise<RuntimeFiles> {
  const base = `${dir}/${RUNTIME_HASH.slice(0, 16)}`;
  Deno.mkdirSync(base, { recursive: true, mode: 0o700 });
  const write = async (name: string, text: string) => {
    const path = `${base}/${name}`;
    const wanted = new TextEncoder().encode(text);
    const present = await readNamedFile(path, wanted.length).catch(() => undefined);
    if (present === undefined || !bytesEqual(present, wanted)) {
      const temporary = `${path}.${crypto.randomUUID()}`;
      await Deno.writeFile(temporary, wanted, { mode: 0o444 });
      await Deno.rename(temporary, path);
    }
    return path;
  };
  return {
    bootstrap: await write("bootstrap.js", BOOTSTRAP_SOURCE),
    importMap: await write("import_map.json", IMPORT_MAP_SOURCE),
  };
}
