import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import type { HostTest } from "./host.ts";
import { isAlive } from "./process.ts";
import { sandboxTest } from "./sandbox.ts";

export const ISOLATIONS = ["plain", "bwrap", "unshare"] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** Registers a test that needs what the isolation needs. */
export function isolatedTest(name: string, isolation: Isolation, fn: () => Promise<void>): void {
  const whole = `${name}, ${isolation}`;
  if (isolation === "plain") Deno.test(whole, fn);
  else sandboxTest(whole, isolation, fn);
}

/** The runtimes of a test's hosts; they name its folder, or have it in their mounts. */
export function runtimes(test: HostTest): number[] {
  const own = Deno.statSync(Deno.execPath());
  const name = test.join("").replace(/\/+$/, "").replace(/.*\//, "");
  return [...Deno.readDirSync("/proc")].map((entry) => Number(entry.name)).filter((pid) => {
    if (!(pid > 0) || pid === Deno.pid) return false;
    try {
      const { dev, ino } = Deno.statSync(`/proc/${pid}/exe`);
      if (dev !== own.dev || ino !== own.ino) return false;
      return ["cmdline", "mountinfo"].some((file) =>
        Deno.readTextFileSync(`/proc/${pid}/${file}`).includes(name)
      ) && isAlive(pid);
    } catch {
      return false; // it ended meanwhile
    }
  });
}

/** Kills a runtime, and waits without giving way to the host until its launcher is dead, too. */
export function killUnseen(pid: number): void {
  let launcher = pid;
  for (let parent = parentOf(pid); parent !== Deno.pid; parent = parentOf(parent)) {
    launcher = parent;
  }
  Deno.kill(pid, "SIGKILL");
  const deadline = performance.now() + 10_000;
  while (isAlive(launcher)) assert.ok(performance.now() < deadline, `${launcher} lives on`);
}

function parentOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** The folder of the one host of a test. */
export function runOf(test: HostTest): string {
  const [run] = readdirSync(`${test.dataDir}/run`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory());
  return `${test.dataDir}/run/${run!.name}`;
}

/** The folders of processes. */
export function folders(test: HostTest): string[] {
  return readdirSync(runOf(test)).filter((name) => /^\d+$/.test(name));
}

/**
 * The folders of processes that were made while something was done, those included that are gone
 * again: the kernel notes them, so that nobody has to look at the right moment.
 */
export async function foldersMade(test: HostTest, act: () => Promise<unknown>): Promise<string[]> {
  const run = runOf(test);
  const end = `${run}/end-of-test`;
  const before = new Set(folders(test));
  const made = new Set<string>();
  using watcher = Deno.watchFs(run, { recursive: false });
  await act();
  await Deno.writeTextFile(end, "");
  for await (const { paths } of watcher) {
    for (const path of paths) made.add(path.slice(run.length + 1));
    if (paths.includes(end)) break;
  }
  await Deno.remove(end);
  return [...made].filter((name) => /^\d+$/.test(name) && !before.has(name));
}
