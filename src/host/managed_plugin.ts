/**
 * One plugin in the host's hands: its state, and the steps from one state to the next, one at a time.
 *
 * @module
 */
import { escapeText, SallyportError, type SallyportErrorCode } from "../errors.ts";
import type { HookRegistry } from "../hooks/registry.ts";
import type { Logger } from "../log.ts";
import type { Manifest } from "../bundle/manifest.ts";
import type { ResolvedPermissions } from "../permissions/resolve.ts";
import { settledWithin } from "../process/stop.ts";
import type { RequestOptions } from "../rpc/options.ts";
import type { SandboxReport } from "../sandbox/launcher.ts";
import type { ServiceCaller } from "../services/caller.ts";
import type { PluginContext } from "../services/context.ts";
import type { VerifiedPlugin } from "../trust/verify.ts";
import type { EventHub } from "./events.ts";
import type { InstanceEnd, InstanceEvents, PluginInstance } from "./instance.ts";
import type { PluginLoader, PreparedPlugin } from "./loader.ts";
import type { HostSettings } from "./options.ts";
import type { RegistryEntry } from "./registry.ts";
import type { PluginState } from "./state.ts";

/** What a plugin needs of its host. */
export interface HostParts {
  /** The settings. */
  readonly settings: HostSettings;
  /** Verifies and starts. */
  readonly loader: PluginLoader;
  /** Events of the host. */
  readonly hub: EventHub;
  /** Hooks. */
  readonly hooks: HookRegistry;
  /** Services. */
  readonly services: PluginContext;
}

/** Says who signed a bundle. */
export interface Signer {
  /** The key id. */
  readonly keyId: string;
  /** The name that the operator gave the key. */
  readonly name?: string;
}

/** Tells of one breach of the protocol or of a limit. */
export interface Violation {
  /** When it happened, in RFC 3339. */
  readonly time: string;
  /** What kind: the code of the error that ended the plugin. */
  readonly code: SallyportErrorCode;
  /** What the plugin did. */
  readonly message: string;
}

/** Counts what a plugin has done and used since the host knows it. */
export interface PluginUsage {
  /** Calls and streams begun. */
  readonly calls: number;
  /** Calls and streams that failed. */
  readonly failures: number;
  /** Bytes sent to the running process. */
  readonly bytesSent: number;
  /** Bytes that came from it. */
  readonly bytesReceived: number;
  /** The most memory the process held at once, in bytes; `undefined` where the host may not read it. */
  readonly peakMemoryBytes: number | undefined;
  /** The processor time it used, in milliseconds; `undefined` where the host may not read it. */
  readonly cpuTimeMs: number | undefined;
}

