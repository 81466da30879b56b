// Finds out what a machine can enforce, by doing it.
import { isAbsolute } from "node:path";
import { kill } from "../io/bounded_command.ts";
import { SallyportError } from "../errors.ts";
import { systemHint } from "../io/system_error.ts";
import type { CgroupManager, CgroupProbe } from "../sandbox/cgroup/groups/cgroup_manager.ts";
import type { IsolationMode } from "../sandbox/machine/choose.ts";
import { tryDataFolder } from "./data_folder.ts";
import { probeDescriptors } from "./descriptors.ts";
import {
  failed,
  fails,
  messageOf,
  probeDiesWithHost,
  probeEgress,
  probeNamespace,
  probeNoNewPrivs,
  probeProc,
  probeRlimits,
  type ProbeTools,
  unseen,
  works,
} from "./probes.ts";
import { runProgram } from "./run.ts";
import { probeSeccomp } from "./seccomp.ts";
import { findPrograms, readHost, readSystem } from "./system.ts";
import {
  type CgroupSeen,
  type Choice,
  type DoctorFacts,
  type HostFacts,
  type LauncherSeen,
  NAMESPACES,
  type Probe,
  type ProbeName,
  PROBES_AFTER_CGROUP,
  PROBES_BEFORE_CGROUP,
} from "./types.ts";
import type { CgroupFacts } from "../sandbox/launch/launcher.ts";
import { findDeno } from "../sandbox/machine/find_deno.ts";
import { type Launchers, openLaunchers } from "../sandbox/launchers.ts";
import { findLibraries } from "../sandbox/machine/libraries.ts";
import { probeLauncher } from "../sandbox/probe.ts";

const MIB = 1024 * 1024;
const ON_LINUX: Probe = { state: "fails", detail: "only on Linux" };
const TRIED = { memoryBytes: 64 * MIB, cpuPercent: 50, threads: 16 } as const;

/** Looks at this machine. Starts programs of its own and ends them; asks for no permission that it does not have. */
export async function gatherFacts(
  mode: IsolationMode,
  start: (mode: IsolationMode) => Promise<Probe>,
): Promise<DoctorFacts> {
  const system = readSystem();
  const programs = findPrograms();
  const pluginDeno = await findPluginDeno();
  const host = { ...readHost(programs), pluginDeno };
  await using undo = new AsyncDisposableStack();
  const { folder, probe: data } = await tryDataFolder(undo);
  const executable = "path" in pluginDeno ? pluginDeno.path : Deno.execPath();
  const isLinux = system.os === "linux";
  const attempt = (name: "bwrap" | "unshare") =>
    isLinux ? tryLauncher(name, programs, executable, folder) : ON_LINUX;
  const launchers = { bwrap: await attempt("bwrap"), unshare: await attempt("unshare") };
  const preferred = mode !== "unshare" && launchers.bwrap.state === "works";
  const via = preferred || programs.unshare.path === undefined ? "bwrap" : "unshare";
  const started = await start(mode);
  const layers = isLinux
    ? await tryLayers({ programs, via }, executable, folder)
    : Object.fromEntries(
      [...PROBES_BEFORE_CGROUP, ...PROBES_AFTER_CGROUP].map((name) => [name, ON_LINUX]),
    ) as Record<ProbeName, Probe>;
  const { choice, cgroup } = await openAsHost(mode, executable, folder ?? "/");
  return {
    system,
    host,
    launchers,
    start: started,
    probes: { ...layers, "data folder": data },
    choice,
    cgroup: isLinux ? cgroup : { probe: ON_LINUX, facts: undefined },
  };
}

async function findPluginDeno(): Promise<HostFacts["pluginDeno"]> {
  try {
    return await findDeno();
  } catch (error) {
    const hint = error instanceof SallyportError ? error.hint ?? "" : "";
    return { problem: messageOf(error), hint };
  }
}

async function tryLauncher(
  name: "bwrap" | "unshare",
  programs: ProbeTools["programs"],
  executable: string,
  scratchDir: string | undefined,
): Promise<LauncherSeen> {
  const program = programs[name];
  if (program.path !== undefined && !program.mayRun) {
    return { ...unseen(`needs --allow-run=${program.path}`), path: program.path };
  }
  try {
    const libraries = await findLibraries(executable);
    const probe = await probeLauncher(name, { executable, libraries, scratchDir });
    const { path, reason = "does not work", unsure } = probe;
    const needed = name === "bwrap" ? ["sh"] as const : ["sh", "setpriv"] as const;
    const mayTry = isAbsolute(executable) &&
      needed.every((each) => programs[each].path === undefined || programs[each].mayRun);
    const why = reason.replace(/^(?:bwrap: |unshare: )+/, ""); // the program names itself
    const seen = probe.works
      ? works(`${path ?? name} starts deno in a root of its own, filtered`)
      : mayTry
      ? fails(why)
      : unseen(why);
    const shortage = unsure &&
      (systemHint(unsure) ?? "Run doctor again when the machine is less busy");
    return { ...seen, path, shortage };
  } catch (error) {
    return failed(error);
  }
}

