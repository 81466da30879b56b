// Tries the layers of a sandbox one by one, each with a control that shows the same without it.
import { kill } from "../io/bounded_command.ts";
import { fitsSocket, MAX_SOCKET_PATH_BYTES, shortFolders } from "../io/socket_path.ts";
import { runProgram } from "./run.ts";
import { type FoundProgram, granted, type LauncherProgram } from "./system.ts";
import type { Probe } from "./types.ts";

export interface ProbeTools {
  readonly programs: Readonly<Record<LauncherProgram, FoundProgram>>;
  readonly via: "bwrap" | "unshare";
}

/** The kernel's names of namespaces, with the options that make them. */
const NAMESPACES = {
  user: { link: "user", bwrap: [], unshare: [] },
  mount: { link: "mnt", bwrap: [], unshare: ["--mount"] },
  pid: { link: "pid", bwrap: ["--unshare-pid"], unshare: ["--pid", "--fork", "--kill-child"] },
  ipc: { link: "ipc", bwrap: ["--unshare-ipc"], unshare: ["--ipc"] },
  uts: { link: "uts", bwrap: ["--unshare-uts"], unshare: ["--uts"] },
  net: { link: "net", bwrap: ["--unshare-net"], unshare: ["--net"] },
  cgroup: { link: "cgroup", bwrap: ["--unshare-cgroup"], unshare: ["--cgroup"] },
} as const;

const NO_NEW_PRIVS =
  'while read -r key value; do case $key in NoNewPrivs:) echo "$value";; esac; done </proc/self/status';
const ONE_DESCRIPTOR = "{ cat /dev/null && echo open || echo refused; }";
const MANY_PROCESSES = 5;
const OUTLIVES_MS = 4_000;

export async function probeNamespace(
  name: keyof typeof NAMESPACES,
  tools: ProbeTools,
): Promise<Probe> {
  const { link } = NAMESPACES[name];
  const script = `readlink /proc/self/ns/${link}`;
  const { outside, inside } = await compare(script, NAMESPACES[name][tools.via], tools);
  if (!outside.ok) {
    return fails(outside.ran ? `this kernel has no ${name} namespaces` : outside.why);
  }
  if (!inside.ok) return fails(inside.why);
  return inside.out !== "" && inside.out !== outside.out
    ? works(`one of its own, by ${tools.via}`)
    : fails(`${tools.via} ran, but in the host's own`);
}

/** Tries a `/proc` that shows only the processes of its own pid namespace. */
export async function probeProc(tools: ProbeTools): Promise<Probe> {
  const { inside, outside } = await compare(
    "cd /proc && set -- [0-9]* && echo $#",
    tools.via === "bwrap"
      ? ["--unshare-pid", "--proc", "/proc"]
      : ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
    tools,
  );
  if (!inside.ok) return fails(inside.why);
  return Number(inside.out) < MANY_PROCESSES
    ? works(`shows ${inside.out} processes; the host sees ${outside.out}`)
    : fails(`shows ${inside.out} processes, as the host's does`);
}

/** Tries whether a process can be kept from ever gaining privileges. */
export async function probeNoNewPrivs({ programs, via }: ProbeTools): Promise<Probe> {
  const shell = shellOf(programs);
  const { path } = programs.setpriv;
  const command = via === "bwrap" && programs.bwrap.path !== undefined
    ? [programs.bwrap.path, "--ro-bind", "/", "/", "--unshare-user", ...shell, NO_NEW_PRIVS]
    : path === undefined
    ? undefined
    : [path, "--no-new-privs", "--", ...shell, NO_NEW_PRIVS];
  if (command === undefined) return fails("no setpriv");
  const { ok, out, why } = await runProgram(command);
  if (!ok) return fails(why);
  return out === "1" ? works("set, and kept") : fails("asked for, but not set");
}

export async function probeRlimits({ programs }: ProbeTools): Promise<Probe> {
  const shell = shellOf(programs);
  const free = await runProgram([...shell, ONE_DESCRIPTOR]);
  if (free.out !== "open") return fails(free.ok ? "the control failed" : free.why);
  const held = await runProgram([
    ...shell,
    `exec 2>/dev/null; ulimit -c 0 && ulimit -f 64 && ulimit -n 3 && ${ONE_DESCRIPTOR}`,
  ]);
  if (!held.ok) return fails("the shell cannot set them");
  return held.out === "refused"
    ? works("a descriptor above the limit is refused")
    : fails("a descriptor above the limit can be opened");
}

