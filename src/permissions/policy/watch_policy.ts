// What a policy says about the watch over a plugin: measuring, violations, restarts.

/**
 * Names what a violation is about.
 *
 * @category Policy
 */
export type ViolationKind =
  | "memory"
  | "cpu"
  | "threads"
  | "descriptors"
  | "connections"
  | "storage"
  | "message-size"
  | "message-rate"
  | "log-rate"
  | "host-time"
  | "call-duration"
  | "protocol"
  | "permission"
  | "crash";

/** Lists every kind of violation once. */
export const VIOLATION_KINDS: readonly ViolationKind[] = Object.freeze([
  ...["memory", "cpu", "threads", "descriptors", "connections", "storage", "message-size"] as const,
  ...["message-rate", "log-rate", "host-time", "call-duration", "protocol", "permission"] as const,
  ...["crash"] as const,
]);

/** How bad a violation is. */
export type ViolationSeverity = NonNullable<ViolationResponse["severity"]>;

/** Lists every severity once, the mildest first. */
export const VIOLATION_SEVERITIES: readonly ViolationSeverity[] = Object.freeze(
  ["low", "medium", "high", "critical"],
);

/** What is done about a violation. */
export type ViolationAction = ViolationResponse["action"];

/** Lists every action once, the mildest first. */
export const VIOLATION_ACTIONS: readonly ViolationAction[] = Object.freeze(
  ["record", "warn", "throttle", "unload", "quarantine"],
);

/**
 * Says what is done about a plugin's violations.
 *
 * @category Policy
 */
export interface ViolationPolicy {
  /**
   * How long a violation counts, in milliseconds: 1,000 to 86,400,000.
   *
   * @default {60_000}
   */
  readonly windowMs?: number;
  /**
   * The weight that is too much, 1 to 100.
   *
   * @default {10}
   */
  readonly threshold?: number;
  /**
   * What is done when the violations of the window weigh so much, at most 50 responses; with an empty list
   * violations are only recorded. One weighs 1, 2, 5 or 10 for `low`, `medium`, `high` or `critical`.
   *
   * @default {[{ action: "unload" }], at the threshold}
   */
  readonly responses?: readonly {
    /**
     * The weight from which on it is done, 1 to 100.
     *
     * @default {the threshold}
     */
    readonly at?: number;
    /** Counts violations of this kind only. */
    readonly kind?: ViolationKind;
    /** Counts violations of this severity and worse only. */
    readonly severity?: "low" | "medium" | "high" | "critical";
    /**
     * What is done; of several responses that apply, the strongest one is: `record` it, `warn` the plugin as
     * well, `throttle` it, `unload` it, or put it into `quarantine`, which an operator must lift.
     */
    readonly action: "record" | "warn" | "throttle" | "unload" | "quarantine";
  }[];
}

/** One response of a policy. */
export type ViolationResponse = NonNullable<ViolationPolicy["responses"]>[number];

/**
 * Says when a plugin that crashed is started again; without a word of the policy by the defaults.
 *
 * @category Policy
 */
export interface RestartPolicy {
  /**
   * How many restarts within the window; one crash more puts it into quarantine. 0 to 100; with 0 it is
   * neither started again nor put into quarantine.
   *
   * @default {5}
   */
  readonly maxRestarts?: number;
  /**
   * How long a crash counts, in milliseconds of the plugin's running: 1,000 to 86,400,000.
   *
   * @default {300_000}
   */
  readonly windowMs?: number;
  /**
   * The longest wait before the first restart, doubled for each crash after it; in milliseconds, 1 to
   * 3,600,000.
   *
   * @default {500}
   */
  readonly backoffMs?: number;
  /**
   * The longest wait of all, in milliseconds: 1 to 86,400,000.
   *
   * @default {30_000}
   */
  readonly maxBackoffMs?: number;
  /**
   * The part of a wait that is left to chance, so that plugins that crashed together do not start
   * together: 0 to 1.
   *
   * @default {1}
   */
  readonly jitter?: number;
}

/**
 * Says how a plugin is watched.
 *
 * @category Policy
 */
export interface MonitorPolicy {
  /**
   * How often it is measured, in milliseconds: 100 to 3,600,000.
   *
   * @default {10_000}
   */
  readonly intervalMs?: number;
  /**
   * How many requests and notifications it may send a second, 1 to 1,000,000; answers to calls and items
   * of streams do not count, as the host asked for those.
   *
   * @default {10_000}
   */
  readonly messagesPerSecond?: number;
  /**
   * How many lines it may log a second, 1 to 1,000,000.
   *
   * @default {1_000}
   */
  readonly logLinesPerSecond?: number;
  /**
   * How much of the host's thread its requests and notifications may take, in percent, 1 to 100; four
   * seconds' worth at once. More of them are read later.
   *
   * @default {50}
   */
  readonly hostPercent?: number;
}

export interface SettingBounds {
  readonly min: number;
  readonly max: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Holds the rates a second, and the share of the host, that a plugin may have unless its policy says otherwise. */
export const DEFAULT_RATES: Readonly<
  Required<Omit<MonitorPolicy, "intervalMs">>
> = Object.freeze({ messagesPerSecond: 10_000, logLinesPerSecond: 1_000, hostPercent: 50 });

export const MAX_RESPONSES = 50;

/** Holds the bounds of a window, which violations and restarts share. */
export const WINDOW_BOUNDS: SettingBounds = Object.freeze({ min: 1_000, max: DAY_MS });

/** Holds the bounds of a weight. The greatest is one that no count of violations falls short of. */
export const WEIGHT_BOUNDS: SettingBounds = Object.freeze({ min: 1, max: 100 });

export const RESTART_BOUNDS: Readonly<Record<keyof RestartPolicy, SettingBounds>> = Object.freeze({
  maxRestarts: Object.freeze({ min: 0, max: 100 }),
  windowMs: WINDOW_BOUNDS,
  backoffMs: Object.freeze({ min: 1, max: HOUR_MS }),
  maxBackoffMs: Object.freeze({ min: 1, max: DAY_MS }),
  jitter: Object.freeze({ min: 0, max: 1 }),
});

export const MONITOR_BOUNDS: Readonly<Record<keyof MonitorPolicy, SettingBounds>> = Object.freeze({
  intervalMs: Object.freeze({ min: 100, max: HOUR_MS }),
  messagesPerSecond: Object.freeze({ min: 1, max: 1_000_000 }),
  logLinesPerSecond: Object.freeze({ min: 1, max: 1_000_000 }),
  hostPercent: Object.freeze({ min: 1, max: 100 }),
});
