// Violations: what a plugin did against its limits or the protocol, and how much of it lately.
import type { LimitName } from "../../bundle/manifest/limits.ts";
import { escapeText, type SallyportError, type SallyportErrorCode } from "../../errors.ts";
import {
  type DEFAULT_RATES,
  VIOLATION_SEVERITIES,
  type ViolationKind,
  type ViolationSeverity,
  WEIGHT_BOUNDS,
  WINDOW_BOUNDS,
} from "../../permissions/policy/watch_policy.ts";

export type { ViolationKind, ViolationSeverity } from "../../permissions/policy/watch_policy.ts";

/**
 * Tells of one breach of the protocol or of a limit.
 *
 * @category Monitoring
 */
export interface Violation {
  /** When it happened, in RFC 3339. */
  readonly time: string;
  /** What it is about. */
  readonly kind: ViolationKind;
  /** The code of the error that it is. */
  readonly code: SallyportErrorCode;
  /** What the plugin did, on one line that is safe to show. */
  readonly message: string;
  /** What was measured, in units of `unit`. */
  readonly measured?: number;
  /** What was allowed, in units of `unit`. */
  readonly limit?: number;
  /** What both are counted in, such as `bytes`. */
  readonly unit?: string;
  /** How bad it is. */
  readonly severity: "low" | "medium" | "high" | "critical";
}

/** Holds what a check of a sample found; the check of the monitor gives these. */
export interface MeasuredBreach {
  /** Which limit. */
  readonly kind: ViolationKind;
  /** What was measured. */
  readonly measured: number;
  /** What was allowed. */
  readonly limit: number;
  /** What both are counted in. */
  readonly unit: string;
  /** How bad it is. */
  readonly severity: "low" | "medium" | "high" | "critical";
  /** Set where there is more than `measured`, and nobody can tell how much. */
  readonly uncounted?: true;
}

/** Says which violations to count; without a field, all of them. */
export interface ViolationFilter {
  /** Those of one kind. */
  readonly kind?: ViolationKind;
  /** Those of this severity and worse. */
  readonly severity?: ViolationSeverity;
  /** A kind that does not count. */
  readonly except?: ViolationKind;
}

/**
 * Says how much a violation weighs: ten low ones, five medium ones, two high ones or a single critical
 * one reach the threshold that holds unless the policy has another.
 */
export const SEVERITY_WEIGHTS: Readonly<Record<ViolationSeverity, number>> = Object.freeze({
  low: 1,
  medium: 2,
  high: 5,
  critical: 10,
});

/** Is how long a violation counts unless the policy says otherwise, in milliseconds. */
export const DEFAULT_WINDOW_MS = 60_000;

const MAX_ENTRIES = 100;
const MAX_MESSAGE = 1_000;
const MAX_UNIT = 40;

const KINDS_BY_LIMIT: Readonly<Record<string, ViolationKind>> = {
  memoryBytes: "memory",
  cpuTimeMs: "cpu",
  cpuPercent: "cpu",
  threads: "threads",
  fileDescriptors: "descriptors",
  connections: "connections",
  callTimeoutMs: "call-duration",
  messageBytes: "message-size",
  storageBytes: "storage",
  messagesPerSecond: "message-rate",
  logLinesPerSecond: "log-rate",
  hostPercent: "host-time",
} satisfies Record<LimitName | keyof typeof DEFAULT_RATES, ViolationKind>;

const BY_CODE: Partial<Record<SallyportErrorCode, readonly [ViolationKind, ViolationSeverity]>> = {
  "protocol-violation": ["protocol", "high"],
  "limit-exceeded": ["crash", "high"],
  timeout: ["call-duration", "medium"],
  "permission-denied": ["permission", "low"],
  "service-denied": ["permission", "low"],
};

const NOUNS: Readonly<Record<ViolationKind, string>> = {
  memory: "memory",
  cpu: "processor time",
  threads: "threads",
  descriptors: "file descriptors",
  connections: "connections",
  storage: "storage",
  "message-size": "message size",
  "message-rate": "message rate",
  "log-rate": "log rate",
  "host-time": "time of the host",
  "call-duration": "duration of a call",
  protocol: "protocol",
  permission: "permissions",
  crash: "crashes",
};

/**
 * Makes a violation: the text made safe to show and cut to 1,000 characters, numbers that are none left
 * out, frozen.
 */
export function createViolation(content: Omit<Violation, "time">, now: Date): Violation {
  const { kind, code, message, measured, limit, unit, severity } = content;
  return Object.freeze({
    time: now.toISOString(),
    kind,
    code,
    message: escapeText(message, MAX_MESSAGE),
    ...(Number.isFinite(measured) ? { measured } : {}),
    ...(Number.isFinite(limit) ? { limit } : {}),
    ...(unit === undefined ? {} : { unit: escapeText(unit, MAX_UNIT) }),
    severity,
  });
}

/** Makes the violation of a limit that the monitor found broken. */
export function violationOfBreach(plugin: string, breach: MeasuredBreach, now: Date): Violation {
  const { kind, limit, unit, severity, uncounted } = breach;
  // a figure that is not the whole would say that the limit holds
  const measured = uncounted && breach.measured <= limit ? undefined : breach.measured;
  const found = uncounted
    ? `folders that are too deep or too full to be counted, besides ${
      figure(breach.measured)
    } ${unit},`
    : `${figure(breach.measured)} ${unit}`;
  const message = `Plugin "${plugin}" broke its limit of ${NOUNS[kind]}: ` +
    `${found} where ${figure(limit)} ${unit} are allowed`;
  const code = "limit-exceeded";
  return createViolation({ kind, code, message, measured, limit, unit, severity }, now);
}

