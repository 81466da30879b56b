// Tries the folder that a host would have.
import fs from "node:fs/promises";
import { dirname } from "node:path";
import { removeTree } from "../io/remove_tree.ts";
import { failed, fails, unseen, works } from "./probes.ts";
import { granted } from "./system.ts";
import type { Probe } from "./types.ts";

/** As long as `sallyport-host-`, so that paths are as long as those of a host. */
const TEMPORARY_PREFIX = "sallyport-exam-";
const MIB = 1024 * 1024;
const LEAST_FREE_BYTES = 64 * MIB;

export async function tryDataFolder(
  undo: AsyncDisposableStack,
): Promise<{ folder: string | undefined; probe: Probe }> {
  if (!granted({ name: "read" }) || !granted({ name: "write" })) {
    return { folder: undefined, probe: unseen("needs --allow-read and --allow-write") };
  }
  try {
    const made = await Deno.makeTempDir({ prefix: TEMPORARY_PREFIX });
    undo.defer(() => removeTree(made));
    const folder = await Deno.realPath(made);
    await Deno.writeTextFile(`${folder}/written`, "x", { mode: 0o600 });
    await Deno.rename(`${folder}/written`, `${folder}/renamed`);
    const parent = dirname(folder);
    if (folder.includes(",")) return { folder, probe: fails(`${parent}: its path has a comma`) };
    const free = await freeBytes(folder);
    if (free === undefined) return { folder, probe: works(`${parent} can be written`) };
    const text = `${parent} has ${Math.floor(free / MIB)} MiB free`;
    return { folder, probe: free < LEAST_FREE_BYTES ? fails(`${text}: too little`) : works(text) };
  } catch (error) {
    return { folder: undefined, probe: failed(error) };
  }
}

async function freeBytes(folder: string): Promise<number | undefined> {
  if (!granted({ name: "sys", kind: "statfs" })) return undefined;
  try {
    const { bavail, bsize } = await fs.statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined; // a file system that does not say
  }
}
