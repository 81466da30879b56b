// Reads the limits of a cgroup as the kernel has them.
import type { CgroupFacts } from "../../launch/launcher.ts";
import { readKernelFile, readKeyedNumber, readNumber } from "./kernel_files.ts";

/** The limits alone, without how the group was made. */
export type GroupFacts = Omit<CgroupFacts, "kind">;

/** Where the groups of version 1 are, by controller; a controller that is missing caps nothing. */
export type V1Folders = ReadonlyMap<string, string>;

/** Reads the limits of a version 2 group. */
export function readV2Facts(folder: string): GroupFacts {
  const memoryBytes = readNumber(`${folder}/memory.max`);
  const swap = readKernelFile(`${folder}/memory.swap.max`);
  return {
    memoryBytes,
    // no such file: a kernel without swap accounting, which matters only where there is swap
    swapLimited: memoryBytes !== undefined &&
      (swap === undefined ? !machineSwaps() : swap !== "max"),
    cpuPercent: percent(...(readKernelFile(`${folder}/cpu.max`)?.split(" ") ?? [])),
    tasks: readNumber(`${folder}/pids.max`),
    ioWeight: readKeyedNumber(`${folder}/io.weight`, "default") ??
      readKeyedNumber(`${folder}/io.bfq.weight`, "default"),
  };
}

/** Reads the limits of a group of version 1. */
export function readV1Facts(folders: V1Folders): GroupFacts {
  const memory = folders.get("memory");
  const cpu = folders.get("cpu");
  const pids = folders.get("pids");
  const blkio = folders.get("blkio");
  const memoryBytes = memory && readNumber(`${memory}/memory.limit_in_bytes`);
  const withSwap = memory && readNumber(`${memory}/memory.memsw.limit_in_bytes`);
  return {
    memoryBytes: memoryBytes || undefined,
    swapLimited: memoryBytes !== undefined && (withSwap !== undefined || !machineSwaps()),
    cpuPercent: cpu === undefined ? undefined : percent(
      readKernelFile(`${cpu}/cpu.cfs_quota_us`),
      readKernelFile(`${cpu}/cpu.cfs_period_us`),
    ),
    tasks: pids === undefined ? undefined : readNumber(`${pids}/pids.max`),
    ioWeight: blkio === undefined
      ? undefined
      : readNumber(`${blkio}/blkio.bfq.weight`) ?? readNumber(`${blkio}/blkio.weight`),
  };
}

function percent(quota?: string, period?: string): number | undefined {
  const [part, whole] = [Number(quota), Number(period)]; // "max" is no number, -1 is no limit
  return part > 0 && whole > 0 ? part * 100 / whole : undefined;
}

/** Whether the machine has any swap now; the file begins with a line of headings. */
function machineSwaps(): boolean {
  const text = readKernelFile("/proc/swaps");
  return text === undefined || text.includes("\n");
}
