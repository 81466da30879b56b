// When a plugin that crashed is started again: exponential backoff with jitter, and an end to a loop.
import type { RestartPolicy } from "../../permissions/policy/watch_policy.ts";

/** Holds what a policy says about restarts, with the defaults filled in. */
export type RestartRules = Readonly<Required<RestartPolicy>>;

/** Remembers the crashes that count; plain and frozen. */
export interface CrashHistory {
  /** When they were, the oldest first, in milliseconds without what was waited. */
  readonly crashes: readonly number[];
  /** How long was waited before restarts so far, in milliseconds. */
  readonly waitedMs: number;
}

/** Says what to do after a crash. */
export type RestartStep =
  | {
    /** Start it again. */
    readonly action: "restart";
    /** When, in milliseconds from now. */
    readonly delayMs: number;
    /** Which restart within the window it is, from 1. */
    readonly attempt: number;
  }
  | {
    /** It crashes in a loop: put it into quarantine. */
    readonly action: "quarantine";
    /** Why, for people. */
    readonly reason: string;
  }
  | {
    /** The policy wants no restarts: leave it. */
    readonly action: "none";
  };

/** Is the history of a plugin that has not crashed, or whose crashes are forgotten. */
export const NO_CRASHES: CrashHistory = Object.freeze({ crashes: Object.freeze([]), waitedMs: 0 });

/** Fills in the defaults of what a policy says about restarts. */
export function restartRules(policy: RestartPolicy = {}): RestartRules {
  const {
    maxRestarts = 5,
    windowMs = 300_000,
    backoffMs = 500,
    maxBackoffMs = 30_000,
    jitter = 1,
  } = policy;
  return Object.freeze({ maxRestarts, windowMs, backoffMs, maxBackoffMs, jitter });
}

/**
 * Plans what to do after a crash, a failed restart included.
 *
 * The window is of the plugin's running: what was waited before restarts does not count, or a long
 * wait would hide a loop.
 *
 * @throws {RangeError} When the time is no finite number, or `random` gives no such number.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function planRestart(
  history: CrashHistory,
  nowMs: number,
  rules: RestartRules,
  random: () => number = Math.random,
): { readonly step: RestartStep; readonly history: CrashHistory } {
  if (!Number.isFinite(nowMs)) throw new RangeError(`A time must be a finite number: ${nowMs}`);
  const { maxRestarts, windowMs } = rules;
  if (maxRestarts === 0) return { step: { action: "none" }, history: NO_CRASHES };
  // a restart that did not wait as long as planned must not make the time go back
  const ranMs = Math.max(nowMs - history.waitedMs, history.crashes.at(-1) ?? -Infinity);
  const crashes = [...history.crashes.filter((crash) => crash > ranMs - windowMs), ranMs];
  const attempt = crashes.length;
  if (attempt > maxRestarts) {
    const reason = `it crashed ${attempt} times within ${windowMs} ms of running`;
    return { step: { action: "quarantine", reason }, history: freeze(crashes, history.waitedMs) };
  }
  const delayMs = backoff(attempt, rules, random);
  return {
    step: { action: "restart", delayMs, attempt },
    history: freeze(crashes, history.waitedMs + delayMs),
  };
}

function backoff(attempt: number, rules: RestartRules, random: () => number): number {
  const { backoffMs, maxBackoffMs, jitter } = rules;
  const chance = random();
  if (!(chance >= 0 && chance <= 1)) {
    throw new RangeError(`"random" must give numbers from 0 to 1: ${chance}`);
  }
  const longest = Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1));
  return Math.round(longest * (1 - jitter) + longest * jitter * chance);
}

function freeze(crashes: number[], waitedMs: number): CrashHistory {
  return Object.freeze({ crashes: Object.freeze(crashes), waitedMs });
}
