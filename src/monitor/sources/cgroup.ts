// Reads what a control group counts of its members, version 1 and 2.
import {
  folderOf,
  type Hierarchy,
  parseMounts,
  pathsOf,
} from "../../sandbox/cgroup/groups/hierarchy.ts";

/** The folders of a plugin's own groups by controller; that of the unified tree under the empty name. */
export type CgroupFolders = ReadonlyMap<string, string>;

/** What the groups count; what they do not is `undefined`. */
export interface CgroupUsage {
  /** Memory now, in bytes. */
  readonly memoryBytes: number | undefined;
  /** The most at once, in bytes. */
  readonly peakMemoryBytes: number | undefined;
  /** Processor time, in milliseconds. */
  readonly cpuTimeMs: number | undefined;
  /** Time for which its processors were kept from running it, in milliseconds. */
  readonly throttledMs: number | undefined;
  /** Processes and threads. */
  readonly tasks: number | undefined;
  /** How often one more was refused. */
  readonly refusedTasks: number | undefined;
  /** The members; `undefined` where the host may not read them. */
  readonly pids: readonly number[] | undefined;
}

const CONTROLLERS = ["", "memory", "cpu", "cpuacct", "pids"];
const MAX_MEMBERS = 4_096;
/** Every so many reads nothing is taken for unchanged. */
const ALL_EVERY = 5;
const US = 1_000;
const NS = 1_000_000;

let mounts: readonly Hierarchy[] | undefined;

/** Finds the groups that a process is in and this host is not. */
export function findCgroupFolders(pid: number): CgroupFolders | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const [own, theirs] = [pathsOf("self"), pathsOf(pid)];
  if (own === undefined || theirs === undefined) return undefined;
  try {
    mounts ??= parseMounts(Deno.readTextFileSync("/proc/self/mountinfo"));
  } catch {
    return undefined;
  }
  const folders = new Map<string, string>();
  for (const controller of CONTROLLERS) {
    const path = theirs.get(controller);
    // a group that the host is in too, or that holds the host's, counts more than the plugin
    if (path === undefined || `${own.get(controller)}/`.startsWith(`${path.replace(/\/$/, "")}/`)) {
      continue;
    }
    const tree = mounts.find(({ version, controllers }) =>
      controller === "" ? version === 2 : controllers.includes(controller)
    );
    const folder = tree && folderOf(tree, path);
    if (folder !== undefined) folders.set(controller, folder);
  }
  return folders.size === 0 ? undefined : folders;
}

/** Reads one plugin's groups again and again; a file that was missing once is not looked for again. */
export class CgroupReader {
  readonly #memory: KernelFile;
  readonly #peak: KernelFile;
  readonly #time: KernelFile;
  readonly #cpu: KernelFile;
  readonly #tasks: KernelFile;
  readonly #events: KernelFile;
  readonly #members: KernelFile;
  readonly #unified: boolean;
  #before: CgroupUsage | undefined;
  #reads = 0;

  /** Takes the folders; reads nothing yet. */
  constructor(folders: CgroupFolders) {
    const v1Memory = folders.get("memory");
    const unified = folders.get("");
    // a hybrid machine has the unified tree too, without controllers
    this.#unified = v1Memory === undefined && unified !== undefined;
    const cpu = this.#unified ? unified : folders.get("cpu");
    const pids = this.#unified ? unified : folders.get("pids");
    const memory = this.#unified ? unified : v1Memory;
    // where both are mounted together the time is to be found with the cpu controller
    const time = this.#unified ? unified : folders.get("cpuacct") ?? cpu;
    this.#memory = new KernelFile(
      memory,
      this.#unified ? "memory.current" : "memory.usage_in_bytes",
    );
    this.#peak = new KernelFile(
      memory,
      this.#unified ? "memory.peak" : "memory.max_usage_in_bytes",
    );
    this.#time = new KernelFile(this.#unified ? undefined : time, "cpuacct.usage");
    this.#cpu = new KernelFile(cpu, "cpu.stat");
    this.#tasks = new KernelFile(pids, "pids.current");
    this.#events = new KernelFile(pids, "pids.events");
    this.#members = new KernelFile(memory ?? pids ?? cpu, "cgroup.procs");
  }

  /**
   * Reads the files, at most seven. What follows from a figure that has not changed is read every fifth time
   * only: nothing new was started, refused or held back in a group that has not run.
   */
  read(): CgroupUsage {
    const before = this.#before;
    const all = before === undefined || this.#reads++ % ALL_EVERY === 0;
    const same = (now: number | undefined, then: number | undefined) =>
      !all && now !== undefined && now === then;
    let cpu = this.#unified ? this.#cpu.text() : undefined;
    const cpuTimeMs = this.#unified
      ? divide(keyed(cpu, "usage_usec"), US)
      : divide(this.#time.number(), NS);
    const rested = same(cpuTimeMs, before?.cpuTimeMs);
    if (!this.#unified && !rested) cpu = this.#cpu.text();
    const memoryBytes = this.#memory.number();
    const tasks = rested ? before!.tasks : this.#tasks.number();
    const sameTasks = same(tasks, before?.tasks);
    return this.#before = {
      memoryBytes,
      peakMemoryBytes: same(memoryBytes, before?.memoryBytes)
        ? before!.peakMemoryBytes
        : this.#peak.number(),
      cpuTimeMs,
      throttledMs: rested
        ? before!.throttledMs
        : this.#unified
        ? divide(keyed(cpu, "throttled_usec"), US)
        : divide(keyed(cpu, "throttled_time"), NS),
      tasks,
      refusedTasks: sameTasks ? before!.refusedTasks : keyed(this.#events.text(), "max"),
      pids: sameTasks ? before!.pids : this.#pids(),
    };
  }

  #pids(): readonly number[] | undefined {
    const text = this.#members.text();
    if (text === undefined) return undefined;
    // 0 stands for a process of another pid namespace than ours
    return text.split("\n", MAX_MEMBERS).map(Number).filter((pid) => pid > 0);
  }
}

class KernelFile {
  #path: string | undefined;

  constructor(folder: string | undefined, name: string) {
    this.#path = folder === undefined ? undefined : `${folder}/${name}`;
  }

  text(): string | undefined {
    if (this.#path === undefined) return undefined;
    try {
      return Deno.readTextFileSync(this.#path);
    } catch {
      this.#path = undefined; // this kernel has none, or the group is gone for good
      return undefined;
    }
  }

  number(): number | undefined {
    const text = this.text();
    return text !== undefined && /^\d{1,20}\s*$/.test(text) ? Number(text) : undefined;
  }
}

function keyed(text: string | undefined, name: string): number | undefined {
  for (const line of text?.split("\n") ?? []) {
    if (line.startsWith(name) && line[name.length] === " ") {
      const value = Number(line.slice(name.length + 1));
      return Number.isFinite(value) ? value : undefined;
    }
  }
  return undefined;
}

function divide(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value / by;
}
