// Changes the share of a processor that a running process may have.
import { CPU_PERIOD_US, MIN_QUOTA_US } from "./group_limits.ts";
import { tryWriteKernelFile } from "./kernel_files.ts";

/** Caps the processor time of a process by its own control groups, from the next period on. */
export function capProcessor(folders: ReadonlyMap<string, string>, cpuPercent: number): boolean {
  const quota = Math.max(MIN_QUOTA_US, Math.round(cpuPercent * CPU_PERIOD_US / 100));
  const v1 = folders.get("cpu");
  if (v1 !== undefined) return tryWriteKernelFile(`${v1}/cpu.cfs_quota_us`, String(quota));
  const unified = folders.get("");
  return unified !== undefined &&
    tryWriteKernelFile(`${unified}/cpu.max`, `${quota} ${CPU_PERIOD_US}`);
}
