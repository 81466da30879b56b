// What a machine can enforce, layer by layer: facts in, findings with remedies out. Pure.
//
// The facts come from `facts.ts`; made-up ones of other machines are as good here.
import { distributionText } from "./names.ts";
import { denoProblem, untestedDeno } from "../version.ts";
import { remedyFor } from "./remedies.ts";
import {
  type CgroupLayer,
  type Diagnosis,
  type DoctorFacts,
  type LayerFinding,
  type LayerStatus,
  type Probe,
  type ProbeName,
  PROBES_AFTER_CGROUP,
  PROBES_BEFORE_CGROUP,
} from "./types.ts";

const FILTER_ARCHS = ["x86_64", "aarch64"];
const SYSTEM_NAMES: Readonly<Record<string, string>> = { darwin: "macOS", windows: "Windows" };
const CGROUP_LAYERS: readonly CgroupLayer[] = ["memory", "swap", "cpu", "pids", "io"];

type Draft = Omit<LayerFinding, "remedy"> & { readonly unseen?: boolean };

/** Says what a machine can enforce, and what to do about what it cannot. */
export function diagnose(facts: DoctorFacts): Diagnosis {
  const drafts: Draft[] = [
    platformLayer(facts),
    denoLayer(facts),
    permissionsLayer(facts),
    userLayer(facts),
    launcherLayer("bwrap", facts),
    launcherLayer("unshare", facts),
    probeLayer("plugin start", facts.start),
    ...PROBES_BEFORE_CGROUP.map((name) => probeLayer(name, facts.probes[name])),
    ...cgroupLayers(facts),
    ...PROBES_AFTER_CGROUP.map((name) => probeLayer(name, facts.probes[name])),
  ];
  const missing = drafts.filter(({ status, unseen }) => status === "no" || unseen)
    .map(({ name }) => name);
  const { launcher } = facts.choice;
  return {
    layers: drafts.map(({ name, status, detail }) => {
      const remedy = status === "ok" ? undefined : remedyFor(name, facts);
      return { name, status, detail, remedy };
    }),
    choice: facts.choice,
    missing,
    complete: missing.length === 0 && launcher !== undefined && launcher !== "plain",
  };
}

function platformLayer({ system }: DoctorFacts): Draft {
  const { os, arch, wsl } = system;
  const layer = (status: LayerStatus, detail: string): Draft => ({
    name: "platform",
    status,
    detail,
  });
  if (os !== "linux") {
    const called = SYSTEM_NAMES[os] ?? os;
    return layer("no", `${called}: only Deno's flags, signatures and protocol checks hold here`);
  }
  const detail = distributionText(system);
  if (wsl === 1) return layer("no", `${detail}: no Linux kernel, so nothing but Deno's flags`);
  return FILTER_ARCHS.includes(arch)
    ? layer("ok", detail)
    : layer("no", `${detail}: no system call filter for this processor`);
}

function denoLayer({ host }: DoctorFacts): Draft {
  const { deno, pluginDeno } = host;
  const name = "deno";
  const problem = denoProblem(deno);
  if (problem !== undefined) return { name, status: "no", detail: `Sallyport ${problem}` };
  if ("problem" in pluginDeno) return { name, status: "no", detail: pluginDeno.problem };
  const { path, version } = pluginDeno;
  const untested = untestedDeno(deno) ?? untestedDeno(version);
  if (untested !== undefined) return { name, status: "warn", detail: untested };
  return {
    name,
    status: "ok",
    detail: version === deno ? deno : `${deno}; plugins: ${version}, ${path}`,
  };
}

