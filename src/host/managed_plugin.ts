/**
 * One plugin in the host's hands: its state, and the steps from one state to the next, one at a time.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Manifest } from "../bundle/manifest.ts";
import type { ResolvedPermissions } from "../permissions/resolve.ts";
import { settledWithin } from "../process/stop.ts";
import type { RequestOptions } from "../rpc/options.ts";
import type { SandboxReport } from "../sandbox/launcher.ts";
import type { VerifiedPlugin } from "../trust/verify.ts";
import { Denials } from "./denials.ts";
import type { HostParts } from "./host_parts.ts";
import type { InstanceEnd, PluginInstance } from "./instance.ts";
import { instanceEvents } from "./instance_events.ts";
import type { PreparedPlugin } from "./loader.ts";
import { checkHooks, registerHooks } from "./plugin_hooks.ts";
import type { PluginUsage, Signer, Violation } from "./plugin_facts.ts";
import type { RegistryEntry } from "./registry.ts";
import { StepQueue } from "./step_queue.ts";
import type { PluginState } from "./state.ts";

const MAX_VIOLATIONS = 100;

/** Manages one plugin. */
export class ManagedPlugin implements RegistryEntry {
  /** The name in the manifest, or the folder's. */
  readonly name: string;
  /** The folder it comes from. */
  readonly path: string;
  /** Why it was refused or how it ended. */
  error: SallyportError | undefined;
  /** What its manifest says, once verified. */
  manifest: Manifest | undefined;
  /** The hash of the bundle, once verified. */
  bundleHash: string | undefined;
  /** Who signed it, once verified. */
  signers: readonly Signer[] = [];
  /** What it may do, once that is settled. */
  permissions: ResolvedPermissions | undefined;
  /** What it did against the protocol, the latest hundred. */
  readonly violations: Violation[] = [];
  /** The steps of its life, one at a time. */
  readonly steps: StepQueue = new StepQueue();
  /** What it needs before its first start, for plugins loaded lazily. */
  beforeStart: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  #state: PluginState;
  #parts: HostParts;
  #logger: Logger;
  #instance: PluginInstance | undefined;
  /** What waits for its first use. */
  #prepared: PreparedPlugin | undefined;
  /** What the running process was started from. */
  #running: PreparedPlugin | undefined;
  #calls = 0;
  #failures = 0;
  #ended: Promise<void> = Promise.resolve();
  #denials: Denials;
  #lastUsage: PluginUsage | undefined;

