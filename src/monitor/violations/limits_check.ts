// Compares a sample with the limits of its plugin.
import type { Limits } from "../../bundle/manifest/limits.ts";
import type {
  MonitorPolicy,
  ViolationKind,
  ViolationSeverity,
} from "../../permissions/policy/watch_policy.ts";
import type { PluginSample } from "../samples/sample.ts";
import type { MeasuredBreach } from "./violations.ts";

/** The limits that a sample is compared with; one that is absent does not hold. */
export type SampleLimits =
  & Partial<
    Pick<
      Limits,
      | "memoryBytes"
      | "cpuPercent"
      | "threads"
      | "fileDescriptors"
      | "connections"
      | "storageBytes"
    >
  >
  & Omit<MonitorPolicy, "intervalMs">;

/** Held back for a quarter of the time or more, a plugin wants far more than its share. */
const THROTTLED_PERCENT = 25;
/** The kernel hands out time in slices, so that a short sample has one less or more of them. */
const SHARE_TAKEN = 0.75;
/** Who wants this many times its share, sample after sample, takes no notice of it. */
const GREEDY = 1.5;
/** Counting time takes some: a plugin at its share is measured a little above it now and then. */
const CPU_TOLERANCE = 1.05;

/**
 * Finds the limits that a sample breaks.
 *
 * Where the kernel itself enforces a limit, a plugin never gets beyond it; so these count as well:
 * - `threads`: the kernel refused one since the sample before;
 * - `fileDescriptors`: the limit is reached, for the next is refused;
 * - `cpuPercent`: the plugin was held back for a quarter of the time while it had at least three quarters
 *   of its share; and so `hostPercent`, of which the host itself gives no more.
 *
 * Severity grows with the excess: `low` below 1.25 times the limit, `medium` below 2, `high` below 4, else
 * `critical`; memory, of which the whole machine has only so much, is `high` at once and `critical` from
 * 1.25 times on. Processor time counts only when the sample before broke the limit too: what is measured is
 * what the plugin used and was held back from, and half as much again as its share in both samples is
 * `critical`. The host's time counts so, too, and is `medium`: the plugin does others no harm by it. {@linkcode BreachWatch} says what becomes of the other kinds when they last.
 */
export function checkSample(
  sample: PluginSample,
  limits: SampleLimits,
  previous?: PluginSample,
): MeasuredBreach[] {
  const breaches: MeasuredBreach[] = [];
  const add = (
    kind: ViolationKind,
    measured: number,
    limit: number,
    unit: string,
    severity: ViolationSeverity = severityOf(kind, measured, limit),
  ) => {
    breaches.push({ kind, measured, limit, unit, severity });
  };
  const above = (
    kind: ViolationKind,
    measured: number | undefined,
    limit: number | undefined,
    unit: string,
  ) => {
    if (measured !== undefined && limit !== undefined && measured > limit) {
      add(kind, measured, limit, unit);
    }
  };
  above("memory", sample.memoryBytes, limits.memoryBytes, "bytes");
  if (
    limits.cpuPercent !== undefined && previous !== undefined &&
    overCpu(sample, limits.cpuPercent) && overCpu(previous, limits.cpuPercent)
  ) {
    const wanted = Math.min(wantedCpu(sample), wantedCpu(previous));
    const severity = wanted >= limits.cpuPercent * GREEDY ? "critical" : undefined;
    add("cpu", wantedCpu(sample), limits.cpuPercent, "percent", severity);
  }
  if (limits.threads !== undefined && sample.threads !== undefined) {
    const { threads, refusedThreads = 0 } = sample;
    if (threads > limits.threads || refusedThreads > (previous?.refusedThreads ?? 0)) {
      // it had all of them when one more was refused
      add("threads", Math.max(threads, limits.threads), limits.threads, "threads");
    }
  }
  if (limits.fileDescriptors !== undefined && sample.fileDescriptors !== undefined) {
    const { fileDescriptors } = sample;
    if (fileDescriptors >= limits.fileDescriptors) {
      add("descriptors", fileDescriptors, limits.fileDescriptors, "fileDescriptors");
    }
  }
  above("connections", sample.connections, limits.connections, "connections");
  const { storageBytes, storageUncounted } = sample;
  if (storageUncounted && storageBytes !== undefined && limits.storageBytes !== undefined) {
    // more than can be counted is over any limit: a plugin must not hide bytes among names or below folders
    const [measured, limit] = [storageBytes, limits.storageBytes];
    const severity = severityOf("storage", measured, limit);
    breaches.push({ kind: "storage", measured, limit, unit: "bytes", severity, uncounted: true });
  } else above("storage", storageBytes, limits.storageBytes, "bytes");
  above("message-rate", sample.unaskedPerSecond, limits.messagesPerSecond, "per second");
  above("log-rate", sample.logLinesPerSecond, limits.logLinesPerSecond, "per second");
  if (
    limits.hostPercent !== undefined && previous !== undefined &&
    heldByHost(sample, limits.hostPercent) && heldByHost(previous, limits.hostPercent)
  ) {
    const { hostPercent = 0, hostHeldPercent = 0 } = sample;
    add("host-time", hostPercent + hostHeldPercent, limits.hostPercent, "percent", "medium");
  }
  return breaches;
}

function overCpu({ cpuPercent, throttledPercent = 0 }: PluginSample, limit: number): boolean {
  if (cpuPercent === undefined) return false;
  if (cpuPercent > limit * CPU_TOLERANCE) return true;
  return throttledPercent >= THROTTLED_PERCENT && cpuPercent >= limit * SHARE_TAKEN;
}

function heldByHost(
  { hostPercent = 0, hostHeldPercent = 0 }: PluginSample,
  limit: number,
): boolean {
  return hostHeldPercent >= THROTTLED_PERCENT && hostPercent >= limit * SHARE_TAKEN;
}

/** What it used, and what the kernel held back: its threads waited for so much more. */
function wantedCpu({ cpuPercent = 0, throttledPercent = 0 }: PluginSample): number {
  return cpuPercent + throttledPercent;
}

function severityOf(kind: ViolationKind, measured: number, limit: number): ViolationSeverity {
  const excess = limit === 0 ? Infinity : measured / limit;
  if (kind === "memory") return excess < 1.25 ? "high" : "critical";
  if (excess < 1.25) return "low";
  if (excess < 2) return "medium";
  return excess < 4 ? "high" : "critical";
}
