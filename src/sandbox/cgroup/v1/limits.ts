// Writes the limits of a process into its groups of cgroup version 1.
import type { ProcessLimits } from "../../launch/launch_spec.ts";
import type { V1Folders } from "../groups/facts.ts";
import { CPU_PERIOD_US, cpuQuota, IO_WEIGHT, taskLimit } from "../groups/group_limits.ts";
import {
  errorCode,
  readKernelFile,
  tryWriteKernelFile,
  writeKernelFile,
} from "../groups/kernel_files.ts";

/**
 * Sets the limits of each controller that there is.
 *
 * @throws {Error} the system's when the kernel refuses one.
 */
export function setV1Limits(folders: V1Folders, limits: ProcessLimits): void {
  const memory = folders.get("memory");
  if (memory !== undefined) {
    writeKernelFile(`${memory}/memory.limit_in_bytes`, String(limits.memoryBytes));
    // memory and swap together, never less than memory alone: hence after it; needs swap accounting
    tryWriteKernelFile(`${memory}/memory.memsw.limit_in_bytes`, String(limits.memoryBytes));
    tryWriteKernelFile(`${memory}/memory.swappiness`, "0");
  }
  const pids = folders.get("pids");
  if (pids !== undefined) writeKernelFile(`${pids}/pids.max`, String(taskLimit(limits)));
  const cpu = folders.get("cpu");
  if (cpu !== undefined) setCpu(cpu, cpuQuota(limits));
  const blkio = folders.get("blkio");
  if (blkio !== undefined && !tryWriteKernelFile(`${blkio}/blkio.bfq.weight`, `${IO_WEIGHT}`)) {
    // CFQ, gone since Linux 5.0, had a least weight of 10
    tryWriteKernelFile(`${blkio}/blkio.weight`, `${IO_WEIGHT}`);
  }
}

function setCpu(folder: string, quota: number): void {
  writeKernelFile(`${folder}/cpu.cfs_period_us`, String(CPU_PERIOD_US));
  try {
    writeKernelFile(`${folder}/cpu.cfs_quota_us`, String(quota));
  } catch (error) {
    // version 1 refuses a share above that of a group further up, which caps this one anyway
    const share = errorCode(error) === "EINVAL" ? shareAbove(folder) : undefined;
    if (share === undefined || share * CPU_PERIOD_US >= quota) throw error;
    writeKernelFile(`${folder}/cpu.cfs_quota_us`, String(Math.floor(share * CPU_PERIOD_US)));
  }
}

/** The least share of a core that a group further up has. */
function shareAbove(folder: string): number | undefined {
  let least: number | undefined;
  for (let at = parent(folder); at !== ""; at = parent(at)) {
    const quota = Number(readKernelFile(`${at}/cpu.cfs_quota_us`));
    const period = Number(readKernelFile(`${at}/cpu.cfs_period_us`));
    if (quota > 0 && period > 0) least = Math.min(least ?? Infinity, quota / period);
  }
  return least;
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
