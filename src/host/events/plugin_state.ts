// The states of a plugin.

/**
 * Names where a plugin is in its life: `available` (verified, not started), `untrusted` (never
 * started), `starting`, `active`, `draining` (finishing its calls), `inactive` (unloaded), `failed`
 * (could not be loaded, or crashed), `quarantined` (not to be loaded until an operator says so).
 *
 * @category Host
 */
export type PluginState =
  | "available"
  | "untrusted"
  | "starting"
  | "active"
  | "draining"
  | "inactive"
  | "failed"
  | "quarantined";

/** Every state once, in the order of a plugin's life. */
export const PLUGIN_STATES: readonly PluginState[] = Object.freeze([
  "available",
  "untrusted",
  "starting",
  "active",
  "draining",
  "inactive",
  "failed",
  "quarantined",
]);
