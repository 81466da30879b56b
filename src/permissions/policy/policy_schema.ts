// The schema of `policy.json`. Not exported from the package: zod's types are no part of the API.
import * as z from "zod";
import type { Limits } from "../../bundle/manifest/limits.ts";
import {
  type AccessLevel,
  pluginName,
  SERVICE_KEY,
  SERVICE_KEY_RULE,
  serviceKey,
} from "../../bundle/manifest/manifest_schema.ts";
import { limitsSchema } from "../../bundle/manifest/limits_schema.ts";
import { type Parsed, parseNetScope } from "../scopes/net_scope.ts";
import { neverGranted, parsePathScope, type PathAccess } from "../scopes/path_scope.ts";
import { parseSysKind } from "../scopes/sys_scope.ts";
import {
  MAX_RESPONSES,
  MONITOR_BOUNDS,
  type MonitorPolicy,
  RESTART_BOUNDS,
  type RestartPolicy,
  type SettingBounds,
  VIOLATION_ACTIONS,
  VIOLATION_KINDS,
  VIOLATION_SEVERITIES,
  type ViolationPolicy,
  WEIGHT_BOUNDS,
  WINDOW_BOUNDS,
} from "./watch_policy.ts";

/**
 * Lists what the operator gives; a plugin gets what it asks for *and* what is in here.
 *
 * @category Policy
 */
export interface Grant {
  /** Hosts: `host`, `host:port`, `*.host`, addresses, CIDR ranges; without a port it is 443. */
  readonly net?: readonly string[];
  /** Absolute paths to read; a plugin always reads its own bundle and the storage it declares. */
  readonly read?: readonly string[];
  /** Absolute paths to write; a plugin that declares storage may write that without a grant. */
  readonly write?: readonly string[];
  /** Kinds of system information, such as `hostname`. */
  readonly sys?: readonly string[];
  /** Services by key, with how far the plugin may use them. */
  readonly context?: Readonly<Record<string, AccessLevel>>;
  /** Names of hooks that the plugin may handle; `*` stands for every hook that it asks for. */
  readonly hooks?: readonly string[];
}

/**
 * Holds the operator's decision about one plugin, or about all that have none of their own.
 *
 * @category Policy
 */
export interface PolicyEntry {
  /** What the plugin may have. */
  readonly grant?: Grant;
  /** Caps on the limits of the manifest. */
  readonly limits?: Partial<Limits>;
  /** The launcher for the plugin's process. */
  readonly isolation?: "auto" | "bwrap" | "unshare" | "plain";
  /** How granted hosts are reached. */
  readonly network?: "isolated" | "proxied" | "host";
  /** The system call filter. */
  readonly seccomp?: "strict" | "baseline" | "off";
  /** Whether V8 runs without its compilers (and without WebAssembly). */
  readonly jitless?: boolean;
  /** What happens to a request that the grant does not cover; `reject` when absent. */
  readonly onExcess?: "reject" | "narrow";
  /** What is done about violations. */
  readonly violations?: ViolationPolicy;
  /** When it is started again after a crash. */
  readonly restart?: RestartPolicy;
  /** How it is watched. */
  readonly monitor?: MonitorPolicy;
}

/**
 * Holds a policy, as {@linkcode parsePolicy} read it: checked, and frozen all the way down.
 *
 * @category Policy
 */
export interface Policy {
  /** Where the JSON Schema of the file is, for editors; never fetched. */
  readonly $schema?: string;
  /** The entry beneath every plugin's own. */
  readonly default?: PolicyEntry;
  /** Entries by plugin name. */
  readonly plugins?: Readonly<Record<string, PolicyEntry>>;
}

const MAX_ENTRIES = 1_000;
const MAX_PLUGINS = 10_000;

/** Makes a list of texts, each of which a parser of ours must accept. */
function scopes(
  parse: (text: string) => Parsed<unknown>,
  description: string,
): z.ZodOptional<z.ZodArray<z.ZodString>> {
  const item = z.string().superRefine((text, context) => {
    const parsed = parse(text);
    if ("problem" in parsed) context.addIssue({ code: "custom", message: parsed.problem });
  });
  return z.array(item).max(MAX_ENTRIES).optional().describe(description);
}

function parsePathFor(access: PathAccess): (text: string) => Parsed<unknown> {
  return (text) => {
    const parsed = parsePathScope(text);
    if ("problem" in parsed) return parsed;
    if (parsed.value.base === "bundle" && access === "write") {
      return { problem: "is the bundle, which is never writable" };
    }
    const never = parsed.value.base === "absolute" && neverGranted(parsed.value.path, access);
    return never ? { problem: `cannot be granted: ${never}` } : parsed;
  };
}

