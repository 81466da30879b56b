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
export {
  SallyportError,
  type SallyportErrorCode,
  type SallyportErrorOptions,
} from "./src/errors.ts";
export { VERSION } from "./src/version.ts";
export { createLogger, type Logger, type LoggerOptions, silentLogger } from "./src/log.ts";

export { type Limits } from "./src/bundle/manifest/limits.ts";
export { manifestJsonSchema, parseManifest } from "./src/bundle/manifest/manifest.ts";
export { type AccessLevel, type Manifest } from "./src/bundle/manifest/manifest_schema.ts";

export { type SealSecret } from "./src/crypto/sealed.ts";
export {
  createTrustListContent,
  type CreateTrustListContentOptions,
} from "./src/trust/list/list.ts";
export { type TrustListContent } from "./src/trust/list/content.ts";
export { type TrustChange } from "./src/trust/list/diff.ts";
export { type RootReference, type VerifiedRoot } from "./src/trust/root/root_chain.ts";
export { type RootOptions, TrustList } from "./src/trust/trust_list.ts";
export {
  type CreateTrustListOptions,
  type ListRevision,
  type OpenTrustListOptions,
  type UpdateTrustListOptions,
} from "./src/trust/trust_list_options.ts";
export { type TrustedPlugin } from "./src/trust/verify/anchors.ts";
export { parsePolicy, policyJsonSchema } from "./src/permissions/policy/policy.ts";
export {
  type Grant,
  type Policy,
  type PolicyEntry,
} from "./src/permissions/policy/policy_schema.ts";
export {
  type MonitorPolicy,
  type RestartPolicy,
  type ViolationKind,
  type ViolationPolicy,
} from "./src/permissions/policy/watch_policy.ts";

export { type PluginSample } from "./src/monitor/samples/sample.ts";
export { type Violation } from "./src/monitor/violations/violations.ts";
export { type MonitorEvent } from "./src/monitor/samples/watch.ts";

export { type IsolationMode } from "./src/sandbox/machine/choose.ts";
export { type ContainmentFacts, type SandboxReport } from "./src/sandbox/launch/launcher.ts";
export { type EgressConnection } from "./src/egress/proxy.ts";

export { HOOK_PRIORITY } from "./src/hooks/names.ts";
export { HookRegistry } from "./src/hooks/registry.ts";
export {
  type HookAnswer,
  type HookDefinition,
  type HookEntry,
  type HookFailure,
  type HookHandler,
  type HookRegisterOptions,
  type HookResult,
  type HookRunOptions,
} from "./src/hooks/types.ts";

export { type ServiceCaller } from "./src/services/calls/caller.ts";
export { PluginContext } from "./src/services/context.ts";
export { type ProvideOptions, type ServiceDescription } from "./src/services/context_types.ts";
export { type SharedDatabaseOptions } from "./src/services/database/database_service.ts";

export {
  type AuditProblem,
  type AuditQuery,
  type AuditRecord,
  type AuditReport,
  type ChainReport,
  readAuditLog,
  verifyAuditLog,
  type VerifyAuditLogOptions,
} from "./src/audit/mod.ts";
export { type AuditOptions } from "./src/host/settings/audit_options.ts";
export { type WatchOptions } from "./src/host/folders/bundle_watch.ts";
export { type HostEvent } from "./src/host/events/events.ts";
export { PluginHost } from "./src/host/host.ts";
export { inspectBundle, type InspectedLaunch, type Inspection } from "./src/host/inspect.ts";
export { type ReloadOptions } from "./src/host/hot_reload.ts";
export { type LoadOptions, type UnloadOptions } from "./src/host/lifecycle.ts";
export { type Signer } from "./src/host/plugin/known_plugin.ts";
export { type PluginUsage } from "./src/host/plugin/call_counters.ts";
export { type PluginHostOptions } from "./src/host/settings/plugin_host_options.ts";
export { type CallArguments, type CallOptions, PluginHandle } from "./src/host/plugin_handle.ts";
export { type PluginState } from "./src/host/events/plugin_state.ts";
export { type TrustListOptions } from "./src/host/settings/trust_list_options.ts";
