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
  type ErrorDetails,
  SALLYPORT_ERROR_CODES,
  SallyportError,
  type SallyportErrorCode,
  type SallyportErrorOptions,
} from "./src/errors.ts";
export { VERSION } from "./src/version.ts";
export {
  createLogger,
  type Logger,
  type LoggerOptions,
  type LogLevelName,
  silentLogger,
} from "./src/log.ts";

export {
  DEFAULT_LIMITS,
  LIMIT_BOUNDS,
  type LimitBounds,
  type LimitName,
  type Limits,
} from "./src/bundle/manifest/limits.ts";
export { manifestJsonSchema, parseManifest } from "./src/bundle/manifest/manifest.ts";
export {
  type AccessLevel,
  type ContextRequest,
  type HookRequest,
  type Manifest,
  type PermissionRequest,
  type StorageRequest,
} from "./src/bundle/manifest/manifest_schema.ts";

export { type SealSecret } from "./src/crypto/sealed.ts";
export { type PublicKey } from "./src/trust/keys/keys.ts";
export {
  createTrustListContent,
  type CreateTrustListContentOptions,
} from "./src/trust/list/list.ts";
export {
  type AcceptedBundle,
  type HashRevocation,
  type JsonObject,
  type KeyRevocation,
  type ListedKey,
  type ListedPlugin,
  type PluginRevocation,
  type Publisher,
  type TrustListContent,
  type VersionRevocation,
} from "./src/trust/list/content.ts";
export { type TrustChange, type TrustSubject } from "./src/trust/list/diff.ts";
export { type MarkedRevision } from "./src/trust/mark/rollback_mark.ts";
export {
  type RootReference,
  type TrustRoot,
  type VerifiedRoot,
} from "./src/trust/root/root_chain.ts";
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
  type ViolationAction,
  type ViolationKind,
  type ViolationPolicy,
  type ViolationResponse,
  type ViolationSeverity,
} from "./src/permissions/policy/watch_policy.ts";

export {
  type PluginSample,
  type SampleFigure,
  type SampleSource,
} from "./src/monitor/samples/sample.ts";
export { type Violation } from "./src/monitor/violations/violations.ts";
export {
  type MonitorEvent,
  type WatchOptions as SampleOptions,
} from "./src/monitor/samples/watch.ts";

export type { Lane } from "./src/host/settings/lane.ts";
export type { SharedMemoryOptions } from "./src/host/settings/shared_memory_options.ts";
export { type IsolationMode, type IsolationOptions } from "./src/sandbox/machine/choose.ts";
export {
  type CgroupFacts,
  type ContainmentFacts,
  type NamespaceName,
  type SandboxReport,
} from "./src/sandbox/launch/launcher.ts";
export {
  type LauncherName,
  type NetworkMode,
  type SeccompProfile,
} from "./src/sandbox/launch/launch_spec.ts";
export { type EgressConnection } from "./src/egress/proxy.ts";

export { HOOK_PRIORITY, type HookBand } from "./src/hooks/names.ts";
export { HookRegistry } from "./src/hooks/registry.ts";
export {
  type HookAnswer,
  type HookCall,
  type HookDefinition,
  type HookEntry,
  type HookFailure,
  type HookFailurePolicy,
  type HookHandler,
  type HookMode,
  type HookRegisterOptions,
  type HookRegistryOptions,
  type HookResult,
  type HookRunOptions,
  type PluginHookRunner,
} from "./src/hooks/types.ts";

export { type ServiceCaller } from "./src/services/calls/caller.ts";
export { type PluginConfigs } from "./src/services/config_service.ts";
export { PluginContext } from "./src/services/context.ts";
export {
  type PluginContextOptions,
  type ProvideOptions,
  type ServiceDescription,
} from "./src/services/context_types.ts";
export { type SharedDatabaseOptions } from "./src/services/database/database_service.ts";
export { type MethodAccess } from "./src/services/calls/method_table.ts";
export { type HelperGroup } from "./src/sandbox/cgroup/helper_group.ts";

export {
  type AuditProblem,
  type AuditProblemKind,
  type AuditQuery,
  type AuditRecord,
  type AuditReport,
  type ChainReport,
  readAuditLog,
  type TakenOverLines,
  verifyAuditLog,
  type VerifyAuditLogOptions,
} from "./src/audit/mod.ts";
export { type AuditOptions } from "./src/host/settings/audit_options.ts";
export { type AddedBundles, type WatchOptions } from "./src/host/folders/bundle_watch.ts";
export { type HostEvent } from "./src/host/events/events.ts";
export { PluginHost } from "./src/host/host.ts";
export { inspectBundle, type InspectedLaunch, type Inspection } from "./src/host/inspect.ts";
export { type ReloadOptions } from "./src/host/hot_reload.ts";
export { type LoadOptions, type UnloadOptions } from "./src/host/lifecycle.ts";
export { type MonitorOptions } from "./src/host/settings/monitor_options.ts";
export { type Signer } from "./src/host/plugin/known_plugin.ts";
export { type PluginUsage } from "./src/host/plugin/call_counters.ts";
export {
  type PluginHostOptions,
  type PoolOptions,
  type TimeOptions,
} from "./src/host/settings/host_options.ts";
export { type CallArguments, type CallOptions, PluginHandle } from "./src/host/plugin_handle.ts";
export { type PluginQuery } from "./src/host/plugin/registry.ts";
export { PLUGIN_STATES, type PluginState } from "./src/host/events/plugin_state.ts";
export { type PinnedRoot, type TrustListOptions } from "./src/host/settings/trust_list_options.ts";
