// The launcher interface: how a launch spec becomes a process, and what contains it.
import type { LauncherName, LaunchSpec } from "./launch_spec.ts";

/** Holds a command ready for `Deno.Command`. */
export interface LaunchCommand {
  /** The program to run. */
  readonly command: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Its working folder. */
  readonly cwd: string;
}

/**
 * Holds what the kernel says of a running plugin process; read from `/proc`, not from what was asked.
 *
 * @category Isolation
 */
export interface ContainmentFacts {
  /** The id of the runtime's process as the host sees it. */
  readonly pid: number;
  /** The namespaces that are not the host's. */
  readonly namespaces: readonly ("user" | "pid" | "mount" | "ipc" | "uts" | "cgroup" | "net")[];
  /** Whether its root folder is not the host's. */
  readonly privateRoot: boolean;
  /** The user id inside its own user namespace. */
  readonly uid: number;
  /** Whether it has no capability in any set, in whichever user namespace. */
  readonly noCapabilities: boolean;
  /** Whether it can never gain privileges. */
  readonly noNewPrivileges: boolean;
  /** Whether a system call filter is in force. */
  readonly seccompFilter: boolean;
  /** The rlimits: open descriptors, size of a written file, core dumps. */
  readonly rlimits: {
    readonly fileDescriptors: number;
    readonly fileBytes: number;
    readonly coreBytes: number;
  };
  /**
   * The limits of its cgroup as the kernel has them, one that is not capped is `undefined`; `undefined` where
   * it has no cgroup of its own.
   */
  readonly cgroup: {
    /** How the group was made. */
    readonly kind: "v2" | "v1" | "systemd-run";
    /** The cap on memory, in bytes. */
    readonly memoryBytes: number | undefined;
    /** Whether swap counts against that cap or is off. */
    readonly swapLimited: boolean;
    /** The cap on processor time, in percent of one core. */
    readonly cpuPercent: number | undefined;
    /** The cap on tasks: processes and threads together. */
    readonly tasks: number | undefined;
    /** The weight among others that read and write. */
    readonly ioWeight: number | undefined;
  } | undefined;
}

/** The limits of a cgroup. */
export type CgroupFacts = NonNullable<ContainmentFacts["cgroup"]>;

/**
 * Says what really contains a plugin's process, layer by layer.
 *
 * @category Isolation
 */
export interface SandboxReport {
  /** The launcher that started the process. */
  readonly launcher: "bwrap" | "unshare" | "plain";
  /** Whether Deno's own permission flags are in force. */
  readonly denoPermissions: boolean;
  /** Whether the process has namespaces and a root folder of its own. */
  readonly namespaces: boolean;
  /** Whether a system call filter is in force. */
  readonly seccomp: boolean;
  /** Which one; `off` where there is none. */
  readonly seccompProfile: "strict" | "baseline" | "off";
  /** How it reaches the network. */
  readonly network: "isolated" | "proxied" | "host";
  /** Whether the kernel caps memory, cpu time and processes. */
  readonly cgroup: boolean;
  /** Whether the kernel caps descriptors, file sizes and core dumps. */
  readonly rlimits: boolean;
  /**
   * What ends the process when the host is killed: `kernel` (a signal, whatever the plugin does) or
   * `stdin` (the bootstrap sees the end of its input, which a busy loop never looks at).
   */
  readonly diesWithHost: "kernel" | "stdin";
  /**
   * What the kernel says of the running process; `undefined` before it runs and where the host may
   * not read `/proc`: then all above is what was asked for.
   */
  readonly facts?: ContainmentFacts;
  /** What is not in force and why, one sentence each. */
  readonly missing: readonly string[];
}

/** Says what became of a process in its cgroup. */
export interface LaunchOutcome {
  /** How often the kernel killed a process of the group for want of memory; 0 where nobody counts. */
  readonly oomKills: number;
  /** The cap on memory that was in force, in bytes. */
  readonly memoryLimitBytes: number | undefined;
  /** The most memory that the group held at once, in bytes. */
  readonly peakMemoryBytes: number | undefined;
  /** How often a new thread or process was refused for the cap on tasks. */
  readonly refusedTasks: number;
}

/** One process about to be started, with what goes away with it. */
export interface Launch extends AsyncDisposable {
  /** The command. */
  readonly command: LaunchCommand;
  /** The filter that the bootstrap loads before it imports anything, where nobody else could. */
  readonly seccompFilter: Uint8Array | undefined;
  /** Says what contains the process, read from it where the host may. */
  inspect(pid: number): SandboxReport;
  /**
   * Says the same as soon as the runtime itself runs and nothing about it can change any more;
   * `undefined` before, and where the runtime completes its containment itself or nobody may look.
   */
  inspectStarted?(pid: number): SandboxReport | undefined;
  /** Says what became of it; to be called when it has exited, before the launch is disposed. */
  outcome(): Promise<LaunchOutcome>;
}

/** Turns launch specs into processes under one kind of containment. */
export interface Launcher {
  /** The launcher's name. */
  readonly name: LauncherName;
  /** Whether processes get a root folder of their own; if so specs need a `root`. */
  readonly privateRoot: boolean;
  /** The shared libraries that the deno executable needs, by their path; for specs with a `root`. */
  readonly libraries: readonly string[];
  /** Returns the command that starts a spec, for people to look at; makes and starts nothing. */
  describe(spec: LaunchSpec): LaunchCommand;
  /** Says what a process of this spec would be contained by, as far as that was probed. */
  report(spec?: LaunchSpec): SandboxReport;
  /** Prepares a process: makes its cgroup and the files that its start reads. */
  launch(spec: LaunchSpec): Promise<Launch>;
}