async function tryLayers(
  tools: ProbeTools,
  executable: string,
  folder: string | undefined,
): Promise<Omit<Record<ProbeName, Probe>, "data folder">> {
  const { programs, via } = tools;
  const needed = ["sh", via] as const;
  const absent = needed.find((name) => programs[name].path === undefined);
  const denied = needed.find((name) => !programs[name].mayRun);
  const safely = (act: () => Promise<Probe>): Promise<Probe> => act().catch(failed);
  const attempt = async (act: () => Promise<Probe>): Promise<Probe> => {
    if (absent !== undefined) return fails(`not tried: no ${absent}`);
    if (denied !== undefined) {
      return unseen(`needs --allow-run=${programs[denied].path}`);
    }
    return await safely(act);
  };
  const within = (act: (folder: string) => Promise<Probe>) => async (): Promise<Probe> =>
    folder === undefined ? unseen("needs --allow-read and --allow-write") : await act(folder);
  const namespaces: [string, Probe][] = [];
  for (const name of NAMESPACES) {
    namespaces.push([`${name} namespace`, await attempt(() => probeNamespace(name, tools))]);
  }
  return {
    ...Object.fromEntries(namespaces) as Record<`${typeof NAMESPACES[number]} namespace`, Probe>,
    "private /proc": await attempt(() => probeProc(tools)),
    seccomp: await safely(within((path) => probeSeccomp(executable, `${path}/deno`))),
    "no-new-privs": await attempt(() => probeNoNewPrivs(tools)),
    rlimits: await attempt(() => probeRlimits(tools)),
    descriptors: await attempt(() => probeDescriptors(executable)),
    "dies with host": await attempt(() => probeDiesWithHost(tools)),
    "egress proxy": await safely(within(probeEgress)),
  };
}

async function useCgroup({ manager, missing }: CgroupProbe): Promise<CgroupSeen> {
  if (manager === undefined) {
    const detail = missing.join("; ") || "none could be made";
    return { probe: mayReadProc() ? fails(detail) : unseen(detail), facts: undefined };
  }
  const limits = { ...TRIED, fileDescriptors: 256, fileBytes: MIB };
  await using cgroup = await manager.create(limits);
  let facts: CgroupFacts | undefined;
  const script = 'for file; do echo 0 >"$file" || exit 1; done; ' +
    "echo in; read line";
  const { out, why } = await runProgram(
    [...cgroup.prefix, "/bin/sh", "-c", script, "sh", ...cgroup.join],
    {
      env: cgroup.prefixEnv,
      timeoutMs: 9_000,
      onOutput(_text, child) {
        facts = cgroup.facts(child.pid);
        kill(child);
      },
    },
  );
  if (out !== "in") return { probe: fails(why), facts: undefined };
  return { probe: works(KINDS[manager.kind]), facts };
}

const KINDS: Readonly<Record<CgroupManager["kind"], string>> = {
  v2: "v2: a group of its own for each plugin",
  v1: "v1: a group of its own for each plugin",
  "systemd-run": "systemd-run: a scope of its own for each plugin",
};

/** Opens the launchers as a host would, for what it would do and for its cgroups. */
async function openAsHost(
  mode: IsolationMode,
  executable: string,
  scratchDir: string,
): Promise<{ choice: Choice; cgroup: CgroupSeen }> {
  const options = { executable, scratchDir };
  let require: Choice["require"] = { works: true };
  try {
    await using _launchers = await openLaunchers({
      ...options,
      isolation: { mode, require: true },
    });
  } catch (error) {
    const code = error instanceof SallyportError ? error.code : "bad-config";
    require = { works: false, code, message: messageOf(error) };
  }
  try {
    await using launchers = await openLaunchers(options);
    const choice = {
      mode,
      auto: launchers.strongest.name,
      launcher: await select(launchers, mode),
      require,
    };
    return { choice, cgroup: await useCgroup(await launchers.cgroups) };
  } catch (error) {
    const choice = { mode, auto: undefined, launcher: undefined, require };
    return { choice, cgroup: { probe: failed(error), facts: undefined } };
  }
}

async function select(launchers: Launchers, mode: IsolationMode): Promise<Choice["launcher"]> {
  try {
    return (await launchers.select(mode)).name;
  } catch {
    return undefined; // what `require` says says why
  }
}

function mayReadProc(): boolean {
  try {
    Deno.readTextFileSync("/proc/self/cgroup");
    return true;
  } catch {
    return false;
  }
}
