/**
 * The launcher interface: how a launch spec becomes a command, and what it enforces.
 *
 * @module
 */
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

/** Says what really contains a plugin's process, layer by layer. */
export interface SandboxReport {
  /** The launcher that started the process. */
  readonly launcher: LauncherName;
  /** Whether Deno's own permission flags are in force. */
  readonly denoPermissions: boolean;
  /** Whether the process has namespaces and a root folder of its own. */
  readonly namespaces: boolean;
  /** Whether a system call filter is in force. */
  readonly seccomp: boolean;
  /** Whether the kernel caps memory, cpu time and processes. */
  readonly cgroup: boolean;
  /**
   * What ends the process when the host is killed: `kernel` (a signal, whatever the plugin does) or
   * `stdin` (the bootstrap sees the end of its input, which a busy loop never looks at).
   */
  readonly diesWithHost: "kernel" | "stdin";
  /** What is not in force and why, one sentence each. */
  readonly missing: readonly string[];
}

/** Turns launch specs into commands under one kind of containment. */
export interface Launcher {
  /** The launcher's name. */
  readonly name: LauncherName;
  /** Gives the command that starts a spec. */
  command(spec: LaunchSpec): LaunchCommand;
  /** Says what a process started by this launcher is contained by. */
  report(): SandboxReport;
}