const MAX_VIOLATIONS = 100;
const MAX_DENIALS = 32;

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
  #loading: AbortController | undefined;
  #queued = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #calls = 0;
  #failures = 0;
  #denials: SallyportError[] = [];
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
  describe(verified: VerifiedPlugin): void {
    this.manifest = verified.manifest;
    this.bundleHash = verified.bundleHash;
    this.signers = verified.signers;
  }

  /** Whether it is loaded, or a step of its life is under way. */
  get isTaken(): boolean {
    return this.#queued > 0 || this.isLazy || this.#state === "active" ||
      this.#state === "starting" || this.#state === "draining";
  }

  /** Runs a step when every earlier one has ended. */
  async exclusive<T>(step: () => Promise<T>): Promise<T> {
    this.#queued++;
    const result = this.#queue.then(step, step);
    this.#queue = result.catch(() => {}); // the caller has the error; the queue goes on
    try {
      return await result;
    } finally {
      this.#queued--;
    }
  }

  /** Runs what loading it consists of, as an exclusive step that `cancelLoading` ends. */
  load<T>(signal: AbortSignal | undefined, step: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.exclusive(async () => {
      const loading = this.#loading = new AbortController();
      const abort = () => loading.abort(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      try {
        if (signal?.aborted) abort();
        return await step(loading.signal);
      } finally {
        signal?.removeEventListener("abort", abort);
        this.#loading = undefined;
      }
    });
  }

  /** Ends a load that is under way; what waits behind it goes on. */
  cancelLoading(): void {
    this.#loading?.abort();
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
  async start(prepared: PreparedPlugin, recheck: boolean, signal: AbortSignal): Promise<void> {
    this.#move("starting");
    try {
      const instance = await this.#launch(prepared, recheck, signal);
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
      instance = await this.#launch(prepared, false, signal, old);
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
    await this.load(undefined, async (signal) => {
      const prepared = this.#prepared;
      if (this.#state !== "available" || prepared === undefined) return;
      await this.beforeStart(signal);
      await this.start(prepared, true, signal);
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
    recheck: boolean,
    signal: AbortSignal,
    old?: PluginInstance,
  ): Promise<PluginInstance> {
    const { loader } = this.#parts;
    const unloaded = new AbortController();
    const caller = this.#caller(prepared, unloaded.signal);
    const instance = await loader.start(prepared, this.#events(caller), { recheck, signal });
    instance.ended.then(() => unloaded.abort());
    try {
      checkHooks(this.name, instance, prepared);
      if (old !== undefined) await handOver(old, instance);
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
    instance.ended.then((end) => this.#onEnd(instance, end));
  }

  #registerHooks(prepared: PreparedPlugin, instance: PluginInstance | undefined): void {
    const { hooks } = this.#parts;
    hooks.removePlugin(this.name);
    const granted = new Set(prepared.permissions.hooks);
    for (const { name, priority } of prepared.verified.manifest.hooks ?? []) {
      if (!granted.has(name)) continue;
      const offered = instance?.offers.hooks.find((hook) => hook.name === name)?.priority;
      hooks.registerPlugin(this.name, name, priority ?? bandOf(offered), async (data, options) => {
        const label = `"${this.name}.hooks.${name}"`;
        const answer = await this.request("hook/run", { hook: name, data }, { ...options, label });
        return typeof answer === "object" && answer !== null && "value" in answer
          ? { value: answer.value }
          : {};
      });
    }
  }

  async #retire(instance: PluginInstance): Promise<void> {
    const { drainMs, shutdownMs, graceMs } = this.#parts.settings.times;
    if (instance.inFlight > 0) {
      const idle = instance.whenIdle();
      await settledWithin(Promise.race([idle, instance.ended]), drainMs);
    }
    await instance.stop({ shutdownMs, graceMs });
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
    await this.#parts.services.release(this.name);
  }

  /** Says of a refusal that the plugin only passed on what the host or the runtime refused, and why. */
  async #explain(instance: PluginInstance, error: unknown): Promise<unknown> {
    if (!(error instanceof SallyportError)) return error;
    // the end of the process tells more than the broken frame that led to it
    if (error.code === "protocol-violation") return (await instance.ended).error ?? error;
    if (error.code !== "plugin-error") return error;
    const { name, code, message } = error.details;
    // the plugin's word that a service was denied counts only where the host did deny one
    const denial = code === "service-denied"
      ? this.#denials.find((known) => known.message === message)
      : undefined;
    if (denial !== undefined) {
      return new SallyportError("service-denied", error.message, {
        hint: denial.hint,
        details: { ...denial.details, message },
        cause: denial,
      });
    }
    if (name !== "NotCapable") return error;
    return new SallyportError(error.code, error.message, {
      hint:
        `Declare the permission in plugin.json and grant it in plugins.${this.name}.grant of the policy`,
      details: error.details,
      cause: error,
    });
  }

  #record(error: SallyportError): void {
    const { code, message } = error;
    this.violations.push({ time: new Date().toISOString(), code, message });
    if (this.violations.length > MAX_VIOLATIONS) this.violations.shift();
  }

  #caller(prepared: PreparedPlugin, signal: AbortSignal): ServiceCaller {
    const { manifest } = prepared.verified;
    return {
      plugin: manifest.name,
      version: manifest.version,
      requested: manifest.context ?? [],
      context: prepared.permissions.context,
      limits: prepared.permissions.limits,
      signal,
    };
  }

  #events(caller: ServiceCaller): InstanceEvents {
    const { services, hub } = this.#parts;
    const logger = this.#logger;
    const plugin = caller.plugin;
    const denials = this.#denials;
    return {
      async contextCall(key, method, args, signal) {
        try {
          return await services.call(caller, key, method, args, { signal });
        } catch (error) {
          if (error instanceof SallyportError && error.code === "service-denied") {
            hub.emit({ type: "denied", plugin, error });
            denials.push(error);
            if (denials.length > MAX_DENIALS) denials.shift();
          }
          throw error;
        }
      },
      emitted(event, data) {
        hub.emit({ type: "emitted", plugin, event, data });
      },
      log(level, message, fields) {
        const write = level === "debug" || level === "warn" || level === "error" ? level : "info";
        logger[write](escapeText(message), { ...fields, plugin, source: "log" });
      },
      stderr(line) {
        logger.info(line, { plugin, source: "stderr" });
      },
    };
  }
}

/** Keeps what a module says of its own priority out of the host's band. */
function bandOf(priority: number | undefined): number {
  return priority === undefined ? 200 : Math.min(Math.max(priority, 100), 9_999);
}

function checkHooks(name: string, instance: PluginInstance, prepared: PreparedPlugin): void {
  const offered = new Set(instance.offers.hooks.map((hook) => hook.name));
  const missing = prepared.permissions.hooks.find((hook) => !offered.has(hook));
  if (missing === undefined) return;
  throw new SallyportError(
    "launch-failed",
    `Cannot start plugin "${name}": plugin.json declares the hook "${missing}", but its module does not handle it`,
    { hint: "Add the handler to `hooks`, or remove the hook from plugin.json" },
  );
}

/** Gives the state of the running instance to the one that takes its place, where both want that. */
async function handOver(old: PluginInstance, next: PluginInstance): Promise<void> {
  if (!old.offers.snapshot || !next.offers.snapshot) return;
  const answer = await old.request("state/snapshot", {});
  const state = typeof answer === "object" && answer !== null && "state" in answer
    ? answer.state
    : null;
  await next.request("state/restore", { state });
}
