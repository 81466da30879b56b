// What `doctor` sees of a machine and what it finds, as plain data.
import type { IsolationMode } from "../sandbox/machine/choose.ts";
import type { LauncherName } from "../sandbox/launch/launch_spec.ts";
import type { CgroupFacts } from "../sandbox/launch/launcher.ts";

/** Says what trying something showed; `unseen` is what this host has no permission to try. */
export interface Probe {
  readonly state: "works" | "fails" | "unseen";
  readonly detail: string;
}

export const NAMESPACES = ["user", "mount", "pid", "ipc", "uts", "net", "cgroup"] as const;

/** Names what is tried on its own, as a plugin's process would have it, before and after the cgroup. */
export const PROBES_BEFORE_CGROUP = [
  ...NAMESPACES.map((name) => `${name} namespace` as const),
  ...["private /proc", "seccomp", "no-new-privs"] as const,
] as const;
export const PROBES_AFTER_CGROUP = [
  ...["rlimits", "descriptors", "dies with host", "egress proxy", "data folder"] as const,
] as const;

export type ProbeName = typeof PROBES_BEFORE_CGROUP[number] | typeof PROBES_AFTER_CGROUP[number];

export type CgroupLayer = "memory" | "swap" | "cpu" | "pids" | "io";

/** Names a layer, in the order of the findings. */
export type LayerName =
  | "platform"
  | "deno"
  | "host permissions"
  | "host user"
  | "bwrap"
  | "unshare"
  | "plugin start"
  | "cgroup"
  | `cgroup ${CgroupLayer}`
  | ProbeName;

/** Names what runs the host in a container of its own; `container` is one of another kind. */
export type ContainerKind = "docker" | "podman" | "kubernetes" | "lxc" | "container";

export interface SystemFacts {
  readonly os: string;
  readonly arch: string;
  /** The kernel's release, where it could be read. */
  readonly kernel: string | undefined;
  /** What `os-release` says, where it could be read. */
  readonly distribution: {
    readonly id: string;
    readonly like: readonly string[];
    readonly name: string;
    readonly version: string;
  } | undefined;
  readonly wsl: 1 | 2 | undefined;
  readonly container: ContainerKind | undefined;
  /** Settings of the kernel; those that it does not have, or hides, are absent. */
  readonly sysctls: {
    readonly apparmorRestrictsUserns?: number;
    readonly unprivilegedUsernsClone?: number;
    readonly maxUserNamespaces?: number;
  };
  /** Whether `/proc` shows the host processes and nothing else, as `ProcSubset=pid` has it. */
  readonly processesOnly?: boolean;
  readonly systemd: boolean;
  /** Which cgroup trees are mounted; `undefined` where that could not be read. */
  readonly cgroups: "v2" | "v1" | "none" | undefined;
}

export interface HostFacts {
  readonly deno: string;
  readonly pluginDeno:
    | { readonly path: string; readonly version: string }
    | { readonly problem: string; readonly hint: string };
  /** Whether it runs as root; `undefined` where it may not look. */
  readonly isRoot: boolean | undefined;
  /** Permissions that hosts use and that it does not have, or not for all values. */
  readonly lacks: readonly string[];
  /** Whether it may read `/proc` of other processes, which only `--allow-all` lets it. */
  readonly readsProc: boolean;
  readonly mayRun: readonly string[];
  readonly mayNotRun: readonly string[];
}

export interface CgroupSeen {
  readonly probe: Probe;
  readonly facts: CgroupFacts | undefined;
}

export interface Choice {
  readonly mode: IsolationMode;
  /** The launcher that `auto` takes; `undefined` where that could not be found out. */
  readonly auto: LauncherName | undefined;
  /** The launcher that the mode takes; `undefined` where the host would not open. */
  readonly launcher: LauncherName | undefined;
  readonly require:
    | { readonly works: true }
    | { readonly works: false; readonly code: string; readonly message: string };
}

export interface LauncherSeen extends Probe {
  readonly path?: string;
  /** What to do first, where the machine was short of something. */
  readonly shortage?: string;
}

export interface DoctorFacts {
  readonly system: SystemFacts;
  readonly host: HostFacts;
  readonly launchers: Readonly<Record<"bwrap" | "unshare", LauncherSeen>>;
  readonly start: Probe;
  readonly probes: Readonly<Record<ProbeName, Probe>>;
  readonly cgroup: CgroupSeen;
  readonly choice: Choice;
}

/** Says how a layer is: in force, in force with a reservation or not looked at, or missing. */
export type LayerStatus = "ok" | "warn" | "no";

export interface Remedy {
  /** What to do, and what it costs. */
  readonly what: string;
  readonly lines: readonly string[];
}

export function remedy(what: string, ...lines: string[]): Remedy {
  return { what, lines };
}

export interface LayerFinding {
  readonly name: LayerName;
  readonly status: LayerStatus;
  readonly detail: string;
  readonly remedy?: Remedy;
}

export interface Diagnosis {
  readonly layers: readonly LayerFinding[];
  readonly choice: Choice;
  readonly missing: readonly LayerName[];
  readonly complete: boolean;
}
