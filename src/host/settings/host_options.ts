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
import { type AuditOptions, type AuditSettings, parseAuditOptions } from "./audit_options.ts";
import { findOpenToOthers } from "../../io/open_to_others.ts";
import { readSmallFile, toPath, warnOpenToOthers } from "./config_files.ts";
import type { Lane } from "./lane.ts";
import { type MonitorOptions, parseMonitorOptions } from "./monitor_options.ts";
import { keyPath, readKey } from "./key_options.ts";
import { givenPaths, type ReservedPath } from "./reserved_paths.ts";
import {
  parseSharedMemory,
  type SharedMemoryOptions,
  type SharedMemorySettings,
} from "./shared_memory_options.ts";

import {
  parseTrustListOptions,
  type TrustListOptions,
  type TrustListSettings,
} from "./trust_list_options.ts";

export { readSmallFile, toPath } from "./config_files.ts";

/**
 * Options of `PluginHost.open`.
 *
 * @category Host
 */
export interface PluginHostOptions {
  /**
   * The host's folder: store, plugin storage, databases. Several hosts may share one.
   *
   * @default {a private temporary folder, removed when the host closes}
   */
  dataDir?: string | URL;
  /**
   * The public keys whose signatures count: 64 hex digits, an SPKI PEM, or the path of a file with
   * either. Without a key no plugin is trusted.
   */
  keys?: readonly (string | URL | { readonly publicKey: string | URL; readonly name?: string })[];
  /** The only plugins that may load: name, version and bundle hash must all match an entry. */
  trustedPlugins?: readonly TrustedPlugin[];
  /**
   * The encrypted trust list, instead of `keys` and `trustedPlugins`. The host follows the file: a
   * plugin that a new revision refuses is unloaded at once.
   */
  trustList?: TrustListOptions;
  /**
   * Whether an audit log is kept, and where.
   *
   * @default {in the folder `audit` of `dataDir`; without a `dataDir` none is kept}
   */
  audit?: boolean | AuditOptions;
  /**
   * Processes that are started ahead, empty, for the permissions and limits of plugins that were loaded
   * before; each takes some 10 MiB.
   *
   * @default {none}
   */
  pool?: PoolOptions;
  /**
   * How often plugins are measured; `false` for never, and then only the kernel and the runtime hold
   * them to their limits.
   *
   * @default {every 10 seconds}
   */
  monitor?: false | MonitorOptions;
  /** The grants and limits, as an object or as the path of a `policy.json`. */
  policy?: Policy | string | URL;
  /**
   * How plugins are isolated.
   *
   * @default {"auto"}
   */
  isolation?: IsolationMode | IsolationOptions;
  /**
   * The `deno` executable that plugins run under: a path, or a name on PATH. A host that `deno compile`
   * made has none of its own.
   *
   * @default {the variable SALLYPORT_DENO, else the host's own executable, else `deno` on PATH}
   */
  denoPath?: string | URL;
  /**
   * How messages travel: over a Unix socket to which each process connects before it holds a plugin, where
   * there are such sockets, or over standard input and output. `plugin.lane` says which it is.
   *
   * @default {"socket"}
   */
  lane?: Lane;
  /**
   * Whether large values travel in a file in memory that host and plugin share, beside the socket or pipe;
   * on Linux only. `plugin.sharedMemory` says whether they do.
   *
   * @default {false}
   */
  sharedMemory?: boolean | SharedMemoryOptions;
  /** What the `config` service gives each plugin, by plugin name. */
  config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Where log records go. By default to stderr, from level INFO. */
  logger?: Logger;
  /** How long the steps of a plugin's life may take. */
  times?: TimeOptions;
}

/**
 * How long the steps of a plugin's life may take, in milliseconds: 0 to 3,600,000.
 *
 * @category Host
 */
export interface TimeOptions {
  /**
   * How long a plugin's import and `init` may take, in milliseconds.
   *
   * @default {10000}
   */
  startTimeoutMs?: number;
  /**
   * How long an unloaded plugin may take to finish its calls, in milliseconds.
   *
   * @default {5000}
   */
  drainMs?: number;
  /**
   * How long handing over state may take in a reload, in milliseconds: the calls under way, `snapshot`
   * and `restore`. New calls wait that long at most.
   *
   * @default {5000}
   */
  handOverMs?: number;
  /**
   * How long a plugin's `shutdown` may take, in milliseconds.
   *
   * @default {2000}
   */
  shutdownMs?: number;
  /**
   * How long its process has to exit after the end of its input, and again after SIGTERM, in
   * milliseconds.
   *
   * @default {1000}
   */
  graceMs?: number;
}

/**
 * Options of the pool of processes that wait for a plugin.
 *
 * @category Host
 */
export interface PoolOptions {
  /**
   * How many there are at most; at most 64. Each load of a plugin asks for one for the next with the same
   * permissions and limits; the least recently used are ended first, and those that nobody has asked for in
   * five minutes.
   */
  size: number;
}

/** The options in one form. */
export interface HostSettings {
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
  readonly pool: PoolOptions;
  /** How plugins are measured; `undefined` where they are not. */
  readonly monitor: Required<MonitorOptions> | undefined;
  /** Grants and limits. */
  readonly policy: Policy;
  /** How processes are to be isolated. */
  readonly isolation: IsolationMode | IsolationOptions;
  /** How messages travel where there is a choice. */
  readonly lane: Lane;
  /** The files that large values travel in; `undefined` for none. */
  readonly sharedMemory: SharedMemorySettings | undefined;
  /** What the `config` service gives. */
  readonly config: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Where log records go. */
  readonly logger: Logger;
  /** Times in milliseconds. */
  readonly times: Readonly<Required<TimeOptions>>;
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
  "lane",
  "sharedMemory",
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
    lane: checkLane(options.lane ?? "socket"),
    sharedMemory: parseSharedMemory(options.sharedMemory),
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

function parsePool(pool: PoolOptions = { size: 0 }): PoolOptions {
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

function checkLane(lane: Lane): Lane {
  if (lane === "socket" || lane === "stdio") return lane;
  throw new TypeError(`Cannot open the host: lane must be "socket" or "stdio", is ${String(lane)}`);
}

function parseTimes(times: TimeOptions = {}): Required<TimeOptions> {
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
