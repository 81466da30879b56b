// Takes the samples of one plugin: keeps what rates are reckoned from, and reads no more than is due.
import type { PluginSample, SampleFigure, SampleSource } from "./sample.ts";
import { CgroupReader, type CgroupUsage } from "../sources/cgroup.ts";
import { type PlatformTable, sumTree } from "../sources/platform.ts";
import {
  ancestors,
  countDescriptors,
  type ProcessStat,
  readPeakRss,
  readStat,
  readWritten,
} from "../sources/proc.ts";
import type { ProcessTable } from "../sources/process_table.ts";
import { SocketCounter } from "../sources/sockets.ts";
import { holdProcesses } from "../sources/hold.ts";
import { StorageScan } from "../sources/storage.ts";
import type { HeapFigures, MonitorTarget, TrafficCounts } from "./target.ts";

/** What all plugins of a monitor share while a round of samples is taken. */
export interface RoundSources {
  /** Who is below whom; `undefined` where `/proc` cannot be read. */
  readonly table: ProcessTable | undefined;
  /** What the platform's tool says, where `/proc` cannot be read. */
  readonly platform: PlatformTable | undefined;
  /** Grants a number of the storage entries asked for, so that all plugins together stay within a rate. */
  takeEntries(wanted: number): number;
}

/** Samples after which sockets and storage are looked at although nothing points to a change. */
const SOCKETS_EVERY = 5;
const STORAGE_EVERY = 10;
const STORAGE_REST_MS = 60_000;
/** Storage entries that one sample looks at. */
const STORAGE_ENTRIES = 500;
/** Processes of one plugin that are read. */
const MAX_PROCESSES = 256;
/** Bytes written beside the connection after which the storage is walked through again. */
const WRITTEN_BYTES = 64 * 1024;
/** Less than this and a rate says more about the clock's ticks than about the plugin. */
const MIN_RATE_MS = 20;

interface Before {
  readonly atMs: number;
  readonly cpuTimeMs: number | undefined;
  readonly throttledMs: number | undefined;
  readonly traffic: TrafficCounts | undefined;
}

interface TreeFigures {
  readonly pids: readonly number[];
  readonly rssBytes: number;
  readonly cpuTimeMs: number;
  readonly threads: number;
}

/** Samples one target. */
export class TargetSampler {
  /** The target. */
  readonly target: MonitorTarget;
  readonly #startTicks: number | undefined;
  readonly #cgroup: CgroupReader | undefined;
  readonly #launchers: ReadonlySet<number>;
  readonly #sockets = new SocketCounter();
  readonly #storage: StorageScan | undefined;
  #before: Before;
  #samples = 0;
  #peakBytes = 0;
  #memoryBytes: number | undefined;
  #connections: number | undefined;
  #descriptors: number | undefined;
  #storageSample = 0;
  #storageMs = -Infinity;
  #writtenBytes = 0;

