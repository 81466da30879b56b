/**
 * Reads the status files of hosts: they are only as trustworthy as the folder that they are in.
 *
 * @module
 */
import { z } from "zod";
import { openNoFollow, readAtMost } from "../../io/plain_file.ts";
import { describeIssues, joinIssues } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import { SALLYPORT_ERROR_CODES } from "../../errors.ts";
import { PLUGIN_STATES } from "../../host/events/plugin_state.ts";
import {
  type HostStatus,
  MAX_HISTORY,
  MAX_STATUS_BYTES,
  MAX_STATUS_PLUGINS,
} from "../../host/supervision/status_file.ts";
import type { PluginSample, SampleFigure, SampleSource } from "../../monitor/samples/sample.ts";

const FIGURES = {
  memoryBytes: true,
  peakMemoryBytes: true,
  heapUsedBytes: true,
  heapTotalBytes: true,
  externalBytes: true,
  cpuTimeMs: true,
  threads: true,
  fileDescriptors: true,
  connections: true,
  storageBytes: true,
} satisfies Record<SampleFigure, true>;

const SOURCES = {
  cgroup: true,
  proc: true,
  platform: true,
  plugin: true,
  proxy: true,
  files: true,
} satisfies Record<SampleSource, true>;

const text = z.string().max(1_000);
const time = z.iso.datetime({ offset: true }).max(64);
const amount = z.number().nonnegative();
const count = z.int().nonnegative();
const pid = z.int().positive();
const hash = z.string().regex(/^[0-9a-f]{128}$/, "must be 128 hexadecimal digits");

const SAMPLE = z.strictObject(
  {
    time,
    plugin: text,
    version: text,
    bundleHash: hash,
    pid,
    sources: z.partialRecord(z.enum(names(FIGURES)), z.enum(names(SOURCES))),
    elapsedMs: amount,
    memoryBytes: amount.optional(),
    peakMemoryBytes: amount.optional(),
    heapUsedBytes: amount.optional(),
    heapTotalBytes: amount.optional(),
    externalBytes: amount.optional(),
    cpuTimeMs: amount.optional(),
    cpuPercent: amount.optional(),
    throttledPercent: amount.optional(),
    threads: count.optional(),
    refusedThreads: count.optional(),
    fileDescriptors: count.optional(),
    connections: count.optional(),
    storageBytes: amount.optional(),
    storageUncounted: z.literal(true).optional(),
    storageWalks: count.optional(),
    callsInFlight: count.optional(),
    callsPerSecond: amount.optional(),
    messagesPerSecond: amount.optional(),
    unaskedPerSecond: amount.optional(),
    messagesSentPerSecond: amount.optional(),
    bytesReceivedPerSecond: amount.optional(),
    bytesSentPerSecond: amount.optional(),
    logLinesPerSecond: amount.optional(),
    hostPercent: amount.optional(),
    hostHeldPercent: amount.optional(),
  } satisfies Record<keyof PluginSample, z.ZodType>,
);

const PLUGIN = z.strictObject({
  name: text,
  version: text.optional(),
  bundleHash: hash.optional(),
  state: z.enum(PLUGIN_STATES),
  pid: pid.optional(),
  sandbox: z.enum(["bwrap", "unshare", "plain"]).optional(),
  restarts: count,
  violations: count,
  calls: z.strictObject({ total: count, failed: count, inFlight: count, perSecond: amount }),
  memoryLimitBytes: amount.optional(),
  sample: SAMPLE.optional(),
  history: z.array(amount).max(MAX_HISTORY).optional(),
  error: z.strictObject({ code: z.enum(SALLYPORT_ERROR_CODES), message: text }).optional(),
});

const STATUS = z.strictObject({
  schema: z.literal(1),
  host: z.strictObject({ pid, startedAt: time, version: text }),
  time,
  intervalMs: z.number().min(1).max(86_400_000),
  plugins: z.array(PLUGIN).max(MAX_STATUS_PLUGINS),
  omitted: count.optional(),
});

/**
 * Reads a status file.
 *
 * @throws {Error} With the reason, when it cannot be read, is larger than 4 MiB, or is no status.
 */
export async function readStatus(path: string): Promise<HostStatus> {
  using file = openNoFollow(path);
  if (!file.info.isFile()) throw new Error("it is not a regular file");
  const bytes = await readAtMost(file, MAX_STATUS_BYTES);
  if (bytes === undefined) throw new Error(`it is larger than ${MAX_STATUS_BYTES} bytes`);
  return parseStatus(bytes);
}

/**
 * Parses a status.
 *
 * @throws {Error} With the first mistakes, when it is none.
 */
export function parseStatus(bytes: Uint8Array): HostStatus {
  const value = parseStrictJson(bytes);
  // a host of another version may say more: that is no damage
  const { schema } = (value ?? {}) as { schema?: unknown };
  if (typeof schema === "number" && schema !== 1) {
    throw new Error(`it is of form ${schema}, and this version knows form 1 only`);
  }
  const parsed = STATUS.safeParse(value, { reportInput: true });
  if (!parsed.success) throw new Error(joinIssues(describeIssues(parsed.error.issues).slice(0, 3)));
  return parsed.data;
}

function names<T extends string>(known: Readonly<Record<T, true>>): T[] {
  return Object.keys(known) as T[];
}