  /**
   * Makes an entry for a folder.
   *
   * @param parts The host's parts.
   * @param name The name to list it under.
   * @param path The folder.
   * @param state Its first state.
   */
  constructor(parts: HostParts, name: string, path: string, state: PluginState) {
    this.#parts = parts;
    this.name = name;
    this.path = path;
    this.#state = state;
    this.#logger = parts.settings.logger;
    this.#denials = new Denials(name, (error) => {
      parts.hub.emit({ type: "denied", plugin: name, error });
    });
  }

  /** Where it is in its life. */
  get state(): PluginState {
    return this.#state;
  }

  /** What contains its process, while there is one. */
  get sandbox(): SandboxReport | undefined {
    return this.#instance?.sandbox;
  }

  /** The id of its process, while there is one. */
  get pid(): number | undefined {
    return this.#instance?.pid;
  }

  /** The methods that it offers, while it runs. */
  get methods(): readonly string[] {
    return this.#instance?.offers.methods ?? [];
  }

  /** Whether it was loaded to start on first use. */
  get isLazy(): boolean {
    return this.#prepared !== undefined && this.#state === "available";
  }

  /** Takes over what verification has shown. */
  describe({ manifest, bundleHash, signers }: VerifiedPlugin): void {
    Object.assign(this, { manifest, bundleHash, signers });
  }

  /** Whether it is loaded, or a step of its life is under way. */
  get isTaken(): boolean {
    return this.steps.isBusy || this.isLazy || this.#state === "active" ||
      this.#state === "starting" || this.#state === "draining";
  }

  /** Settles permissions and keeps the plugin ready to start on first use. */
  async prepare(verified: VerifiedPlugin): Promise<PreparedPlugin> {
    this.describe(verified);
    try {
      const prepared = await this.#parts.loader.prepare(verified);
      this.permissions = prepared.permissions;
      return prepared;
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** Keeps a prepared plugin for its first use and registers its hooks. */
  park(prepared: PreparedPlugin): void {
    try {
      this.#registerHooks(prepared, undefined);
    } catch (error) {
      this.#parts.hooks.removePlugin(this.name);
      this.fail(error);
      throw error;
    }
    this.#prepared = prepared;
    this.error = undefined;
    this.#move("available");
  }

  /** Starts a prepared plugin. */
  async start(prepared: PreparedPlugin, signal: AbortSignal): Promise<void> {
    this.#move("starting");
    try {
      const instance = await this.#launch(prepared, signal);
      this.#adopt(instance, prepared);
      this.#parts.hub.emit({ type: "loaded", ...this.#identity(instance) });
    } catch (error) {
      this.#parts.hooks.removePlugin(this.name);
      this.#prepared = undefined;
      this.fail(error);
      throw error;
    }
  }

  /** Starts a newer bundle beside the running one, then takes its place. */
  async replace(prepared: PreparedPlugin, signal: AbortSignal): Promise<void> {
    const old = this.#instance;
    const oldPrepared = this.#running;
    let instance: PluginInstance;
    try {
      instance = await this.#launch(prepared, signal, old);
    } catch (error) {
      // the running one serves on, with its own hooks
      if (old !== undefined && oldPrepared !== undefined && this.#instance === old) {
        this.#registerHooks(oldPrepared, old);
      }
      throw error;
    }
    this.describe(prepared.verified);
    this.permissions = prepared.permissions;
    this.#adopt(instance, prepared);
    this.#parts.hub.emit({ type: "reloaded", ...this.#identity(instance) });
    if (old !== undefined) await this.#retire(old);
  }

  /** Finishes the calls in flight, stops the process and lets go of everything. */
  async unload(reason: string): Promise<void> {
    const instance = this.#instance;
    this.#parts.hooks.removePlugin(this.name);
    if (instance !== undefined) {
      this.#move("draining");
      await this.#retire(instance);
      this.#lastUsage = await this.#usageOf(instance);
      this.#instance = undefined;
      this.#running = undefined;
    }
    const wasLoaded = instance !== undefined || this.#prepared !== undefined;
    this.#prepared = undefined;
    await this.#parts.services.release(this.name);
    if (!wasLoaded) return;
    this.#move("inactive");
    this.#parts.hub.emit({ type: "unloaded", plugin: this.name, reason });
  }

  /** Notes that the plugin could not be loaded. */
  fail(error: unknown): void {
    const reason = error instanceof SallyportError
      ? error
      : new SallyportError("launch-failed", `Cannot load plugin "${this.name}": ${error}`, {
        cause: error,
      });
    this.error = reason;
    this.#move("failed");
    if (reason.code === "permission-denied") {
      this.#parts.hub.emit({ type: "denied", plugin: this.name, error: reason });
    }
    this.#parts.hub.emit({ type: "failed", plugin: this.name, path: this.path, error: reason });
  }

  /** Sends a request to the running process, starting it first where it was loaded lazily. */
  async request(method: string, params: unknown, options?: RequestOptions): Promise<unknown> {
    const instance = this.#ready() ?? await this.#wake();
    this.#calls++;
    try {
      return await instance.request(method, params, options);
    } catch (error) {
      this.#failures++;
      throw await this.#explain(instance, error);
    }
  }

  /** Streams from the running process, starting it first where it was loaded lazily. */
  async *stream(
    method: string,
    params: unknown,
    options?: RequestOptions,
  ): AsyncGenerator<unknown> {
    const instance = this.#ready() ?? await this.#wake();
    this.#calls++;
    try {
      yield* instance.stream(method, params, options);
    } catch (error) {
      this.#failures++;
      throw await this.#explain(instance, error);
    }
  }

  /** Counts what it has done and used. */
  async usage(): Promise<PluginUsage> {
    const instance = this.#instance;
    if (instance !== undefined) return await this.#usageOf(instance);
    return {
      bytesSent: 0,
      bytesReceived: 0,
      peakMemoryBytes: undefined,
      cpuTimeMs: undefined,
      ...this.#lastUsage,
      calls: this.#calls,
      failures: this.#failures,
    };
  }

  async #usageOf(instance: PluginInstance): Promise<PluginUsage> {
    return {
      calls: this.#calls,
      failures: this.#failures,
      ...instance.traffic,
      ...await instance.usage(),
    };
  }

  #identity(instance: PluginInstance) {
    return {
      plugin: this.name,
      version: this.manifest!.version,
      bundleHash: this.bundleHash!,
      pid: instance.pid,
    };
  }

  #move(to: PluginState): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    this.#parts.hub.emit({ type: "state", plugin: this.name, from, to });
  }

  #ready(): PluginInstance | undefined {
    return this.#state === "active" ? this.#instance : undefined;
  }

  /** Starts a plugin that was loaded lazily; does nothing for any other. */
  async wake(): Promise<void> {
    if (!this.isLazy) return;
    await this.steps.load(undefined, async (signal) => {
      const prepared = this.#prepared;
      if (this.#state !== "available" || prepared === undefined) return;
      await this.beforeStart(signal);
      await this.start(prepared, signal);
    });
  }

  async #wake(): Promise<PluginInstance> {
    await this.wake();
    const instance = this.#ready();
    if (instance !== undefined) return instance;
    throw new SallyportError(
      "bad-state",
      `Cannot call plugin "${this.name}": it is ${this.#state}${
        this.error === undefined ? "" : ` (${this.error.message})`
      }`,
      {
        hint: this.#state === "untrusted"
          ? "Untrusted plugins are never started"
          : "Load it first, or reload it after a failure",
        details: { plugin: this.name, state: this.#state },
        cause: this.error,
      },
    );
  }

  async #launch(
    prepared: PreparedPlugin,
    signal: AbortSignal,
    old?: PluginInstance,
  ): Promise<PluginInstance> {
    const { loader } = this.#parts;
    const unloaded = new AbortController();
    const events = instanceEvents(this.#parts, prepared, this.#denials, unloaded.signal);
    const instance = await loader.start(prepared, events, signal);
    instance.ended.then(() => unloaded.abort());
    try {
      checkHooks(prepared, instance.offers);
      if (old !== undefined) await instance.takeOver(old);
      this.#registerHooks(prepared, instance);
      return instance;
    } catch (error) {
      await instance.kill();
      throw error;
    }
  }

  #adopt(instance: PluginInstance, prepared: PreparedPlugin): void {
    this.#instance = instance;
    this.#running = prepared;
    this.#prepared = undefined;
    this.error = undefined;
    this.#move("active");
    this.#ended = instance.ended.then((end) => this.#onEnd(instance, end));
  }

  #registerHooks(prepared: PreparedPlugin, instance: PluginInstance | undefined): void {
    registerHooks(
      this.#parts.hooks,
      prepared,
      instance?.offers,
      (method, params, options) => this.request(method, params, options),
    );
  }

  async #retire(instance: PluginInstance): Promise<void> {
    const { drainMs, shutdownMs, graceMs } = this.#parts.settings.times;
    if (instance.inFlight > 0) {
      const idle = instance.whenIdle();
      await settledWithin(Promise.race([idle, instance.ended]), drainMs);
    }
    await instance.stop({ shutdownMs, graceMs });
    await this.#parts.loader.idle(); // so that no process is left, of whatever kind
  }

  async #onEnd(instance: PluginInstance, end: InstanceEnd): Promise<void> {
    if (this.#instance !== instance || end.error === undefined) return;
    this.#lastUsage = await this.#usageOf(instance);
    if (this.#instance !== instance) return;
    this.#instance = undefined;
    this.#running = undefined;
    this.#parts.hooks.removePlugin(this.name);
    const type = end.error.code === "crashed" ? "crashed" : "violation";
    if (type === "violation") this.#record(end.error);
    this.error = end.error;
    this.#move("failed");
    this.#logger.error(end.error.message, { plugin: this.name, code: end.error.code });
    this.#parts.hub.emit({ type, plugin: this.name, error: end.error });
    this.#parts.services.release(this.name).catch((error) => {
      this.#logger.error(`Cannot clean up after plugin "${this.name}"`, { error: String(error) });
    });
  }

  async #explain(instance: PluginInstance, error: unknown): Promise<unknown> {
    if (!(error instanceof SallyportError)) return error;
    if (error.code === "crashed" || error.code === "protocol-violation" || instance.hasExited) {
      // who sees the call fail finds the plugin failed, too, and may load it again at once; and the
      // end of the process tells more than the broken frame that led to it
      const end = await instance.ended;
      if (this.#instance === instance) await this.#ended;
      return end.error ?? error;
    }
    return error.code === "plugin-error" ? this.#denials.explain(error) : error;
  }

  #record(error: SallyportError): void {
    const { code, message } = error;
    this.violations.push({ code, message, time: new Date().toISOString() });
    if (this.violations.length > MAX_VIOLATIONS) this.violations.shift();
  }
}
