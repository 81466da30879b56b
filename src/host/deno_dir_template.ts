/**
 * A template for the runtime's cache folder, which every plugin process has for itself.
 *
 * Deno makes two small databases in an empty cache folder, which takes it longer than all the rest of
 * its start. They are made once, by a process that runs nothing but the bootstrap, and copied for
 * each run; what a plugin's process leaves in its copy is never used again.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { removeTree } from "../bundle/remove_tree.ts";
import { startChild } from "../process/child.ts";
import { settledWithin } from "../process/stop.ts";

const PRIME_TIMEOUT_MS = 10_000;

/**
 * Gives the files of the template, making them where they are missing.
 *
 * @param dir Where the template is kept; its name must tell the version of Deno and of the bootstrap.
 * @param executable The deno executable.
 * @param bootstrap The bootstrap.
 * @returns The paths of the files; none where the template could not be made, which costs only time.
 */
export async function primeDenoDir(
  dir: string,
  executable: string,
  bootstrap: string,
): Promise<string[]> {
  const present = await databases(dir);
  if (present.length > 0) return present;
  const temporary = `${dir}.${crypto.randomUUID()}`;
  try {
    await Deno.mkdir(temporary, { mode: 0o700 });
    await runOnce(temporary, executable, bootstrap);
    const files = await databases(temporary);
    for (const file of files) foldLog(file);
    for await (const entry of Deno.readDir(temporary)) {
      const path = `${temporary}/${entry.name}`;
      if (!files.includes(path)) await removeTree(path);
    }
    // another host may have been faster: its folder stands and ours goes
    await Deno.rename(temporary, dir).catch(() => removeTree(temporary));
  } catch {
    await removeTree(temporary);
  }
  return await databases(dir);
}

async function databases(dir: string): Promise<string[]> {
  const files: string[] = [];
  try {
    for await (const entry of Deno.readDir(dir)) {
      if (entry.isFile && /_cache_v\d+$/.test(entry.name)) files.push(`${dir}/${entry.name}`);
    }
  } catch {
    return []; // not made yet
  }
  return files.sort();
}

/** Runs the bootstrap once with an input that ends at once. */
async function runOnce(denoDir: string, executable: string, bootstrap: string): Promise<void> {
  const child = startChild({
    command: executable,
    args: [
      "run",
      "--no-prompt",
      "--no-remote",
      "--no-npm",
      "--no-config",
      "--no-lock",
      "--cached-only",
      "--deny-import",
      "--no-code-cache",
      bootstrap,
    ],
    env: { DENO_DIR: denoDir, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    cwd: denoDir,
  });
  await child.process.stdin.close().catch(() => {}); // it ended first: its exit says so
  await child.process.stdout.cancel();
  if (!await settledWithin(child.exited, PRIME_TIMEOUT_MS)) child.kill("SIGKILL");
  await child.exited;
  await child.stderr.release();
}

/** Moves what is in a database's write-ahead log into the database itself. */
function foldLog(file: string): void {
  const database = new DatabaseSync(file);
  try {
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    database.close();
  }
}
