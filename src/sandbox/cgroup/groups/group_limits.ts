// The figures that plugin limits become in a cgroup.
import { SallyportError } from "../../../errors.ts";
import type { ProcessLimits } from "../../launch/launch_spec.ts";
import { errorCode } from "./kernel_files.ts";

/**
 * The tasks that the launcher's own processes need beside the runtime's threads: `bwrap` keeps two,
 * `unshare` one, and both start short-lived helpers while they set up.
 */
export const LAUNCHER_TASKS = 4;

/** The period over which processor time is counted, in microseconds; the kernel's default. */
export const CPU_PERIOD_US = 100_000;

/** The weight of plugins among others that read and write; the kernel's default is 100. */
export const IO_WEIGHT = 50;

/** The least quota that the kernel takes, in microseconds. */
export const MIN_QUOTA_US = 1_000;

/** Returns the processor time of one period. */
export function cpuQuota(limits: ProcessLimits): number {
  return Math.max(MIN_QUOTA_US, Math.round(limits.cpuPercent * CPU_PERIOD_US / 100));
}

/** Returns the cap on tasks: the runtime's threads and what the launcher adds. */
export function taskLimit(limits: ProcessLimits): number {
  return limits.threads + LAUNCHER_TASKS;
}

/** Makes the error for a limit that the kernel does not take. */
export function refusedLimit(folder: string, error: unknown): SallyportError {
  return new SallyportError(
    "launch-failed",
    `Cannot limit a process in "${folder}": ${errorCode(error)}`,
    { details: { folder }, cause: error },
  );
}