  /** Begins: what the plugin uses from now on counts for the first rates. */
  constructor(target: MonitorTarget, sources: RoundSources) {
    this.target = target;
    const proc = sources.table !== undefined;
    const stat = proc ? readStat(target.pid) : undefined;
    this.#startTicks = stat?.startTicks;
    this.#launchers = new Set(proc ? ancestors(target.pid) : []);
    this.#cgroup = proc && target.cgroup !== undefined
      ? new CgroupReader(target.cgroup)
      : undefined;
    this.#storage = target.storageDir === undefined
      ? undefined
      : new StorageScan(target.storageDir, target.givenFiles);
    const usage = this.#cgroup?.read();
    this.#before = {
      atMs: performance.now(),
      cpuTimeMs: usage?.cpuTimeMs ?? stat?.cpuTimeMs,
      throttledMs: usage?.throttledMs,
      traffic: readTraffic(target),
    };
  }

  /** Says since when nothing was taken, by `performance.now()`. */
  get lastMs(): number {
    return this.#before.atMs;
  }

  /** Takes a sample. */
  take(sources: RoundSources, heap: HeapFigures | undefined): PluginSample | undefined {
    const { target } = this;
    let root: ProcessStat | undefined;
    if (sources.table !== undefined) {
      root = readStat(target.pid);
      // the number may have been given to another process since
      if (root === undefined || root.startTicks !== this.#startTicks) return undefined;
    }
    const usage = this.#cgroup?.read();
    const tree = root && this.#readTree(root, usage, sources.table!);
    const tool = root || !sources.platform ? undefined : sumTree(sources.platform, target.pid);
    const from: Partial<Record<SampleFigure, SampleSource>> = {};
    const pick = (
      figure: SampleFigure,
      ...options: readonly (readonly [SampleSource, number | undefined])[]
    ): number | undefined => {
      const found = options.find(([, value]) => value !== undefined);
      if (found !== undefined) from[figure] = found[0];
      return found?.[1];
    };
    const memoryBytes = pick(
      "memoryBytes",
      ["cgroup", usage?.memoryBytes],
      ["proc", tree?.rssBytes],
      ["platform", tool?.rssBytes],
      ["plugin", heap?.rssBytes],
    );
    const peakMemoryBytes = usage?.peakMemoryBytes ??
      this.#peak(memoryBytes, from.memoryBytes === "proc" ? tree : undefined);
    if (peakMemoryBytes !== undefined) from.peakMemoryBytes = from.memoryBytes;
    const cpuTimeMs = pick(
      "cpuTimeMs",
      ["cgroup", usage?.cpuTimeMs],
      ["proc", tree?.cpuTimeMs],
      ["platform", tool?.cpuTimeMs],
    );
    const launchers = usage?.pids?.filter((pid) => this.#launchers.has(pid)).length;
    const threads = pick(
      "threads",
      ["cgroup", minus(usage?.tasks, launchers)],
      ["proc", tree?.threads],
    );
    const traffic = readTraffic(target);
    const now = performance.now();
    const { atMs, cpuTimeMs: cpuBefore, throttledMs, traffic: trafficBefore } = this.#before;
    const elapsedMs = now - atMs;
    const rate = (of: keyof TrafficCounts) => perSecond(traffic, trafficBefore, of, elapsedMs);
    this.#samples++;
    const fileDescriptors = pick("fileDescriptors", ["proc", tree && sumDescriptors(tree.pids)]);
    const connections = pick(
      "connections",
      ["proxy", readConnections(target)],
      ["proc", tree && this.#countSockets(tree.pids, fileDescriptors)],
    );
    this.#walkStorage(sources, tree, traffic, usage?.cpuTimeMs, now);
    const storage = this.#storage?.size;
    const sample: PluginSample = {
      time: new Date().toISOString(),
      plugin: target.name,
      version: target.version,
      bundleHash: target.bundleHash,
      pid: target.pid,
      sources: from,
      elapsedMs,
      memoryBytes,
      peakMemoryBytes,
      heapUsedBytes: pick("heapUsedBytes", ["plugin", heap?.heapUsedBytes]),
      heapTotalBytes: pick("heapTotalBytes", ["plugin", heap?.heapTotalBytes]),
      externalBytes: pick("externalBytes", ["plugin", heap?.externalBytes]),
      cpuTimeMs,
      cpuPercent: percent(cpuTimeMs, cpuBefore, elapsedMs),
      throttledPercent: percent(usage?.throttledMs, throttledMs, elapsedMs),
      threads,
      refusedThreads: usage?.refusedTasks,
      fileDescriptors,
      connections,
      storageBytes: pick("storageBytes", ["files", storage?.bytes]),
      ...(storage?.complete === false ? { storageUncounted: true } : {}),
      storageWalks: this.#storage?.walks,
      callsInFlight: traffic?.inFlight,
      callsPerSecond: rate("calls"),
      messagesPerSecond: rate("received"),
      unaskedPerSecond: rate("unasked"),
      messagesSentPerSecond: rate("sent"),
      bytesReceivedPerSecond: rate("bytesReceived"),
      bytesSentPerSecond: rate("bytesSent"),
      logLinesPerSecond: rate("logLines"),
      hostPercent: percent(traffic?.hostMs, trafficBefore?.hostMs, elapsedMs),
      hostHeldPercent: percent(traffic?.hostHeldMs, trafficBefore?.hostHeldMs, elapsedMs),
    };
    this.#before = { atMs: now, cpuTimeMs, throttledMs: usage?.throttledMs, traffic };
    Object.freeze(from);
    return Object.freeze(sample);
  }

  /** The processes of the plugin, without those of its launcher. */
  #readTree(root: ProcessStat, usage: CgroupUsage | undefined, table: ProcessTable): TreeFigures {
    const { pid } = this.target;
    const below = usage?.pids?.filter((id) => id !== pid && !this.#launchers.has(id)) ??
      table.below(pid);
    const pids = [pid];
    let { rssBytes, cpuTimeMs, threads } = root;
    for (const id of below.slice(0, MAX_PROCESSES)) {
      const stat = readStat(id);
      // one that was started before the plugin is a stranger with the number of a child that has ended
      if (stat === undefined || stat.startTicks < root.startTicks) continue;
      pids.push(id);
      rssBytes += stat.rssBytes;
      cpuTimeMs += stat.cpuTimeMs;
      threads += stat.threads;
    }
    return { pids, rssBytes, cpuTimeMs, threads };
  }

  /** The most that was seen; of a single process the kernel knows better. */
  #peak(now: number | undefined, tree: TreeFigures | undefined): number | undefined {
    if (now === undefined) return undefined;
    const changed = now !== this.#memoryBytes;
    this.#memoryBytes = now;
    const known = changed && tree?.pids.length === 1 ? readPeakRss(tree.pids[0]!) ?? 0 : 0;
    return this.#peakBytes = Math.max(this.#peakBytes, now, known);
  }

  #countSockets(pids: readonly number[], descriptors: number | undefined): number | undefined {
    // a socket in the place of another descriptor that was closed shows with the fifth sample
    if (descriptors !== this.#descriptors || this.#samples % SOCKETS_EVERY === 1) {
      this.#connections = this.#sockets.count(pids);
      this.#descriptors = descriptors;
    }
    return this.#connections;
  }

  #walkStorage(
    sources: RoundSources,
    tree: TreeFigures | undefined,
    traffic: TrafficCounts | undefined,
    exactCpuMs: number | undefined,
    now: number,
  ): void {
    const storage = this.#storage;
    if (storage === undefined) return;
    if (!storage.running) {
      // who has not run has written nothing; the ticks of /proc are too coarse to tell
      const ran = exactCpuMs === undefined || exactCpuMs !== this.#before.cpuTimeMs;
      const written = ran
        ? sumOf(tree?.pids, readWritten) - (traffic?.bytesReceived ?? 0)
        : this.#writtenBytes;
      // while it is too much, each sample looks whether it is still
      const over = (storage.size?.bytes ?? 0) > (this.target.storageLimitBytes ?? Infinity);
      const due = over || written - this.#writtenBytes >= WRITTEN_BYTES ||
        this.#samples - this.#storageSample >= STORAGE_EVERY ||
        now - this.#storageMs >= STORAGE_REST_MS;
      if (!due) return;
      this.#writtenBytes = written;
      this.#storageSample = this.#samples;
      this.#storageMs = now;
      storage.begin(tree?.pids);
    }
    const hold = tree && (() => holdProcesses(tree.pids));
    storage.step(sources.takeEntries(STORAGE_ENTRIES), hold);
  }
}

