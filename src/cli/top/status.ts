// Reads the status files of hosts: they are only as trustworthy as the folder that they are in.
import * as z from "zod";
import { openNoFollow, readAtMost } from "../../io/plain_file.ts";
import { describeIssues, joinIssues, PARSING } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import { SALLYPORT_ERROR_CODES } from "../../errors.ts";
import { PLUGIN_STATES } from "../../host/events/plugin_state.ts";
import {
  type HostStatus,
  MAX_HISTORY,
  MAX_STATUS_BYTES,
  MAX_STATUS_PLUGINS,
} from "../../host/supervision/status_file.ts";
import type { PluginSample } from "../../monitor/samples/sample.ts";

const text = z.string().max(1_000);
const time = z.iso.datetime({ offset: true }).max(64);
const amount = z.number().nonnegative();
const count = z.int().nonnegative();
const pid = z.int().positive();
const hash = z.string().regex(/^[0-9a-f]{128}$/, "must be 128 hexadecimal digits");

const FIGURES = [
  ...["memoryBytes", "peakMemoryBytes", "heapUsedBytes", "heapTotalBytes"] as const,
  ...["externalBytes", "cpuTimeMs", "threads", "fileDescriptors", "connections"] as const,
  "storageBytes" as const,
];
const SOURCES = ["cgroup", "proc", "platform", "plugin", "proxy", "files"] as const;

const SAMPLE = z.strictObject(
  {
    time,
    plugin: text,
    version: text,
    bundleHash: hash,
    pid,
    sources: z.partialRecord(z.enum(FIGURES), z.enum(SOURCES)),
    elapsedMs: amount,
    ...each(FIGURES, amount.optional()),
    ...each(
      ["threads", "refusedThreads", "fileDescriptors", "connections", "storageWalks"],
      count.optional(),
    ),
    storageUncounted: z.literal(true).optional(),
    callsInFlight: count.optional(),
    ...each(
      [
        ...["cpuPercent", "throttledPercent", "callsPerSecond", "messagesPerSecond"] as const,
        ...["unaskedPerSecond", "messagesSentPerSecond", "bytesReceivedPerSecond"] as const,
        ...["bytesSentPerSecond", "logLinesPerSecond", "hostPercent", "hostHeldPercent"] as const,
      ],
      amount.optional(),
    ),
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

export async function readStatus(path: string): Promise<HostStatus> {
  using file = openNoFollow(path);
  if (!file.info.isFile()) throw new Error("it is not a regular file");
  const bytes = await readAtMost(file, MAX_STATUS_BYTES);
  if (bytes === undefined) throw new Error(`it is larger than ${MAX_STATUS_BYTES} bytes`);
  return parseStatus(bytes);
}

export function parseStatus(bytes: Uint8Array): HostStatus {
  const value = parseStrictJson(bytes);
  // a host of another version may say more: that is no damage
  const { schema } = (value ?? {}) as { schema?: unknown };
  if (typeof schema === "number" && schema !== 1) {
    throw new Error(`it is of form ${schema}, and this version knows form 1 only`);
  }
  const parsed = STATUS.safeParse(value, PARSING);
  if (!parsed.success) throw new Error(joinIssues(describeIssues(parsed.error.issues).slice(0, 3)));
  return parsed.data;
}

function each<K extends string, T>(names: readonly K[], type: T): Record<K, T> {
  return Object.fromEntries(names.map((name) => [name, type])) as Record<K, T>;
}
