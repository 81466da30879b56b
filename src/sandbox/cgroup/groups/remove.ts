// Ends whatever lives in a cgroup and removes its folders.
import { readKernelFile, tryWriteKernelFile } from "./kernel_files.ts";

/** Far more groups than a host makes, so that nobody's deep tree holds a start up. */
const MAX_GROUPS = 1_000;
const MAX_PAUSE_MS = 50;

/** Kills every process in a group and below it, and removes the folders. */
export async function removeGroup(folder: string, timeoutMs = 5_000): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = 1;; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    const groups = groupsBelow(folder);
    if (groups.length === 0) return true;
    if (removeEmpty(groups)) return true;
    killMembers(groups);
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Removes a group that has neither processes nor groups in it, at once or not at all. */
export function removeEmptyGroup(folder: string): boolean {
  try {
    Deno.removeSync(folder); // rmdir: the kernel refuses while anything is inside
    return true;
  } catch (error) {
    return error instanceof Deno.errors.NotFound;
  }
}

/** Lists a group and those below it, parents first. */
function groupsBelow(folder: string): string[] {
  const found = [folder];
  for (let index = 0; index < found.length && found.length < MAX_GROUPS; index++) {
    try {
      for (const entry of Deno.readDirSync(found[index]!)) {
        if (entry.isDirectory) found.push(`${found[index]}/${entry.name}`);
      }
    } catch {
      found.splice(index--, 1); // gone meanwhile
    }
  }
  return found;
}

function removeEmpty(groups: readonly string[]): boolean {
  let removed = true;
  for (const group of groups.toReversed()) removed = removeEmptyGroup(group) && removed;
  return removed;
}

function killMembers(groups: readonly string[]): void {
  // version 2 since Linux 5.14: all at once, so that nothing outruns it by forking
  if (tryWriteKernelFile(`${groups[0]}/cgroup.kill`, "1")) return;
  for (const group of groups) {
    for (const line of readKernelFile(`${group}/cgroup.procs`)?.split("\n") ?? []) {
      const pid = Number(line); // 0 stands for one of another pid namespace, and would mean "my own group"
      if (!Number.isInteger(pid) || pid <= 1 || pid === Deno.pid) continue;
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // it ended meanwhile
      }
    }
  }
}
