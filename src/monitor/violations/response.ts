// What is done about a violation: the policy's responses, by the weight of the window.
import {
  VIOLATION_ACTIONS,
  VIOLATION_SEVERITIES,
  type ViolationAction,
  type ViolationKind,
  type ViolationPolicy,
  type ViolationSeverity,
} from "../../permissions/policy/watch_policy.ts";
import { DEFAULT_WINDOW_MS, type Violation, type ViolationLog } from "./violations.ts";

export type { ViolationAction } from "../../permissions/policy/watch_policy.ts";

/** A denial has done no harm: it takes nothing down unless the policy asks for that. */
const DEFAULT_RESPONSES: readonly (Omit<ViolationResponseRule, "at"> & { at?: number })[] = Object
  .freeze([Object.freeze({ action: "unload", except: "permission" })]);

/** Holds one response whose weight is settled. */
export interface ViolationResponseRule {
  /** The weight from which on it is done. */
  readonly at: number;
  /** Counts violations of this kind only. */
  readonly kind?: ViolationKind;
  /** Counts violations of this severity and worse only. */
  readonly severity?: ViolationSeverity;
  /** Counts no violations of this kind. */
  readonly except?: ViolationKind;
  /** What is done. */
  readonly action: ViolationAction;
}

/** Holds what a policy says about violations, with the defaults filled in. */
export interface ViolationRules {
  /** How long a violation counts, in milliseconds. */
  readonly windowMs: number;
  /** The weight that is too much. */
  readonly threshold: number;
  /** What is done. */
  readonly responses: readonly ViolationResponseRule[];
}

/** Says what is done about a violation, and why. */
export interface ViolationDecision {
  /** What is done. */
  readonly action: ViolationAction;
  /** The weight of those violations of the window that count for it. */
  readonly weight: number;
  /** The response that asks for it; none where the violation is only recorded. */
  readonly response?: ViolationResponseRule;
  /** Why, for people. */
  readonly reason: string;
}

/** Is the weight that is too much unless the policy says otherwise. */
export const DEFAULT_THRESHOLD = 10;

/**
 * Fills in the defaults of what a policy says about violations: they are recorded, and a plugin is
 * unloaded at the threshold.
 */
export function violationRules(policy: ViolationPolicy = {}): ViolationRules {
  const { windowMs = DEFAULT_WINDOW_MS, threshold = DEFAULT_THRESHOLD } = policy;
  const { responses = DEFAULT_RESPONSES } = policy;
  return Object.freeze({
    windowMs,
    threshold,
    responses: Object.freeze(
      responses.map(({ at = threshold, ...rest }) => Object.freeze({ ...rest, at })),
    ),
  });
}

/**
 * Decides what is done about the latest violation: the strongest of the responses that count it and
 * whose weight is reached. It changes nothing and reads no clock.
 *
 * @throws {TypeError} When it is not the latest violation of the log.
 */
export function decide(
  log: ViolationLog,
  violation: Violation,
  rules: ViolationRules,
): ViolationDecision {
  if (log.last !== violation) {
    throw new TypeError("The violation must be the last one that was added to the log");
  }
  const counting = rules.responses.filter((rule) => counts(rule, violation));
  const strongest = strongestReached(log, counting);
  if (strongest !== undefined) {
    const weight = log.weight(strongest);
    return { action: strongest.action, weight, response: strongest, reason: reasonOf(strongest) };
  }
  return { action: "record", weight: log.weight(), reason: violation.message };

  function reasonOf(rule: ViolationResponseRule): string {
    const { at, kind, severity, action } = rule;
    const which = [
      ...(kind === undefined ? [] : [kind]),
      ...(severity === undefined
        ? []
        : [severity === "critical" ? severity : `${severity} or worse`]),
    ].join(", ");
    return `${violation.message} (violations${which === "" ? "" : ` of ${which}`} weigh ` +
      `${log.weight(rule)} within ${log.windowMs} ms; the action at ${at} is "${action}")`;
  }
}

/**
 * Tells what the violations that still count ask for now. A plugin that is throttled may be let go when
 * this is no longer `throttle` or stronger.
 */
export function standingAction(
  log: ViolationLog,
  rules: ViolationRules,
  nowMs: number,
): ViolationAction {
  return strongestReached(log, rules.responses, nowMs)?.action ?? "record";
}

/** Tells whether an action is at least as strong as another. */
export function isAtLeast(action: ViolationAction, other: ViolationAction): boolean {
  return strength(action) >= strength(other);
}

function strongestReached(
  log: ViolationLog,
  responses: readonly ViolationResponseRule[],
  nowMs?: number,
): ViolationResponseRule | undefined {
  let strongest: ViolationResponseRule | undefined;
  for (const rule of responses) {
    if (strongest !== undefined && isAtLeast(strongest.action, rule.action)) continue;
    if (log.weight(rule, nowMs) >= rule.at) strongest = rule;
  }
  return strongest;
}

function counts(
  { kind, severity = "low", except }: ViolationResponseRule,
  violation: Violation,
): boolean {
  return (kind === undefined || kind === violation.kind) && violation.kind !== except &&
    VIOLATION_SEVERITIES.indexOf(violation.severity) >= VIOLATION_SEVERITIES.indexOf(severity);
}

function strength(action: ViolationAction): number {
  return VIOLATION_ACTIONS.indexOf(action);
}
