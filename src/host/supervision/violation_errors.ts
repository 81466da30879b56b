// The errors that tell of a plugin's violations, and of what the host did about them.
import { SallyportError } from "../../errors.ts";
import type { ResourceMonitor } from "../../monitor/samples/monitor.ts";
import {
  createViolation,
  type Violation,
  violationOfError,
} from "../../monitor/violations/violations.ts";

/** Returns a violation as an error, for events. */
export function errorOf(name: string, violation: Violation): SallyportError {
  const { code, message, kind, measured, limit, unit, severity } = violation;
  return new SallyportError(code, message, {
    details: { plugin: name, kind, measured, limit, unit, severity },
  });
}

/** Makes the violation by which a process ended. */
export function violationOfEnd(error: SallyportError, memoryBytes: number | undefined): Violation {
  const now = new Date();
  const violation = violationOfError(error, now);
  if (violation.kind !== "memory" || violation.measured !== undefined) return violation;
  return createViolation({ ...violation, measured: memoryBytes }, now);
}

/** Returns what a plugin is told of a violation of its own. */
export function warningOf(violation: Violation): Omit<Violation, "time" | "code"> {
  const { kind, severity, measured, limit, unit, message } = violation;
  return { kind, severity, measured, limit, unit, message };
}

/** Makes the error of calls that were under way when a plugin was taken down. */
export function downError(
  name: string,
  violation: Violation | undefined,
  reason: string,
  state?: "quarantined",
): SallyportError {
  const what = state === undefined ? "unloaded" : "put into quarantine";
  const { kind, measured, limit, unit } = violation ?? {};
  return new SallyportError("limit-exceeded", `Plugin "${name}" was ${what}: ${reason}`, {
    reason,
    hint: state === undefined
      ? `See host.violations("${name}"), and load it again when that is fixed`
      : `Find out why, then lift it with host.releaseQuarantine("${name}")`,
    details: { plugin: name, kind, measured, limit, unit, ...(state ? { state } : {}) },
  });
}

/**
 * Returns the monitor of a host.
 *
 * @throws {SallyportError} `bad-state` where it has none.
 */
export function requireMonitor(
  { monitor }: { readonly monitor: ResourceMonitor | undefined },
): ResourceMonitor {
  if (monitor !== undefined) return monitor;
  throw new SallyportError("bad-state", "Cannot measure plugins: the host has no monitor", {
    hint: "Open the host without monitor: false",
  });
}
