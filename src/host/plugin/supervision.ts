// What a plugin and its supervisor know of each other.
import type { Manifest } from "../../bundle/manifest/manifest_schema.ts";
import type { SallyportError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { ResolvedPermissions } from "../../permissions/resolve.ts";
import type { SandboxReport } from "../../sandbox/launch/launcher.ts";
import type { PluginState } from "../events/plugin_state.ts";
import type { ActiveProcess } from "../calls/active_process.ts";

/** What a supervisor sees of a plugin, and does with it. */
export interface SupervisedPlugin {
  readonly name: string;
  readonly state: PluginState;
  readonly error: SallyportError | undefined;
  readonly manifest: Pick<Manifest, "version"> | undefined;
  readonly bundleHash: string | undefined;
  readonly permissions: ResolvedPermissions | undefined;
  readonly pid: number | undefined;
  readonly sandbox: SandboxReport | undefined;
  readonly counts: { readonly calls: number; readonly failures: number; readonly inFlight: number };
  /** What takes its calls now. */
  readonly serving: ActiveProcess | undefined;
  readonly logger: Logger;
  /** How long each new call is held back, in milliseconds. */
  readonly calls: { delayMs: number };
  /** The steps of its life, one at a time. */
  readonly steps: { run<T>(step: () => Promise<T>): Promise<T> };
  /** Ends every process of it at once; calls under way fail with the error. */
  takeDown(error: SallyportError, to: "inactive" | "quarantined"): Promise<void>;
}

/** Hears how a plugin's processes and calls go wrong, and does something about it. */
export interface Supervision {
  /** Its process ended, and the host did not want that; the plugin has taken note of it. */
  ended(plugin: SupervisedPlugin, error: SallyportError): void;
  /** A call was not answered in time. */
  overdue(plugin: SupervisedPlugin, error: SallyportError): void;
}
