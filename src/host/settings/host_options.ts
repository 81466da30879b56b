// The options of a host, checked and brought to one form before anything is opened.
import { refuseUnknown } from "./known_options.ts";
import { commandLine } from "../../command_line.ts";
import { SallyportError } from "../../errors.ts";
import { createLogger, guardLogger, type Logger } from "../../log.ts";
import { parsePolicy } from "../../permissions/policy/policy.ts";
import type { Policy } from "../../permissions/policy/policy_schema.ts";
import { checkOwnDeno, findDeno } from "../../sandbox/machine/find_deno.ts";
import type { IsolationMode, IsolationOptions } from "../../sandbox/machine/choose.ts";
import type { KeyAnchors, TrustedPlugin } from "../../trust/verify/anchors.ts";
import { type AuditSettings, parseAuditOptions } from "./audit_options.ts";
import { findOpenToOthers } from "../../io/open_to_others.ts";
import { readSmallFile, toPath, warnOpenToOthers } from "./config_files.ts";
import { type MonitorSettings, parseMonitorOptions } from "./monitor_options.ts";
import { keyPath, readKey } from "./key_options.ts";
import { givenPaths, type ReservedPath } from "./reserved_paths.ts";
import { parseTransport, type TransportSettings } from "./transport_options.ts";
import type { PluginHostOptions } from "./plugin_host_options.ts";
import { parseTrustListOptions, type TrustListSettings } from "./trust_list_options.ts";

type Times = NonNullable<PluginHostOptions["times"]>;
/** How long the steps of a plugin's life may take. */
export type TimeSettings = Readonly<Required<Times>>;

/** The options in one form. */
export interface HostSettings extends TransportSettings {
  /** The deno executable. */
  readonly executable: string;
  /** Its version. */
  readonly denoVersion: string;
  /** The folder, or `undefined` for a temporary one. */
  readonly dataDir: string | undefined;
  /** What the host was given by path, which no plugin may reach. */
  readonly reserved: readonly ReservedPath[];
  /** What plugins are verified against, where there is no trust list. */
  readonly anchors: KeyAnchors;
  /** The trust list. */
  readonly trustList: TrustListSettings | undefined;
  /** The audit log; `undefined` for none. */
  readonly audit: AuditSettings | undefined;
  /** How many processes are started ahead. */
  readonly pool: { readonly size: number };
  /** How plugins are measured; `undefined` where they are not. */
  readonly monitor: MonitorSettings | undefined;
  /** Grants and limits. */
  readonly policy: Policy;
  /** How processes are to be isolated. */
  readonly isolation: IsolationMode | IsolationOptions;
  /** What the `config` service gives. */
  readonly config: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Where log records go. */
  readonly logger: Logger;
  /** Times in milliseconds. */
  readonly times: TimeSettings;
}

const KNOWN = new Set<string>([
  "dataDir",
  "keys",
  "trustedPlugins",
  "trustList",
  "audit",
  "pool",
  "monitor",
  "policy",
  "isolation",
  "denoPath",
  "transport",
  "config",
  "logger",
  "times",
]);
const MAX_KEYS = 1_000;
const MAX_POLICY_BYTES = 1_048_576;

/**
 * Checks the options of a host.
 *
 * @throws {TypeError} when an option is unknown or of the wrong type.
 * @throws {RangeError} when a time is out of range.
 * @throws {SallyportError} `bad-config` when a key, the policy or the isolation is not valid, or the
 * host may not run deno.
 */
export async function parseHostOptions(options: PluginHostOptions): Promise<HostSettings> {
  refuseUnknown(Object.fromEntries(Object.entries(options).filter(([name]) => !KNOWN.has(name))));
  checkOwnDeno();
  const keys = options.keys ?? [];
  if (!Array.isArray(keys)) throw new TypeError("Cannot open the host: keys must be an array");
  if (keys.length > MAX_KEYS) {
    throw new RangeError(`Cannot open the host: ${keys.length} keys, at most ${MAX_KEYS}`);
  }
  const { trustList, trustedPlugins } = options;
  if (trustList !== undefined && (keys.length > 0 || trustedPlugins !== undefined)) {
    const other = keys.length > 0 ? "keys" : "trustedPlugins";
    throw new SallyportError(
      "bad-config",
      `Cannot open the host: trustList and ${other} are both given`,
      { hint: `Add what you trust to the trust list: ${commandLine(["trust", "add", "--help"])}` },
    );
  }
  const deno = await findDeno(checkDenoPath(options.denoPath));
  const logger = checkLogger(options.logger ?? createLogger());
  const publicKeys = await Promise.all(keys.map((key) => readKey(key, logger)));
  const dataDir = options.dataDir === undefined ? undefined : toPath(options.dataDir);
  const audit = parseAuditOptions(options.audit, dataDir);
  return {
    executable: deno.path,
    denoVersion: deno.version,
    dataDir,
    reserved: givenPaths({
      executable: deno.path,
      dataDir,
      auditDir: audit?.dir,
      policy: options.policy,
      trustList,
      keys: keys.map(keyPath),
    }),
    anchors: {
      keys: publicKeys,
      ...(trustedPlugins === undefined ? {} : { plugins: trustedPlugins.map(checkTrustedPlugin) }),
    },
    trustList: trustList === undefined ? undefined : await parseTrustListOptions(trustList, logger),
    audit,
    pool: parsePool(options.pool),
    monitor: parseMonitorOptions(options.monitor),
    policy: await readPolicy(options.policy, logger),
    isolation: options.isolation ?? "auto",
    ...parseTransport(options.transport),
    config: options.config ?? {},
    logger,
    times: parseTimes(options.times),
  };
}

