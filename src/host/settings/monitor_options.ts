// How a host watches its plugins.
import { refuseUnknown } from "./known_options.ts";
import type { PluginHostOptions } from "./plugin_host_options.ts";
import { MONITOR_BOUNDS } from "../../permissions/policy/watch_policy.ts";

/** The option `monitor`, checked. */
export type MonitorSettings = Required<Exclude<NonNullable<PluginHostOptions["monitor"]>, false>>;

const HISTORY = { min: 1, max: 10_000 };

/**
 * Checks the option `monitor`.
 *
 * @throws {TypeError} When it is of another form.
 * @throws {RangeError} When a figure is out of bounds.
 */
export function parseMonitorOptions(
  monitor: PluginHostOptions["monitor"] = {},
): MonitorSettings | undefined {
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
