// What a plugin's process has used, read from the system where the host may read it.

/** Holds what a process has used so far. */
export interface ProcessUsage {
  /** The most memory it held at once, in bytes; `undefined` where the host may not read it. */
  readonly peakMemoryBytes: number | undefined;
  /** The processor time it used, in milliseconds; `undefined` where the host may not read it. */
  readonly cpuTimeMs: number | undefined;
}

// the clock tick of every Linux that Deno runs on: sysconf(_SC_CLK_TCK), USER_HZ
const TICKS_PER_SECOND = 100;

/**
 * Reads what a process has used.
 *
 * Deno lets only a host with `--allow-all` read `/proc`; with less the figures are `undefined`.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export async function readProcessUsage(pid: number): Promise<ProcessUsage> {
  const unknown = { peakMemoryBytes: undefined, cpuTimeMs: undefined };
  if (Deno.build.os !== "linux") return unknown;
  try {
    const [status, stat] = await Promise.all([
      Deno.readTextFile(`/proc/${pid}/status`),
      Deno.readTextFile(`/proc/${pid}/stat`),
    ]);
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    // the second field is the command in parentheses and may itself hold spaces and parentheses
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return {
      peakMemoryBytes: peak === undefined ? undefined : Number(peak) * 1_024,
      cpuTimeMs: Number.isFinite(ticks) ? ticks * 1_000 / TICKS_PER_SECOND : undefined,
    };
  } catch {
    return unknown; // the process is gone, or this host lacks the permission
  }
}