async function readPolicy(
  policy: Policy | string | URL | undefined,
  logger: Logger,
): Promise<Policy> {
  if (policy === undefined) return parsePolicy({});
  if (typeof policy !== "string" && !(policy instanceof URL)) return parsePolicy(policy);
  const path = toPath(policy);
  const content = await readSmallFile(path, MAX_POLICY_BYTES, "the policy");
  warnOpenToOthers(logger, "the policy", findOpenToOthers(path));
  return parsePolicy(content, path);
}

function checkTrustedPlugin(entry: TrustedPlugin, index: number): TrustedPlugin {
  const { name, version, hash, note } = entry;
  const problem = typeof name !== "string" || typeof version !== "string"
    ? "name and version must be strings"
    : typeof hash !== "string" || !/^[0-9a-f]{128}$/i.test(hash)
    ? "hash must be 128 hex digits"
    : note !== undefined && typeof note !== "string"
    ? "note must be a string"
    : undefined;
  if (problem !== undefined) {
    throw new SallyportError("bad-config", `Cannot use trustedPlugins[${index}]: ${problem}`, {
      hint: "Each entry is { name, version, hash, note? }; " +
        `"${commandLine(["hash", "DIR"])}" prints the hash`,
    });
  }
  return { name, version, hash: hash.toLowerCase(), ...(note === undefined ? {} : { note }) };
}

const MAX_POOL = 64;

function parsePool(
  pool: PluginHostOptions["pool"] = { size: 0 },
): HostSettings["pool"] {
  if (typeof pool !== "object" || pool === null) {
    throw new TypeError("Cannot open the host: pool must be an object such as { size: 2 }");
  }
  const { size, ...others } = pool;
  refuseUnknown(others, "pool.");
  if (!Number.isSafeInteger(size) || size < 0 || size > MAX_POOL) {
    throw new RangeError(
      `Cannot open the host: pool.size must be a whole number from 0 to ${MAX_POOL}, is ${size}`,
    );
  }
  return { size };
}

function checkDenoPath(path: string | URL | undefined): string | undefined {
  if (path === undefined) return undefined;
  const name = toPath(path);
  if (name !== "" && !name.includes("\0")) return name;
  throw new TypeError('Cannot open the host: denoPath must be a path such as "/usr/bin/deno"');
}

function parseTimes(times: Times = {}): TimeSettings {
  if (typeof times !== "object" || times === null) {
    throw new TypeError("Cannot open the host: times must be an object such as { drainMs: 1000 }");
  }
  const {
    startTimeoutMs = 10_000,
    drainMs = 5_000,
    handOverMs = 5_000,
    shutdownMs = 2_000,
    graceMs = 1_000,
    ...others
  } = times;
  refuseUnknown(others, "times.");
  return {
    startTimeoutMs: checkTime("times.startTimeoutMs", startTimeoutMs, 1),
    drainMs: checkTime("times.drainMs", drainMs),
    handOverMs: checkTime("times.handOverMs", handOverMs, 1),
    shutdownMs: checkTime("times.shutdownMs", shutdownMs),
    graceMs: checkTime("times.graceMs", graceMs),
  };
}

function checkTime(name: string, value: number, min = 0): number {
  if (!Number.isFinite(value) || value < min || value > 3_600_000) {
    throw new RangeError(`Cannot open the host: ${name} must be ${min} to 3600000, is ${value}`);
  }
  return value;
}

function checkLogger(logger: Logger): Logger {
  const missing = (["debug", "info", "warn", "error"] as const)
    .find((level) => typeof logger?.[level] !== "function");
  if (missing === undefined) return guardLogger(logger);
  throw new TypeError(`Cannot open the host: logger has no method "${missing}"`);
}