function readTraffic(target: MonitorTarget): TrafficCounts | undefined {
  try {
    return target.traffic();
  } catch {
    return undefined; // its connection is being taken down
  }
}

function readConnections(target: MonitorTarget): number | undefined {
  try {
    return target.connections?.();
  } catch {
    return undefined;
  }
}

function sumDescriptors(pids: readonly number[]): number | undefined {
  const counts = pids.map(countDescriptors);
  // a child that has just ended has none; of the runtime itself they must be readable
  return counts[0] === undefined ? undefined : counts.reduce<number>((a, b) => a + (b ?? 0), 0);
}

function sumOf(
  pids: readonly number[] | undefined,
  read: (pid: number) => number | undefined,
): number {
  return (pids ?? []).reduce((sum, pid) => sum + (read(pid) ?? 0), 0);
}

function minus(value: number | undefined, by: number | undefined): number | undefined {
  return value === undefined || by === undefined ? undefined : value - by;
}

function percent(
  now: number | undefined,
  before: number | undefined,
  elapsedMs: number,
): number | undefined {
  if (now === undefined || before === undefined || elapsedMs < MIN_RATE_MS) return undefined;
  // a process that ended takes its time with it, unless it was waited for
  return Math.max(0, now - before) * 100 / elapsedMs;
}

function perSecond(
  now: TrafficCounts | undefined,
  before: TrafficCounts | undefined,
  of: keyof TrafficCounts,
  elapsedMs: number,
): number | undefined {
  if (now === undefined || before === undefined || elapsedMs < MIN_RATE_MS) return undefined;
  return now[of] < before[of] ? undefined : (now[of] - before[of]) * 1_000 / elapsedMs;
}