function permissionsLayer({ host, system }: DoctorFacts): Draft {
  const name = "host permissions";
  const { lacks, mayRun, mayNotRun, readsProc } = host;
  const programs = mayRun.length === 0 ? "none of the launchers' programs" : mayRun.join(", ");
  const proc = readsProc
    ? "reads /proc"
    : "may not read /proc of plugins, so that what is in force is taken on trust";
  if (lacks.length === 0 && readsProc) {
    const detail = system.os === "linux" ? `all: ${proc}, may run ${programs}` : "all";
    return { name, status: "ok", detail };
  }
  const partly = lacks.length === 0 ? "" : `not all of ${lacks.join(", ")}; `;
  const denied = mayNotRun.length === 0 ? "" : `, not ${mayNotRun.join(", ")}`;
  return { name, status: "warn", detail: `${partly}may run ${programs}${denied}; ${proc}` };
}

function userLayer({ host, system }: DoctorFacts): Draft {
  const name = "host user";
  if (host.isRoot === true) {
    const detail = "root: what breaks out of every layer is root on this machine";
    return { name, status: "warn", detail };
  }
  if (host.isRoot === false) return { name, status: "ok", detail: "unprivileged" };
  const why = system.os === "windows" ? "Windows has no user ids" : "needs --allow-sys=uid";
  return { name, status: "warn", detail: `not seen: ${why}` };
}

function launcherLayer(name: "bwrap" | "unshare", facts: DoctorFacts): Draft {
  const probe = facts.launchers[name];
  const { mode } = facts.choice;
  const other = name === "bwrap" ? "unshare" : "bwrap";
  if (probe.state === "works") return { name, status: "ok", detail: probe.detail };
  const seen = probe.state === "unseen" ? `not seen: ${probe.detail}` : probe.detail;
  // with the weaker of the two every layer still holds; the stronger needs no weaker one beside it
  const dispensable = mode !== name && facts.launchers[other].state === "works" && mode !== "plain";
  if (dispensable) {
    return { name, status: "warn", detail: `${seen}; plugins run under ${other} without it` };
  }
  return { name, status: "no", detail: seen };
}

function probeLayer(name: ProbeName | "plugin start", { state, detail }: Probe): Draft {
  if (state === "works") return { name, status: "ok", detail };
  if (state === "unseen") {
    return { name, status: "warn", detail: `not seen: ${detail}`, unseen: true };
  }
  return { name, status: "no", detail };
}

function cgroupLayers({ cgroup }: DoctorFacts): Draft[] {
  const { probe, facts } = cgroup;
  const unseen = probe.state === "unseen";
  const detail = unseen ? `not seen: ${probe.detail}` : probe.detail;
  const status: LayerStatus = probe.state === "works" ? "ok" : unseen ? "warn" : "no";
  const whole: Draft = { name: "cgroup", status, detail, unseen };
  if (facts === undefined) {
    const all = status === "ok"
      ? { status: "warn" as const, detail: "its limits could not be read", unseen: true }
      : { status, detail, unseen };
    return [whole, ...CGROUP_LAYERS.map((layer): Draft => ({ name: `cgroup ${layer}`, ...all }))];
  }
  const { memoryBytes, swapLimited, cpuPercent, tasks, ioWeight } = facts;
  const tried = (value: number | undefined, unit: string) =>
    value && `capped (tried: ${value}${unit})`;
  const found: Record<CgroupLayer, string | 0 | undefined> = {
    memory: tried(memoryBytes && Math.round(memoryBytes / 2 ** 20), " MiB"),
    swap: swapLimited ? "counts against that cap" : undefined,
    cpu: tried(cpuPercent, " % of one core"),
    pids: tried(tasks, " tasks"),
    io: ioWeight && `weighed (tried: ${ioWeight})`,
  };
  return [
    whole,
    ...CGROUP_LAYERS.map((layer): Draft => {
      const open = layer === "swap" || layer === "io" ? "warn" : "no"; // those two are no hard caps
      const without = layer === "io"
        ? "not weighed: a plugin that writes a lot slows others"
        : "not capped";
      const detail = found[layer];
      return { name: `cgroup ${layer}`, status: detail ? "ok" : open, detail: detail || without };
    }),
  ];
}
