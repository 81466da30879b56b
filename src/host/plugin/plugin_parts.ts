// The parts of a host that its plugins share.
import type { HookRegistry } from "../../hooks/registry.ts";
import type { PluginTelemetry } from "../../monitor/telemetry/telemetry.ts";
import type { Supervision } from "./supervision.ts";
import type { PluginContext } from "../../services/context.ts";
import type { EventHub } from "../events/events.ts";
import type { Admission } from "../admission/admit.ts";
import type { ProcessStarter } from "../process/process_starter.ts";
import type { HostSettings } from "../settings/host_options.ts";
import type { TrustSource } from "../admission/trust_source.ts";

/** What a plugin needs of its host. */
export interface PluginParts {
  /** The settings. */
  readonly settings: HostSettings;
  /** Decides what is trusted. */
  readonly trust: TrustSource;
  /** Decides what may be started. */
  readonly admission: Admission;
  /** Starts what was admitted. */
  readonly starter: ProcessStarter;
  /** Events of the host. */
  readonly hub: EventHub;
  /** Hooks. */
  readonly hooks: HookRegistry;
  /** Hears of what goes wrong with plugins. */
  readonly supervisor: Supervision;
  /** Measures calls and events. */
  readonly telemetry: PluginTelemetry;
  /** Services. */
  readonly services: PluginContext;
}
