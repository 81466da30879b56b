// What the operations of a host and the calls of a plugin take.
import type { AnyPluginModule, CallParams, MethodNames } from "../plugin/types.ts";

/**
 * Options of `load` and `loadByName`.
 *
 * @category Host
 */
export interface LoadOptions {
  /**
   * Whether to start the plugin only when it is first called or one of its hooks runs.
   *
   * @default {false}
   */
  lazy?: boolean;
  /** Gives up loading. */
  signal?: AbortSignal;
}

/**
 * Options of `unload`.
 *
 * @category Host
 */
export interface UnloadOptions {
  /**
   * Whether to unload the plugins that depend on it first, instead of refusing.
   *
   * @default {false}
   */
  cascade?: boolean;
  /** Why, for the event. */
  reason?: string;
}

/**
 * Options of `reload` and `rollback`.
 *
 * @category Host
 */
export interface ReloadOptions {
  /** Gives it up; what runs then serves on. */
  signal?: AbortSignal;
  /**
   * Whether the running version is not asked for its state: the next one begins without. A version whose
   * `snapshot()` fails or hangs cannot keep the next one out then. One that is revoked is never asked.
   *
   * @default {false}
   */
  withoutState?: boolean;
}

/**
 * Options of a call.
 *
 * @category Host
 */
export interface CallOptions {
  /** Cancels the call: it rejects with `cancelled` at once and the plugin is told. */
  signal?: AbortSignal;
  /**
   * How long the plugin may take, in milliseconds; at most its `callTimeoutMs`, also with `Infinity`.
   *
   * @default {the plugin's callTimeoutMs}
   */
  timeoutMs?: number;
  /** Gets what the plugin reports with `call.progress`; what it throws is logged, and the call goes on. */
  onProgress?: (value: unknown) => void;
  /** The W3C trace context to hand on, as in the `traceparent` header. */
  traceparent?: string;
}

/**
 * Returns the arguments of a call: parameters are optional only where the method takes none.
 *
 * @category Host
 */
export type CallArguments<M extends AnyPluginModule, K extends MethodNames<M>> = undefined extends
  CallParams<M, K> ? [params?: CallParams<M, K>, options?: CallOptions]
  : [params: CallParams<M, K>, options?: CallOptions];
