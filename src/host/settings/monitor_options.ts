// How a host watches its plugins.
import { refuseUnknown } from "./known_options.ts";
import { MONITOR_BOUNDS } from "../../permissions/policy/watch_policy.ts";

/**
 * Says how plugins are watched, for all that the policy says nothing else about.
 *
 * @category Host
 */
export interface MonitorOptions {
  /**
   * How often each plugin is measured, in milliseconds: 100 to 3,600,000.
   *
   * @default {10_000}
   */
  intervalMs?: number;
  /**
   * How many samples of each plugin are kept, 1 to 10,000.
   *
   * @default {60}
   */
  history?: number;
}

const HISTORY = { min: 1, max: 10_000 };

/**
 * Checks the option `monitor`.
 *
 * @throws {TypeError} When it is of another form.
 * @throws {RangeError} When a figure is out of bounds.
 */
export function parseMonitorOptions(
  monitor: false | MonitorOptions = {},
): Required<MonitorOptions> | undefined {
  if (monitor === false) return undefined;
  if (typeof monitor !== "object" || monitor === null) {
    throw new TypeError(
      "Cannot open the host: monitor must be false or an object such as { intervalMs: 1_000 }",
    );
  }
  const { intervalMs = 10_000, history = 60, ...others } = monitor;
  refuseUnknown(others, "monitor.");
  check("intervalMs", intervalMs, MONITOR_BOUNDS.intervalMs);
  check("history", history, HISTORY);
  return { intervalMs, history };
}

function check(name: string, value: number, { min, max }: { min: number; max: number }): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot open the host: monitor.${name} must be a whole number from ${min} to ${max}, is ${value}`,
  );
}
