// What an application holds of a plugin: typed calls and a view of its state.
import type { SallyportError } from "../errors.ts";
import { checkCallback, checkSignal, runCallback } from "../guard.ts";
import type { Logger } from "../log.ts";
import type { Manifest } from "../bundle/manifest/manifest_schema.ts";
import type { PluginSample } from "../monitor/samples/sample.ts";
import { explainPermissions } from "../permissions/explain.ts";
import type { AnyPluginModule, CallResult, MethodNames, StreamItem } from "../plugin/types.ts";
import type { RequestOptions } from "../rpc/calls/options.ts";
import type { SandboxReport } from "../sandbox/launch/launcher.ts";
import type { CallArguments, CallOptions, ReloadOptions } from "./operation_options.ts";
import type { ManagedPlugin } from "./plugin/plugin.ts";
import type { Signer } from "./plugin/known_plugin.ts";
import type { PluginUsage } from "./calls/call_counters.ts";
import type { PluginState } from "./events/plugin_state.ts";

/**
 * Calls and observes one plugin; stays valid across reloads.
 *
 * @category Host
 */
export class PluginHandle<M extends AnyPluginModule = AnyPluginModule> implements AsyncDisposable {
  #plugin: ManagedPlugin;
  #host: HandleHost;

  /** Made by the host. */
  constructor(plugin: ManagedPlugin, host: HandleHost) {
    this.#plugin = plugin;
    this.#host = host;
  }

  /** The plugin's name. */
  get name(): string {
    return this.#plugin.name;
  }

  /** The version in its manifest; `undefined` where it could not be read. */
  get version(): string | undefined {
    return this.#plugin.manifest?.version;
  }

  /** The folder that it comes from. */
  get path(): string {
    return this.#plugin.path;
  }

  /** Where it is in its life. */
  get state(): PluginState {
    return this.#plugin.state;
  }

  /** Why it was refused, or how it ended. */
  get error(): SallyportError | undefined {
    return this.#plugin.error;
  }

  /** Its verified manifest. */
  get manifest(): Manifest | undefined {
    return this.#plugin.manifest;
  }

  /** The SHA3-512 of its verified bundle, in hex. */
  get bundleHash(): string | undefined {
    return this.#plugin.bundleHash;
  }

  /** Whose trusted signatures it carries. */
  get signers(): readonly Signer[] {
    return this.#plugin.signers;
  }

  /** The id of its process, while there is one. */
  get pid(): number | undefined {
    return this.#plugin.pid;
  }

  /** The methods that it offers, while it runs. */
  get methods(): readonly string[] {
    return this.#plugin.methods;
  }

  /** How messages travel to its process and back, while there is one. */
  get lane(): "socket" | "stdio" | undefined {
    return this.#plugin.lane;
  }

  /**
   * How many bytes of large values may be under way in shared memory, in each direction; `undefined` where they
   * travel as all others do, because the host does not want it, or cannot have it.
   */
  get sharedMemory(): number | undefined {
    return this.#plugin.sharedMemory;
  }

  /** What really contains its process, layer by layer, while there is one. */
  get sandbox(): SandboxReport | undefined {
    return this.#plugin.sandbox;
  }

  /** What it may do, and why, one line each. */
  explain(): string[] {
    const { permissions } = this.#plugin;
    return permissions === undefined ? [] : explainPermissions(permissions);
  }

  /** Counts what it has done and used. */
  usage(): Promise<PluginUsage> {
    return this.#plugin.usage();
  }

  /**
   * Measures what its process uses now; a sample younger than 100 ms is given as it is.
   *
   * @returns The sample; `undefined` while it does not run.
   * @throws {SallyportError} `bad-state` when the host has no monitor.
   */
  metrics(): Promise<PluginSample | undefined> {
    return this.#host.metrics(this.name);
  }

  /**
   * Calls a method and waits for its answer.
   *
   * @param method The method's name.
   * @param args Its parameters, and options.
   * @returns What the method returned, as JSON carries it: `undefined` arrives as `null`.
   * @throws {SallyportError} `method-not-found`, `plugin-error`, `timeout`, `cancelled`, `crashed`,
   * `protocol-violation` or `bad-state`.
   */
  call<K extends MethodNames<M>>(
    method: K,
    ...args: CallArguments<M, K>
  ): Promise<CallResult<M, K>> {
    const [params, options] = args as [unknown, CallOptions?];
    return this.#plugin.request(
      "plugin/call",
      params === undefined ? { method } : { method, params },
      this.#requestOptions(method, options),
    ) as Promise<CallResult<M, K>>;
  }

  /**
   * Calls a generator method and gives its items as they come, no faster than they are taken.
   *
   * @param method The method's name.
   * @param args Its parameters, and options.
   * @returns The items; leaving the loop cancels the call.
   */
  stream<K extends MethodNames<M>>(
    method: K,
    ...args: CallArguments<M, K>
  ): AsyncGenerator<StreamItem<M, K>> {
    const [params, options] = args as [unknown, CallOptions?];
    return this.#plugin.stream(
      "plugin/call",
      params === undefined ? { method } : { method, params },
      this.#requestOptions(method, options),
    ) as AsyncGenerator<StreamItem<M, K>>;
  }

  /** Verifies the bundle again and replaces the running process by one of the new bundle. */
  async reload(options: ReloadOptions = {}): Promise<void> {
    await this.#host.reload(this.name, options);
  }

  /** Returns to the version that ran before, as `host.rollback` does. */
  async rollback(options: ReloadOptions = {}): Promise<void> {
    await this.#host.rollback(this.name, options);
  }

  /** Finishes the calls in flight and stops the process. */
  async unload(): Promise<void> {
    await this.#host.unload(this.name);
  }

  /** Unloads the plugin; one that is not loaded is left as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#host.plugin(this.name)?.path === this.path) await this.#host.unload(this.name);
  }

  #requestOptions(method: string, options: CallOptions = {}): RequestOptions {
    if (typeof method !== "string") throw new TypeError("Cannot call: the method is not a string");
    const { timeoutMs, traceparent, signal, onProgress } = options;
    const label = `"${this.name}.${method}"`;
    checkSignal(signal, `call ${label}`);
    checkCallback(onProgress, `call ${label}`, "onProgress");
    if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0)) {
      throw new RangeError(
        `Cannot call ${label}: timeoutMs must be a number above 0, ` +
          `Infinity for the plugin's callTimeoutMs, is ${String(timeoutMs)}`,
      );
    }
    return {
      signal,
      onProgress: onProgress &&
        ((value) =>
          runCallback(this.#host.logger, `The onProgress of ${label}`, () => onProgress(value))),
      label,
      timeoutMs,
      meta: traceparent === undefined ? undefined : { traceparent },
    };
  }
}

/** What a handle needs of its host. */
export interface HandleHost {
  /** Takes what callbacks of the application throw. */
  readonly logger: Logger;
  /** Unloads a plugin. */
  unload(name: string): Promise<void>;
  /** Measures a plugin. */
  metrics(name: string): Promise<PluginSample | undefined>;
  /** Reloads a plugin. */
  reload(name: string, options: ReloadOptions): Promise<unknown>;
  /** Returns to the version of a plugin that ran before. */
  rollback(name: string, options: ReloadOptions): Promise<unknown>;
  /** Gets a plugin. */
  plugin(name: string): { readonly path: string } | undefined;
}