function parseHookName(text: string): Parsed<string> {
  return text === "*" || SERVICE_KEY.test(text)
    ? { value: text }
    : { problem: `is not * and ${SERVICE_KEY_RULE}` };
}

const access = z.enum(["read", "readwrite"]);

const grant = z.lazy(() =>
  z.strictObject({
    net: scopes(parseNetScope, "Hosts as host:port, *.host:port, addresses or CIDR ranges"),
    read: scopes(parsePathFor("read"), "Absolute paths to read"),
    write: scopes(parsePathFor("write"), "Absolute paths to write"),
    sys: scopes(parseSysKind, "Kinds of system information"),
    context: z.record(serviceKey, access)
      .refine((value) => Object.keys(value).length <= MAX_ENTRIES, {
        error: `must have at most ${MAX_ENTRIES} entries`,
      }).optional().describe("Services by key"),
    hooks: scopes(parseHookName, "Names of hooks; * for every hook that the plugin asks for"),
  })
);

function whole({ min, max }: SettingBounds): z.ZodOptional<z.ZodInt> {
  return z.int().min(min).max(max).optional();
}

const violations: z.ZodType<ViolationPolicy> = z.lazy(() =>
  z.strictObject({
    windowMs: whole(WINDOW_BOUNDS).describe("How long a violation counts, in milliseconds"),
    threshold: whole(WEIGHT_BOUNDS).describe("The weight in the window that is too much"),
    responses: z.array(z.strictObject({
      at: whole(WEIGHT_BOUNDS).describe("The weight from which on it is done; else the threshold"),
      kind: z.enum(VIOLATION_KINDS).optional().describe("Counts violations of this kind only"),
      severity: z.enum(VIOLATION_SEVERITIES).optional()
        .describe("Counts violations of this severity and worse only"),
      action: z.enum(VIOLATION_ACTIONS),
    })).max(MAX_RESPONSES).optional().describe("What is done; the strongest that applies"),
  })
);

const restart: z.ZodType<RestartPolicy> = z.lazy(() =>
  z.strictObject({
    maxRestarts: whole(RESTART_BOUNDS.maxRestarts).describe("How many restarts within the window"),
    windowMs: whole(RESTART_BOUNDS.windowMs).describe("How long a crash counts, in milliseconds"),
    backoffMs: whole(RESTART_BOUNDS.backoffMs).describe("The longest first wait, in milliseconds"),
    maxBackoffMs: whole(RESTART_BOUNDS.maxBackoffMs).describe("The longest wait, in milliseconds"),
    jitter: z.number().min(RESTART_BOUNDS.jitter.min).max(RESTART_BOUNDS.jitter.max).optional()
      .describe("The part of a wait that is left to chance"),
  })
);

const monitor: z.ZodType<MonitorPolicy> = z.lazy(() =>
  z.strictObject({
    intervalMs: whole(MONITOR_BOUNDS.intervalMs).describe("How often it is measured"),
    messagesPerSecond: whole(MONITOR_BOUNDS.messagesPerSecond),
    logLinesPerSecond: whole(MONITOR_BOUNDS.logLinesPerSecond),
    hostPercent: whole(MONITOR_BOUNDS.hostPercent),
  })
);

/** Checks one entry of a policy. */
export const entrySchema: z.ZodType<PolicyEntry> = z.lazy(() =>
  z.strictObject({
    grant: grant.optional(),
    limits: limitsSchema.optional(),
    isolation: z.enum(["auto", "bwrap", "unshare", "plain"]).optional(),
    network: z.enum(["isolated", "proxied", "host"]).optional(),
    seccomp: z.enum(["strict", "baseline", "off"]).optional(),
    jitless: z.boolean().optional(),
    onExcess: z.enum(["reject", "narrow"]).optional(),
    violations: violations.optional(),
    restart: restart.optional(),
    monitor: monitor.optional(),
  })
);

/** Checks `policy.json`; every object in it refuses unknown fields. */
export const policySchema: z.ZodType<Policy> = z.lazy(() =>
  z.strictObject({
    $schema: z.string().max(1_024).optional(),
    default: entrySchema.optional(),
    plugins: z.record(pluginName, entrySchema)
      .refine((value) => Object.keys(value).length <= MAX_PLUGINS, {
        error: `must have at most ${MAX_PLUGINS} entries`,
      }).optional(),
  })
);
