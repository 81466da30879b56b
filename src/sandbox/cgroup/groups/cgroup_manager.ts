// Makes the cgroups that cap what plugin processes use, however that is done here.
import type { CgroupFacts, LaunchOutcome } from "../../launch/launcher.ts";
import type { ProcessLimits } from "../../launch/launch_spec.ts";

/** Makes one cgroup for each plugin process; removes what it made when disposed. */
export interface CgroupManager extends AsyncDisposable {
  /** How the groups are made. */
  readonly kind: CgroupFacts["kind"];
  /**
   * Makes a group with limits and nobody in it.
   *
   * @throws {SallyportError} `launch-failed` when the kernel refuses it.
   */
  create(limits: ProcessLimits): Promise<Cgroup>;
  /** Makes the folder of the next group ahead, where that can be. */
  prepare?(): void;
}

/** The cgroup of one plugin process. Disposing it kills what is left inside and removes it. */
export interface Cgroup extends AsyncDisposable {
  /** The files into which the process writes `0` before it executes anything else. */
  readonly join: readonly string[];
  /** What comes before the command where a program makes the group; empty otherwise. */
  readonly prefix: readonly string[];
  /** What that program needs in its environment, and nobody after it. */
  readonly prefixEnv: Readonly<Record<string, string>>;
  /** Reads the limits that the kernel holds a running process to. */
  facts(pid: number): CgroupFacts | undefined;
  /** Says what became of the processes; to be called when the first has exited, before disposal. */
  outcome(): Promise<LaunchOutcome>;
}

/** What was found out about cgroups here. */
export interface CgroupProbe {
  /** The manager; `undefined` where no limit could be set. */
  readonly manager: CgroupManager | undefined;
  /** What is not capped and why, one sentence each. */
  readonly missing: readonly string[];
  /** What kept this from being found out; nothing is known of cgroups then. */
  readonly unsure?: unknown;
  /**
   * Makes the next join of a group quick, where that can be needed. The first for some 40 ms waits 8 to 10 ms for the kernel (a
   * grace period of the lock on thread groups); the host can have that over while it does other things,
   * by joining the group that it is in. Settles when that is done, and never fails.
   */
  warm?(): Promise<void>;
}