/** Tries whether a process ends when the process that started it is killed. */
export async function probeDiesWithHost({ programs, via }: ProbeTools): Promise<Probe> {
  const shell = shellOf(programs);
  const bwrap = via === "bwrap" ? programs.bwrap.path : undefined;
  const setpriv = programs.setpriv.path;
  const holder = bwrap !== undefined
    ? [bwrap, "--ro-bind", "/", "/", "--unshare-user", "--unshare-pid", "--die-with-parent"]
    : setpriv !== undefined
    ? [setpriv, "--pdeathsig", "KILL", "--"]
    : undefined;
  if (holder === undefined) return fails("no setpriv: in a busy loop it outlives a killed host");
  const began = Date.now();
  let killed = false;
  // its output ends only when every process that holds it has ended
  const inner = [...holder, ...shell, "echo up; read line"];
  const { out, why } = await runProgram(
    [...shell, 'exec 3<&0; "$@" <&3 3<&- & wait', "sh", ...inner],
    {
      timeoutMs: OUTLIVES_MS,
      onOutput(_text, child) {
        killed = true;
        kill(child);
      },
    },
  );
  if (!killed) return fails(out === "" ? why : "the control did not start");
  const lasted = Date.now() - began;
  return lasted < OUTLIVES_MS - 500
    ? works(
      `by ${bwrap === undefined ? "setpriv" : "bwrap"}: ended with the process that started it`,
    )
    : fails("it outlives the process that started it");
}

/**
 * Tries a socket such as the egress proxy listens on, where a host's temporary folder would have it, or where
 * the host goes when that path is too long.
 */
export async function probeEgress(folder: string): Promise<Probe> {
  if (!granted({ name: "net" })) return unseen("needs --allow-net");
  let problem = "";
  for (const dir of [folder, ...shortFolders()]) {
    await using undo = new AsyncDisposableStack();
    try {
      const own = dir === folder ? dir : await Deno.makeTempDir({ dir, prefix: "sallyport-exam-" });
      if (own !== dir) undo.defer(() => Deno.remove(own, { recursive: true }));
      const inner = own === dir ? `${own}/run/00000000/1/io` : `${own}/1`;
      const path = `${inner}/egress`;
      const bytes = new TextEncoder().encode(path).length;
      if (!fitsSocket(path)) throw new Error(`a path of ${bytes} bytes is too long`);
      await Deno.mkdir(inner, { recursive: true, mode: 0o700 });
      using listener = Deno.listen({ transport: "unix", path });
      const [near, far] = await Promise.all([
        Deno.connect({ transport: "unix", path }),
        listener.accept(),
      ]);
      near.close();
      far.close();
      const where = dir === folder ? "here" : `in ${dir}`;
      return works(
        `a socket's path ${where} has ${bytes} bytes, of at most ${MAX_SOCKET_PATH_BYTES}`,
      );
    } catch (error) {
      problem ||= `a socket in ${dir}: ${messageOf(error)}`;
    }
  }
  return fails(problem);
}

export function works(detail: string): Probe {
  return { state: "works", detail };
}

export function fails(detail: string): Probe {
  return { state: "fails", detail };
}

export function unseen(detail: string): Probe {
  return { state: "unseen", detail };
}

/** Returns what an error says of a probe: without a permission, nothing was seen. */
export function failed(error: unknown): Probe {
  const probe = error instanceof Deno.errors.NotCapable ? unseen : fails;
  return probe(messageOf(error));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function shellOf(programs: ProbeTools["programs"]): string[] {
  return [programs.sh.path ?? "/bin/sh", "-c"];
}

async function compare(script: string, options: readonly string[], { programs, via }: ProbeTools) {
  const shell = shellOf(programs);
  const maker = via === "bwrap"
    ? [programs.bwrap.path!, "--ro-bind", "/", "/", "--unshare-user", ...options]
    : [programs.unshare.path!, "--user", "--map-root-user", ...options];
  return {
    outside: await runProgram([...shell, script]),
    inside: await runProgram([...maker, ...shell, script]),
  };
}
