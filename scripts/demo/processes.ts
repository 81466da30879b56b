// Looks whether processes are left.
import process from "node:process";

/** Tells whether a process is there. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0); // signal 0 only asks
    return true;
  } catch {
    return false;
  }
}

/** Lists the ids of this process's children, where the system has `/proc`; otherwise nothing. */
export async function childProcesses(): Promise<number[]> {
  if (Deno.build.os !== "linux") return [];
  const children: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => ""); // it may be gone
    // the second field is the command in parentheses and may itself hold spaces
    const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1];
    if (parent === String(Deno.pid)) children.push(Number(name));
  }
  return children;
}