/**
 * Makes the violation that an error tells of: a limit by its name in `details.limit`, everything else by
 * the error's code. What no other kind fits is a `crash`.
 */
export function violationOfError(
  error: SallyportError,
  now: Date,
  severity?: ViolationSeverity,
): Violation {
  const { code, message, details } = error;
  const [kind, usual] = BY_CODE[code] ?? ["crash", "medium"] as const;
  const broken = brokenLimit(details);
  return createViolation({
    kind: broken?.kind ?? kind,
    code,
    message,
    measured: broken?.measured,
    limit: broken?.limit,
    unit: broken?.unit,
    severity: severity ?? usual,
  }, now);
}

/** Finds the limit that the details of an error of ours name. */
function brokenLimit(
  { limit, value, measured, peakMemoryBytes, maxMessageBytes }: SallyportError["details"],
): Omit<Partial<MeasuredBreach>, "severity" | "uncounted"> | undefined {
  const bytes = number(maxMessageBytes);
  if (bytes !== undefined) return { kind: "message-size", limit: bytes, unit: "bytes" };
  if (typeof limit !== "string" || !Object.hasOwn(KINDS_BY_LIMIT, limit)) return undefined;
  const kind = KINDS_BY_LIMIT[limit]!;
  const peak = kind === "memory" ? number(peakMemoryBytes) : undefined;
  return { kind, measured: number(measured) ?? peak, limit: number(value), unit: unitOf(limit) };
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** Options of {@linkcode ViolationLog}. */
export interface ViolationLogOptions {
  /**
   * How long a violation counts, in milliseconds.
   *
   * @default {60_000}
   */
  windowMs?: number;
}

/**
 * Keeps the latest hundred violations of a plugin, and the times of those in the window.
 *
 * The window is told by a clock that never goes back, such as `performance.now()`: one that can be set
 * would let old violations count again, or none. The times of each kind and severity are kept apart, so
 * that a flood of mild violations pushes out no grave one.
 */
export class ViolationLog {
  /** How long a violation counts, in milliseconds. */
  readonly windowMs: number;
  #entries: Violation[] = [];
  #dropped = 0;
  #times = new Map<string, { readonly of: Violation; readonly times: number[] }>();
  #latestMs = -Infinity;

  /**
   * Makes an empty log.
   *
   * @throws {RangeError} When the window is not a whole number from 1,000 to 86,400,000.
   */
  constructor(options: ViolationLogOptions = {}) {
    const { windowMs = DEFAULT_WINDOW_MS } = options;
    const { min, max } = WINDOW_BOUNDS;
    if (!Number.isSafeInteger(windowMs) || windowMs < min || windowMs > max) {
      throw new RangeError(`"windowMs" must be a whole number from ${min} to ${max}: ${windowMs}`);
    }
    this.windowMs = windowMs;
  }

  /** The latest violations, at most a hundred, the oldest first; a copy. */
  get entries(): readonly Violation[] {
    return [...this.#entries];
  }

  /** The latest violation. */
  get last(): Violation | undefined {
    return this.#entries.at(-1);
  }

  /** How many violations are no longer in the list. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Adds a violation.
   *
   * @throws {RangeError} When the time is no finite number.
   */
  add(violation: Violation, nowMs: number): void {
    if (!Number.isFinite(nowMs)) throw new RangeError(`A time must be a finite number: ${nowMs}`);
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    this.#entries.push(violation);
    if (this.#entries.length > MAX_ENTRIES) {
      this.#entries.shift();
      this.#dropped++;
    }
    const key = `${violation.kind} ${violation.severity}`;
    let kept = this.#times.get(key);
    if (kept === undefined) this.#times.set(key, kept = { of: violation, times: [] });
    kept.times.push(this.#latestMs);
    // as many as this weigh at least as much as any response can ask for
    if (kept.times.length > WEIGHT_BOUNDS.max) kept.times.shift();
  }

  /** Weighs the violations of the window, exactly up to 100 and from there on at least 100. */
  weight(filter: ViolationFilter = {}, nowMs: number = this.#latestMs): number {
    const start = Math.max(nowMs, this.#latestMs) - this.windowMs;
    const { kind, severity = "low", except } = filter;
    const mildest = VIOLATION_SEVERITIES.indexOf(severity);
    let weight = 0;
    for (const { of, times } of this.#times.values()) {
      if (of.kind === except || (kind !== undefined && of.kind !== kind)) continue;
      if (VIOLATION_SEVERITIES.indexOf(of.severity) < mildest) continue;
      weight += countAfter(times, start) * SEVERITY_WEIGHTS[of.severity];
    }
    return weight;
  }

  /** Forgets everything. */
  reset(): void {
    this.#entries = [];
    this.#dropped = 0;
    this.#times.clear();
  }
}

/** Counts the times after a start, by bisection: they only grow. */
function countAfter(times: readonly number[], start: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! > start) high = middle;
    else low = middle + 1;
  }
  return times.length - low;
}

function unitOf(limit: string): string {
  if (limit.endsWith("Bytes")) return "bytes";
  if (limit.endsWith("Ms")) return "ms";
  if (limit.endsWith("PerSecond")) return "per second";
  return limit === "cpuPercent" ? "percent" : limit;
}

function figure(value: number): string {
  return String(Math.round(value * 10) / 10);
}
