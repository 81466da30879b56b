/**
 * Sallyport: a plugin host for Deno that lets an application run other people's plugins without
 * trusting them.
 *
 * It verifies who signed a plugin and that not a byte has changed, grants the narrowest permissions
 * that the plugin asked for and the operator allows, starts it in a process of its own, and talks to
 * it over stdio.
 *
 * @example Load a plugin and call it
 * ```ts ignore
 * import { PluginHost } from "@sallyport/host";
 *
 * await using host = await PluginHost.open({ keys: ["keys/author.pub"], policy: "policy.json" });
 * const plugin = await host.load<typeof import("./plugins/word-count/main.ts")>("plugins/word-count");
 * console.log(await plugin.call("count", { text: "to be or not to be" }));
 * ```
 *
 * @module
 */
export { SallyportError, type SallyportErrorCode, type SallyportErrorOptions } from "./errors.ts";
export { VERSION } from "./version.ts";
export { createLogger, type Logger, type LoggerOptions, silentLogger } from "./log.ts";

export { type Limits } from "./bundle/manifest/limits.ts";
export { manifestJsonSchema, parseManifest } from "./bundle/manifest/manifest.ts";
export { type AccessLevel, type Manifest } from "./bundle/manifest/manifest_schema.ts";

export { type SealSecret } from "./crypto/sealed.ts";
export { createTrustListContent, type CreateTrustListContentOptions } from "./trust/list/list.ts";
export { type TrustListContent } from "./trust/list/content.ts";
export { type TrustChange } from "./trust/list/diff.ts";
export { type RootReference, type VerifiedRoot } from "./trust/root/root_chain.ts";
export { type RootOptions, TrustList } from "./trust/trust_list.ts";
export {
  type CreateTrustListOptions,
  type ListRevision,
  type OpenTrustListOptions,
  type UpdateTrustListOptions,
} from "./trust/trust_list_options.ts";
export { type TrustedPlugin } from "./trust/verify/anchors.ts";
export { parsePolicy, policyJsonSchema } from "./permissions/policy/policy.ts";
export { type Grant, type Policy, type PolicyEntry } from "./permissions/policy/policy_schema.ts";
export {
  type MonitorPolicy,
  type RestartPolicy,
  type ViolationKind,
  type ViolationPolicy,
} from "./permissions/policy/watch_policy.ts";

export { type PluginSample } from "./monitor/samples/sample.ts";
export { type Violation } from "./monitor/violations/violations.ts";
export { type MonitorEvent } from "./monitor/samples/watch.ts";

export { type IsolationMode } from "./sandbox/machine/choose.ts";
export { type ContainmentFacts, type SandboxReport } from "./sandbox/launch/launcher.ts";
export { type EgressConnection } from "./egress/proxy.ts";

export { HOOK_PRIORITY } from "./hooks/names.ts";
export { HookRegistry } from "./hooks/registry.ts";
export {
  type HookAnswer,
  type HookDefinition,
  type HookEntry,
  type HookFailure,
  type HookHandler,
  type HookRegisterOptions,
  type HookResult,
  type HookRunOptions,
} from "./hooks/types.ts";

export { type ServiceCaller } from "./services/calls/caller.ts";
export { PluginContext } from "./services/context.ts";
export { type ProvideOptions, type ServiceDescription } from "./services/context_types.ts";
export { type SharedDatabaseOptions } from "./services/database/database_service.ts";

export {
  type AuditProblem,
  type AuditQuery,
  type AuditRecord,
  type AuditReport,
  type ChainReport,
  readAuditLog,
  verifyAuditLog,
  type VerifyAuditLogOptions,
} from "./audit/mod.ts";
export { type AuditOptions } from "./host/settings/audit_options.ts";
export { type WatchOptions } from "./host/folders/bundle_watch.ts";
export { type HostEvent } from "./host/events/events.ts";
export { PluginHost } from "./host/host.ts";
export { inspectBundle } from "./host/inspect.ts";
export { type InspectedLaunch, type Inspection } from "./host/inspection.ts";
export { type Signer } from "./host/plugin/known_plugin.ts";
export { type PluginUsage } from "./host/calls/call_counters.ts";
export { type PluginHostOptions } from "./host/settings/plugin_host_options.ts";
export {
  type CallArguments,
  type CallOptions,
  type LoadOptions,
  type ReloadOptions,
  type UnloadOptions,
} from "./host/operation_options.ts";
export { PluginHandle } from "./host/plugin_handle.ts";
export { type PluginState } from "./host/events/plugin_state.ts";
export { type TrustListOptions } from "./host/settings/trust_list_options.ts";
