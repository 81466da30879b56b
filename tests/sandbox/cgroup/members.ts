import type { Cgroup } from "../../../src/sandbox/cgroup/groups/cgroup_manager.ts";
import { folderOf, parseMounts, pathsOf } from "../../../src/sandbox/cgroup/groups/hierarchy.ts";
import { readKeyedNumber } from "../../../src/sandbox/cgroup/groups/kernel_files.ts";

/** A shell that joins by the files that it is given before it becomes the script; as launchers do. */
const JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 99; shift; done; shift; ' +
  'exec /bin/sh -c "$1"';

/** The folders of a group that is joined by files in them. */
export function foldersOf({ join }: Pick<Cgroup, "join">): string[] {
  return join.map((file) => file.slice(0, file.lastIndexOf("/")));
}

/** A process in a group, or in none; it is killed when its scope ends. */
export interface Member extends AsyncDisposable {
  /** Its id, from its start to its end. */
  readonly pid: number;
  /** Reads one line of its output. */
  line(): Promise<string>;
  /** Reads its output to the end and waits for its exit. */
  finish(): Promise<{ code: number; output: string }>;
}

/** Starts a shell script in a group; with `undefined` where this process is. */
export function startMember(group: Cgroup | undefined, script: string): Member {
  const [command, ...args] = [
    ...(group?.prefix ?? []),
    ...["/bin/sh", "-c", JOIN, "sh", ...(group?.join ?? []), "--", script],
  ];
  const child = new Deno.Command(command!, {
    args,
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C", ...group?.prefixEnv },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    pid: child.pid,
    async line() {
      while (!text.includes("\n")) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`the process ended its output after ${JSON.stringify(text)}`);
        text += value;
      }
      const end = text.indexOf("\n");
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      return line;
    },
    async finish() {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += value;
      }
      return { code: (await child.status).code, output: text };
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // it has ended
      }
      await child.status;
      await reader.cancel();
    },
  };
}

/** How often the group that a process is in had to wait for its share of processor time. */
export function throttledCount(pid: number): number | undefined {
  const paths = pathsOf(pid);
  for (const tree of parseMounts(Deno.readTextFileSync("/proc/self/mountinfo"))) {
    if (tree.version === 1 && !tree.controllers.includes("cpu")) continue;
    const path = paths?.get(tree.version === 1 ? "cpu" : "");
    const folder = path && folderOf(tree, path);
    const count = folder && readKeyedNumber(`${folder}/cpu.stat`, "nr_throttled");
    if (typeof count === "number") return count;
  }
  return undefined;
}

/** Whether a process runs; one that has ended but was not yet waited for does not. */
export function runs(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** Polls for what nothing announces. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 60_000; // an emulated machine is slow
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
