/**
 * One plugin in the host's hands: its state, and the steps from one state to the next, one at a time.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { Manifest } from "../bundle/manifest.ts";
import type { ResolvedPermissions } from "../permissions/resolve.ts";
import type { RequestOptions } from "../rpc/options.ts";
import type { SandboxReport } from "../sandbox/launcher.ts";
import type { VerifiedPlugin } from "../trust/verify.ts";
import { Denials } from "./denials.ts";
import type { HostParts } from "./host_parts.ts";
import type { InstanceEnd, PluginInstance } from "./instance.ts";
import type { PreparedPlugin } from "./loader.ts";
import { registerHooks } from "./plugin_hooks.ts";
import { isTrustRefusal, reasonOf, reasonOrFailure, revokedError } from "./revocation.ts";
import { failureEvents, loadFailure, notRunningError } from "./plugin_errors.ts";
import type { PluginUsage, Signer, Violation } from "./plugin_facts.ts";
import { PluginProcesses } from "./plugin_processes.ts";
import { PluginTally } from "./plugin_tally.ts";
import type { RegistryEntry } from "./registry.ts";
import { StepQueue } from "./step_queue.ts";
import type { PluginState } from "./state.ts";

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
  #ended: Promise<void> = Promise.resolve();
  #denials: Denials;
  #processes: PluginProcesses;
  #tally = new PluginTally();

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
    this.#processes = new PluginProcesses(parts, this.#denials);
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

  /** What it did against the protocol, the latest hundred. */
  get violations(): Violation[] {
    return this.#tally.violations;
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
  async park(prepared: PreparedPlugin): Promise<void> {
    const { trust } = this.#parts;
    try {
      while (!trust.isCurrent(prepared.verified)) await trust.confirm(prepared.verified);
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
    const wasParked = prepared === this.#prepared;
    this.#move("starting");
    try {
      // it may have waited long, and then even an expiry counts
      if (wasParked) await this.#parts.trust.confirm(prepared.verified);
      const instance = await this.#processes.launch(prepared, signal);
      await this.#admit(instance, prepared, "loaded");
    } catch (failure) {
      const error = reasonOrFailure(signal, failure);
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
    try {
      const instance = await this.#processes.launch(prepared, signal, old);
      await this.#admit(instance, prepared, "reloaded");
    } catch (failure) {
      // the running one serves on, with its own hooks
      if (old !== undefined && oldPrepared !== undefined && this.#instance === old) {
        this.#registerHooks(oldPrepared, old);
      }
      throw reasonOrFailure(signal, failure);
    }
    if (old !== undefined) await this.#processes.retire(old);
  }

  /** Finishes the calls in flight, stops the process and lets go of everything. */
  async unload(reason: string): Promise<void> {
    const instance = this.#instance;
    this.#parts.hooks.removePlugin(this.name);
    if (instance !== undefined) {
      this.#move("draining");
      await this.#processes.retire(instance);
      if (this.#instance !== instance) return; // it was revoked meanwhile, and that was told
      await this.#tally.keep(instance);
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

  /**
   * Judges what runs, is being started or waits for its first use by what is trusted now, and takes
   * down at once what is not any more: calls are not waited for, but settled with `revoked`.
   */
  async enforceTrust(): Promise<void> {
    const parked = this.#prepared;
    const refused = await this.#processes.judge(parked === undefined ? [] : [parked]);
    if (refused.size === 0) return;
    // judging took a moment: what counts is what it is by now
    const refusalOf = (prepared: PreparedPlugin | undefined) => prepared && refused.get(prepared);
    const start = refusalOf(this.#processes.starting);
    if (start !== undefined) this.steps.cancelLoad(start);
    const killed = this.#processes.killRefused(refused);
    const refusal = refusalOf(this.#running) ?? refusalOf(this.#prepared);
    if (refusal !== undefined) await this.#revoke(refusal, killed);
    await killed;
  }

  async #revoke(refusal: SallyportError, killed: Promise<void>): Promise<void> {
    const instance = this.#instance;
    this.#instance = undefined;
    this.#running = undefined;
    this.#prepared = undefined;
    this.#parts.hooks.removePlugin(this.name);
    this.error = refusal;
    this.#move("untrusted");
    const reason = reasonOf(refusal);
    const { name } = this;
    this.#logger.error(`Plugin "${name}" is unloaded: ${reason}`, {
      plugin: name,
      code: refusal.code,
    });
    await killed;
    if (instance !== undefined) await this.#tally.keep(instance);
    await this.#parts.services.release(name);
    this.#parts.hub.emit({ type: "unloaded", plugin: name, reason, refusal });
  }

  /** Notes that the plugin could not be loaded. */
  fail(error: unknown): void {
    const reason = this.error = loadFailure(this.name, error);
    this.#move(isTrustRefusal(reason) ? "untrusted" : "failed");
    for (const event of failureEvents(this, reason)) this.#parts.hub.emit(event);
  }

  /** Sends a request to the running process, starting it first where it was loaded lazily. */
  async request(method: string, params: unknown, options?: RequestOptions): Promise<unknown> {
    const instance = this.#ready() ?? await this.#wake();
    this.#tally.calls++;
    try {
      return await instance.request(method, params, options);
    } catch (error) {
      this.#tally.failures++;
      throw await this.#explain(instance, error, options?.signal);
    }
  }

  /** Streams from the running process, starting it first where it was loaded lazily. */
  async *stream(
    method: string,
    params: unknown,
    options?: RequestOptions,
  ): AsyncGenerator<unknown> {
    const instance = this.#ready() ?? await this.#wake();
    this.#tally.calls++;
    try {
      yield* instance.stream(method, params, options);
    } catch (error) {
      this.#tally.failures++;
      throw await this.#explain(instance, error, options?.signal);
    }
  }

  /** Counts what it has done and used. */
  usage(): Promise<PluginUsage> {
    return this.#tally.usage(this.#instance);
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
    throw notRunningError(this.name, this.#state, this.error);
  }

  /**
   * Takes a started process into service if its bundle is trusted still. Between the last look at
   * that and the plugin's place among those that are judged when it changes, nothing else runs.
   */
  async #admit(
    instance: PluginInstance,
    prepared: PreparedPlugin,
    type: "loaded" | "reloaded",
  ): Promise<void> {
    const { trust, hub } = this.#parts;
    try {
      while (!trust.isCurrent(prepared.verified)) await trust.confirm(prepared.verified);
      this.#registerHooks(prepared, instance);
    } catch (error) {
      await instance.kill();
      throw error;
    }
    this.describe(prepared.verified);
    this.permissions = prepared.permissions;
    this.#adopt(instance, prepared);
    hub.emit({ type, ...this.#identity(instance) });
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

  async #onEnd(instance: PluginInstance, end: InstanceEnd): Promise<void> {
    if (this.#instance !== instance || end.error === undefined) return;
    await this.#tally.keep(instance);
    if (this.#instance !== instance) return;
    this.#instance = undefined;
    this.#running = undefined;
    this.#parts.hooks.removePlugin(this.name);
    const type = end.error.code === "crashed" ? "crashed" : "violation";
    if (type === "violation") this.#tally.record(end.error);
    this.error = end.error;
    this.#move("failed");
    this.#logger.error(end.error.message, { plugin: this.name, code: end.error.code });
    this.#parts.hub.emit({ type, plugin: this.name, error: end.error });
    this.#parts.services.release(this.name).catch((error) => {
      this.#logger.error(`Cannot clean up after plugin "${this.name}"`, { error: String(error) });
    });
  }

  async #explain(
    instance: PluginInstance,
    error: unknown,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    if (!(error instanceof SallyportError)) return error;
    const refusal = this.#processes.refusalOf(instance);
    if (refusal !== undefined && !signal?.aborted) return revokedError(this.name, refusal);
    if (error.code === "crashed" || error.code === "protocol-violation" || instance.hasExited) {
      // who sees the call fail finds the plugin failed, too, and may load it again at once; and the
      // end of the process tells more than the broken frame that led to it
      const end = await instance.ended;
      if (this.#instance === instance) await this.#ended;
      return end.error ?? error;
    }
    return error.code === "plugin-error" ? this.#denials.explain(error) : error;
  }
}
