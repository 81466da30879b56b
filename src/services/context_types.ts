import type { AccessLevel } from "../bundle/manifest/manifest_schema.ts";
import type { Limits } from "../bundle/manifest/limits.ts";
import type { Logger } from "../log.ts";
import type { HelperGroup } from "../sandbox/cgroup/helper_group.ts";
import type { PluginConfigs } from "./config_service.ts";

/**
 * Options of {@linkcode PluginContext.provide}.
 *
 * @category Services
 */
export interface ProvideOptions {
  /** The access that each method needs; a method that is not named needs `readwrite`. */
  readonly access?: Readonly<Record<string, AccessLevel>>;
  /** What the service is for, for people. */
  readonly description?: string;
}

/**
 * Describes one service.
 *
 * @category Services
 */
export interface ServiceDescription {
  /** The key. */
  readonly key: string;
  /** Whether the host brings it. */
  readonly builtIn: boolean;
  /** What it is for. */
  readonly description?: string;
  /** The methods and the access that each needs; absent where each plugin gets an object of its own. */
  readonly methods?: Readonly<Record<string, AccessLevel>>;
}

/** Options of {@linkcode PluginContext}. */
export interface PluginContextOptions {
  /** The folder of `kv` and `database`; without it the two are not provided. */
  readonly dir?: string;
  /** A folder of this host's run alone, for the database processes; removed in the end. */
  readonly scratch?: string;
  /** The `deno` executable of the database processes; by default as for `PluginHost.open`. */
  readonly denoPath?: string;
  /** The settings that the `config` service returns to each plugin, by plugin name. */
  readonly config?: PluginConfigs;
  /** Takes what plugins log through the `log` service, and what the application's services throw. */
  readonly logger?: Logger;
  /** Makes the group that caps a plugin's database process, where one can be made. */
  readonly confine?: (limits: Limits) => Promise<HelperGroup | undefined>;
  /** How long one call of a database may take, in milliseconds; its process is ended then. By default 5000. */
  readonly databaseTimeoutMs?: number;
}
