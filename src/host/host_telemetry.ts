// What a host measures for OpenTelemetry: its plugins' samples and states, and what its events tell.
import type { PluginSample } from "../monitor/samples/sample.ts";
import { PluginTelemetry } from "../monitor/telemetry/telemetry.ts";
import type { Logger } from "../log.ts";
import type { EventHub, HostEvent } from "./events/events.ts";
import { PLUGIN_STATES, type PluginState } from "./events/plugin_state.ts";

/** What is measured of a host. */
export interface HostTelemetryOptions {
  /** Events of the host. */
  readonly hub: EventHub;
  /** The host's log. */
  readonly logger: Logger;
  /** Returns the latest samples. */
  latest(): Iterable<PluginSample>;
  /** Lists the plugins whose names are verified. */
  plugins(): Iterable<{ readonly name: string; readonly state: PluginState }>;
}

/** Begins to measure a host, where the application has registered a meter provider. */
export function measureHost(
  { hub, logger, latest, plugins }: HostTelemetryOptions,
): PluginTelemetry {
  const telemetry = new PluginTelemetry({
    latest,
    allStates: PLUGIN_STATES,
    *states() {
      for (const { name: plugin, state } of plugins()) yield { plugin, state };
    },
  }, logger);
  if (telemetry.isOn) hub.listen((event) => count(telemetry, event));
  return telemetry;
}

function count(telemetry: PluginTelemetry, event: HostEvent): void {
  switch (event.type) {
    case "crashed":
      return telemetry.count("crashes", event.plugin);
    case "restarting":
      return telemetry.count("restarts", event.plugin);
    case "denied":
      return telemetry.count("denials", event.plugin, { "error.type": event.error.code });
    case "violation": {
      const { violation: { kind, severity }, action, plugin } = event;
      return telemetry.count("violations", plugin, {
        "sallyport.violation.kind": kind,
        "sallyport.violation.severity": severity,
        "sallyport.violation.action": action,
      });
    }
  }
}
