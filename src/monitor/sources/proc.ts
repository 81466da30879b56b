// Reads what processes use from `/proc` of Linux.

/** What `/proc/<pid>/stat` says of a process. */
export interface ProcessStat {
  /** The process that started it, or that took it over. */
  readonly parent: number;
  /** Processor time of it and of its children that it has waited for, in milliseconds. */
  readonly cpuTimeMs: number;
  /** Threads. */
  readonly threads: number;
  /** When it was started, in ticks since boot: tells it from a later process of the same number. */
  readonly startTicks: number;
  /** The resident set, in bytes. */
  readonly rssBytes: number;
}

// the clock tick of every Linux that Deno runs on: sysconf(_SC_CLK_TCK), USER_HZ
const MS_PER_TICK = 1_000 / 100;
/** The entry of the auxiliary vector that holds the page size; see getauxval(3). */
const AT_PAGESZ = 6n;
const MAX_DEPTH = 8;

let pageBytes: number | undefined;

/**
 * Says whether this host may read `/proc` of other processes, which takes `--allow-all`; never asks the
 * user for it.
 */
export function mayReadProc(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    if (Deno.permissions.querySync({ name: "read", path: "/proc" }).state !== "granted") {
      return false;
    }
    Deno.readTextFileSync("/proc/self/stat");
    pageBytes ??= readPageSize();
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads a process.
 *
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  // the second field is the command in parentheses and may itself hold spaces and parentheses
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ", 22);
  if (fields.length < 22 || fields[0] === "Z" || fields[0] === "X") return undefined;
  const ticks = Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14]);
  return {
    parent: Number(fields[1]),
    cpuTimeMs: ticks * MS_PER_TICK,
    threads: Number(fields[17]),
    startTicks: Number(fields[19]),
    rssBytes: Number(fields[21]) * (pageBytes ??= readPageSize()),
  };
}

/** Reads the most memory that a process has held at once. */
export function readPeakRss(pid: number): number | undefined {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1];
    return peak === undefined ? undefined : Number(peak) * 1_024;
  } catch {
    return undefined;
  }
}

/** Counts the open descriptors of a process. */
export function countDescriptors(pid: number): number | undefined {
  try {
    // Linux 6.2 and later say so in the size of the folder, a fifth of the work
    const { size } = Deno.statSync(`/proc/${pid}/fd`);
    if (size > 0) return size;
    let count = 0;
    for (const _ of Deno.readDirSync(`/proc/${pid}/fd`)) count++;
    return count;
  } catch {
    return undefined;
  }
}

/** Reads how many bytes a process has passed to `write` and its kin, pipes and sockets included. */
export function readWritten(pid: number): number | undefined {
  try {
    const written = /^wchar: (\d+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/io`))?.[1];
    return written === undefined ? undefined : Number(written);
  } catch {
    return undefined;
  }
}

/** Returns the processes above a process up to this host: those of its launcher. */
export function ancestors(pid: number): number[] {
  const above: number[] = [];
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const parent = readStat(pid)?.parent;
    if (parent === undefined || parent <= 1 || parent === Deno.pid) break;
    above.push(parent);
    pid = parent;
  }
  return above;
}

function readPageSize(): number {
  try {
    // pairs of machine words, 64 bits on both architectures that Deno is built for
    const words = new BigUint64Array(Deno.readFileSync("/proc/self/auxv").slice().buffer);
    for (let at = 0; at + 1 < words.length; at += 2) {
      if (words[at] === AT_PAGESZ) return Number(words[at + 1]);
    }
  } catch {
    // the default below
  }
  return 4_096;
}
