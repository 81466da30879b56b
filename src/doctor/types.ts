/**
 * What `doctor` sees of a machine and what it finds, as plain data.
 *
 * @module
 */
import type { IsolationMode } from "../sandbox/machine/choose.ts";
import type { LauncherName } from "../sandbox/launch/launch_spec.ts";
import type { CgroupFacts } from "../sandbox/launch/launcher.ts";

/** Says what trying something showed; `unseen` is what this host has no permission to try. */
export interface Probe {
  /** How it went. */
  readonly state: "works" | "fails" | "unseen";
  /** What was seen, in words. */
  readonly detail: string;
}

/** Names what is tried on its own, as a plugin's process would have it. */
export type ProbeName =
  | "user namespace"
  | "mount namespace"
  | "pid namespace"
  | "ipc namespace"
  | "uts namespace"
  | "net namespace"
  | "cgroup namespace"
  | "private /proc"
  | "seccomp"
  | "no-new-privs"
  | "rlimits"
  | "descriptors"
  | "dies with host"
  | "egress proxy"
  | "data folder";

/** Names what the kernel can cap in a cgroup. */
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

/** Holds what the machine is. */
export interface SystemFacts {
  /** As `Deno.build.os` has it. */
  readonly os: string;
  /** As `Deno.build.arch` has it. */
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
  /** Which Windows Subsystem for Linux this is, if it is one. */
  readonly wsl: 1 | 2 | undefined;
  /** Which kind of container this is, if it is one. */
  readonly container: ContainerKind | undefined;
  /** Settings of the kernel; those that it does not have, or hides, are absent. */
  readonly sysctls: {
    readonly apparmorRestrictsUserns?: number;
    readonly unprivilegedUsernsClone?: number;
    readonly maxUserNamespaces?: number;
  };
  /** Whether `/proc` shows the host processes and nothing else, as `ProcSubset=pid` has it. */
  readonly processesOnly?: boolean;
  /** Whether systemd manages the machine. */
  readonly systemd: boolean;
  /** Which cgroup trees are mounted; `undefined` where that could not be read. */
  readonly cgroups: "v2" | "v1" | "none" | undefined;
}

/** Holds what the host itself is and may do. */
export interface HostFacts {
  /** The version of its own Deno. */
  readonly deno: string;
  /** The Deno that plugins run under, or why there is none. */
  readonly pluginDeno:
    | { readonly path: string; readonly version: string }
    | { readonly problem: string; readonly hint: string };
  /** Whether it runs as root; `undefined` where it may not look. */
  readonly isRoot: boolean | undefined;
  /** Permissions that hosts use and that it does not have, or not for all values. */
  readonly lacks: readonly string[];
  /** Whether it may read `/proc` of other processes, which only `--allow-all` lets it. */
  readonly readsProc: boolean;
  /** Programs of the launchers that it may run. */
  readonly mayRun: readonly string[];
  /** Programs of the launchers that are there, but not for it. */
  readonly mayNotRun: readonly string[];
}

/** Holds what was tried of the cgroups. */
export interface CgroupSeen {
  /** Whether a process could be started in a cgroup of its own. */
  readonly probe: Probe;
  /** The limits that the kernel had for it. */
  readonly facts: CgroupFacts | undefined;
}

/** Says what a host would do for an isolation mode. */
export interface Choice {
  /** The mode that was asked about. */
  readonly mode: IsolationMode;
  /** The launcher that `auto` takes; `undefined` where that could not be found out. */
  readonly auto: LauncherName | undefined;
  /** The launcher that the mode takes; `undefined` where the host would not open. */
  readonly launcher: LauncherName | undefined;
  /** What the host says where `require` is true. */
  readonly require: RequireAnswer;
}

/** Says whether a host with `require: true` would open. */
export interface RequireAnswer {
  /** Whether it would. */
  readonly works: boolean;
  /** The error's code, where it would not. */
  readonly code?: string;
  /** The error's message, where it would not. */
  readonly message?: string;
}

/** Says what a launcher did. */
export interface LauncherSeen extends Probe {
  /** Where it is. */
  readonly path?: string;
  /** What to do before it can be found out whether it works: the machine was short of something. */
  readonly shortage?: string;
}

/** Holds all that was seen. */
export interface DoctorFacts {
  /** The machine. */
  readonly system: SystemFacts;
  /** The host. */
  readonly host: HostFacts;
  /** The launchers, run for real. */
  readonly launchers: Readonly<Record<"bwrap" | "unshare", LauncherSeen>>;
  /** A plugin that was started as a host does. */
  readonly start: Probe;
  /** What was tried on its own. */
  readonly probes: Readonly<Record<ProbeName, Probe>>;
  /** The cgroups. */
  readonly cgroup: CgroupSeen;
  /** What a host would do. */
  readonly choice: Choice;
}

/** Says how a layer is: in force, in force with a reservation or not looked at, or missing. */
export type LayerStatus = "ok" | "warn" | "no";

/** Says what to do about a layer. */
export interface Remedy {
  /** What to do, and what it costs. */
  readonly what: string;
  /** What to run or to write, as it is. */
  readonly lines: readonly string[];
}

/** Holds the finding for one layer. */
export interface LayerFinding {
  /** The layer. */
  readonly name: LayerName;
  /** How it is. */
  readonly status: LayerStatus;
  /** What was seen. */
  readonly detail: string;
  /** What to do about it, where there is something to do. */
  readonly remedy?: Remedy;
}

/** Holds the findings. */
export interface Diagnosis {
  /** Every layer, in a fixed order. */
  readonly layers: readonly LayerFinding[];
  /** What a host would do. */
  readonly choice: Choice;
  /** Layers that are missing, or that nobody could look at. */
  readonly missing: readonly LayerName[];
  /** Whether plugins would run under an operating-system sandbox with every layer. */
  readonly complete: boolean;
}
