// Folders of bundles: which there are, and the one name of each.
import { SallyportError } from "../../errors.ts";
import { toPath } from "../settings/config_files.ts";

const MAX_DISCOVERED = 10_000;

/** Returns the one name of a folder, however it is written; the name itself where it cannot be told. */
export function realDir(dir: string | URL): string {
  const path = toPath(dir);
  try {
    return Deno.realPathSync(path);
  } catch {
    return path; // reading it will say what is wrong
  }
}

/** Lists the folders that hold a manifest or a signature, sorted by name. */
export async function bundleFolders(dir: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    const root = await Deno.realPath(dir);
    for await (const entry of Deno.readDir(root)) {
      if (!entry.isDirectory) continue;
      const path = `${root}/${entry.name}`;
      if (await isFile(`${path}/plugin.json`) || await isFile(`${path}/plugin.sig.json`)) {
        if (paths.push(path) > MAX_DISCOVERED) {
          throw new Error(`it holds more than ${MAX_DISCOVERED} bundles`);
        }
      }
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError("bad-config", `Cannot discover plugins in "${dir}": ${reason}`, {
      cause,
      hint: "Pass a folder whose subfolders are bundles, and that the host may read",
    });
  }
  return paths.sort();
}

/** Tells whether there is a file, or anything else that is no folder. */
export async function isFile(path: string): Promise<boolean> {
  return await Deno.lstat(path).then((stat) => !stat.isDirectory, () => false);
}

/** Tells whether there is anything at a path. */
export async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
