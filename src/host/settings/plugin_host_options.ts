// What `PluginHost.open` takes.
import type { Logger } from "../../log.ts";
import type { Policy } from "../../permissions/policy/policy_schema.ts";
import type { IsolationMode } from "../../sandbox/machine/choose.ts";
import type { TrustedPlugin } from "../../trust/verify/anchors.ts";
import type { AuditOptions } from "./audit_options.ts";
import type { TrustListOptions } from "./trust_list_options.ts";

/**
 * Options of `PluginHost.open`.
 *
 * @category Host
 */
export interface PluginHostOptions {
  /**
   * The host's folder: store, plugin storage, databases. Several hosts may share one.
   *
   * @default {a private temporary folder, removed when the host closes}
   */
  dataDir?: string | URL;
  /**
   * The public keys whose signatures count: 64 hex digits, an SPKI PEM, or the path of a file with
   * either. Without a key no plugin is trusted.
   */
  keys?: readonly (string | URL | { readonly publicKey: string | URL; readonly name?: string })[];
  /** The only plugins that may load: name, version and bundle hash must all match an entry. */
  trustedPlugins?: readonly TrustedPlugin[];
  /**
   * The encrypted trust list, instead of `keys` and `trustedPlugins`. The host follows the file: a
   * plugin that a new revision refuses is unloaded at once.
   */
  trustList?: TrustListOptions;
  /**
   * Whether an audit log is kept, and where.
   *
   * @default {in the folder `audit` of `dataDir`; without a `dataDir` none is kept}
   */
  audit?: boolean | AuditOptions;
  /**
   * Processes that are started ahead, empty, for the permissions and limits of plugins that were loaded
   * before; each takes some 10 MiB.
   *
   * @default {none}
   */
  pool?: {
    /**
     * How many there are at most; at most 64. Each load of a plugin asks for one for the next with the same
     * permissions and limits; the least recently used are ended first, and those that nobody has asked for in
     * five minutes.
     */
    size: number;
  };
  /**
   * How often plugins are measured; `false` for never, and then only the kernel and the runtime hold
   * them to their limits.
   *
   * @default {every 10 seconds}
   */
  monitor?: false | {
    /**
     * How often each plugin is measured, in milliseconds: 100 to 3,600,000; the policy of a plugin may say
     * something else.
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
  };
  /** The grants and limits, as an object or as the path of a `policy.json`. */
  policy?: Policy | string | URL;
  /**
   * How plugins are isolated.
   *
   * @default {"auto"}
   */
  isolation?: IsolationMode | {
    /**
     * The launcher, or `auto` for the strongest that works here.
     *
     * @default {"auto"}
     */
    mode?: IsolationMode;
    /**
     * Whether to fail rather than run without an operating-system sandbox.
     *
     * @default {false}
     */
    require?: boolean;
  };
  /**
   * The `deno` executable that plugins run under: a path, or a name on PATH. A host that `deno compile`
   * made has none of its own.
   *
   * @default {the variable SALLYPORT_DENO, else the host's own executable, else `deno` on PATH}
   */
  denoPath?: string | URL;
  /** How messages travel between host and plugins. */
  transport?: {
    /**
     * Over a Unix socket to which each process connects before it holds a plugin, where there are such
     * sockets, or over standard input and output. `plugin.lane` says which it is.
     *
     * @default {"socket"}
     */
    lane?: "socket" | "stdio";
    /**
     * Whether large values travel in a file in memory that host and plugin share, beside the socket or pipe;
     * on Linux only. `plugin.sharedMemory` says whether they do.
     *
     * @default {false}
     */
    sharedMemory?: boolean | {
      /**
       * How many bytes may be under way in each direction, for each plugin: from 1 MiB to 1 GiB.
       *
       * @default {67_108_864}
       */
      bytes?: number;
      /**
       * The folder that the files are made in, best one in memory.
       *
       * @default {"/dev/shm" for sandboxed plugins, where the host may write to it; else the host's own folder}
       */
      dir?: string;
    };
  };
  /** What the `config` service returns to each plugin, by plugin name. */
  config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Where log records go. By default to stderr, from level INFO. */
  logger?: Logger;
  /** How long the steps of a plugin's life may take, in milliseconds: 0 to 3,600,000. */
  times?: {
    /**
     * How long a plugin's import and `init` may take, in milliseconds.
     *
     * @default {10000}
     */
    startTimeoutMs?: number;
    /**
     * How long an unloaded plugin may take to finish its calls, in milliseconds.
     *
     * @default {5000}
     */
    drainMs?: number;
    /**
     * How long handing over state may take in a reload, in milliseconds: the calls under way, `snapshot`
     * and `restore`. New calls wait that long at most.
     *
     * @default {5000}
     */
    handOverMs?: number;
    /**
     * How long a plugin's `shutdown` may take, in milliseconds.
     *
     * @default {2000}
     */
    shutdownMs?: number;
    /**
     * How long its process has to exit after the end of its input, and again after SIGTERM, in
     * milliseconds.
     *
     * @default {1000}
     */
    graceMs?: number;
  };
}
