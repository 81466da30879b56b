// The plugin host: the facade that wires loader, registry, hooks and services.
import { SallyportError } from "../errors.ts";
import { checkSignal } from "../guard.ts";
import { asOwn } from "../io/system_error.ts";
import type { HookRegistry } from "../hooks/registry.ts";
import type { PluginContext } from "../services/context.ts";
import type { AnyPluginModule } from "../plugin/types.ts";
import type { WatchOptions } from "./folders/bundle_watch.ts";
import type { HostEvent } from "./events/events.ts";
import { openParts } from "./host_opening.ts";
import { endHost, type WiredHost, wireHost } from "./assemble.ts";
import type { LoadOptions, ReloadOptions, UnloadOptions } from "./operation_options.ts";
import { requireMonitor } from "./supervision/violation_errors.ts";
import type { ManagedPlugin } from "./plugin/plugin.ts";
import type { PluginSample } from "../monitor/samples/sample.ts";
import type { MonitorEvent } from "../monitor/samples/watch.ts";
import type { Violation } from "../monitor/violations/violations.ts";
import { toPath } from "./settings/config_files.ts";
import { parseHostOptions } from "./settings/host_options.ts";
import type { PluginHostOptions } from "./settings/plugin_host_options.ts";
import { PluginHandle } from "./plugin_handle.ts";
import type { PluginState } from "./events/plugin_state.ts";

/**
 * Loads plugins that it does not trust: verified, with the least permissions, each in a process of
 * its own.
 *
 * @category Host
 * @example
 * ```ts
 * import { PluginHost } from "@sallyport/host";
 *
 * await using host = await PluginHost.open({ isolation: "plain" });
 * console.log(host.counts().total); // 0
 * ```
 */
export class PluginHost implements AsyncDisposable {
  /** Runs hooks across plugins, and takes the application's own handlers. */
  readonly hooks: HookRegistry;
  /** The services that plugins reach through their context. */
  readonly services: PluginContext;
  #parts: WiredHost;
  #handles = new WeakMap<ManagedPlugin, PluginHandle>();
  #closing: Promise<void> | undefined;

  private constructor(parts: WiredHost) {
    this.#parts = parts;
    this.hooks = parts.hooks;
    this.services = parts.services;
  }

  /**
   * Opens a host.
   *
   * @param options Keys or a trust list, policy, folder, isolation.
   * @returns The host; dispose it to stop every plugin and remove every temporary file.
   * @throws {SallyportError} `bad-config` when an option cannot be used, or the trust list or the audit
   * log cannot be opened; `rollback` when a host on this folder has seen a later revision of the list;
   * `signature-invalid` when its root did not sign it.
   * @throws {TypeError} when an option is unknown.
   */
  static async open(options: PluginHostOptions = {}): Promise<PluginHost> {
    return await asOwn("open the host", async () => {
      const settings = await parseHostOptions(options);
      await using undo = new AsyncDisposableStack();
      const parts = wireHost(settings, await openParts(settings, undo));
      undo.use(parts.supervisor);
      undo.use(parts.follower);
      await parts.starter.sweep();
      undo.move();
      return new PluginHost(parts);
    });
  }

  /** The host's folder. */
  get dataDir(): string {
    return this.#parts.data.root;
  }

  /**
   * Looks at every folder in a folder, verifies it and registers it; starts nothing.
   *
   * @param dir The folder of bundles.
   * @param options A signal to give up.
   * @returns Every bundle found: `available`, or `untrusted` or `failed` with the error.
   * @throws {SallyportError} `bad-config` when the folder cannot be read.
   */
  async discover(
    dir: string | URL,
    options: { signal?: AbortSignal } = {},
  ): Promise<PluginHandle[]> {
    const { signal } = options;
    checkSignal(signal, "discover plugins");
    const discover = () => this.#parts.lifecycle.discover(dir, signal);
    const found = await asOwn("discover plugins", discover, signal);
    return found.map((plugin) => this.#handle(plugin));
  }

  /**
   * Loads a plugin from a folder: verifies, registers, loads what it depends on, starts it.
   *
   * @param dir The bundle.
   * @param options Whether to start lazily, and a signal to give up.
   * @returns The plugin, typed by the module type given.
   * @throws {SallyportError} with the code of what was wrong.
   */
  async load<M extends AnyPluginModule = AnyPluginModule>(
    dir: string | URL,
    options: LoadOptions = {},
  ): Promise<PluginHandle<M>> {
    const { signal } = options;
    checkSignal(signal, "load a plugin");
    const load = () => this.#parts.lifecycle.load(dir, options);
    return this.#handle(await asOwn("load a plugin", load, signal)) as unknown as PluginHandle<M>;
  }

  /**
   * Loads a registered plugin by name.
   *
   * @param name The name in its manifest.
   * @param options Whether to start lazily, and a signal to give up.
   * @returns The plugin, typed by the module type given.
   * @throws {SallyportError} `bad-state` when no such plugin is registered or it is loaded already, and
   * as `load` does.
   */
  async loadByName<M extends AnyPluginModule = AnyPluginModule>(
    name: string,
    options: LoadOptions = {},
  ): Promise<PluginHandle<M>> {
    const action = `load plugin "${name}"`;
    checkSignal(options.signal, action);
    const load = () => this.#parts.lifecycle.loadByName(name, options);
    return this.#handle(await asOwn(action, load, options.signal)) as unknown as PluginHandle<M>;
  }

  /**
   * Verifies a plugin's bundle again and puts a process of what is there now in the place of the
   * running one, without a call being lost: it is started beside it, asked whether it is healthy, given
   * the state where both versions want that, and takes over in one step. Then the old process finishes
   * its calls and streams, for at most `drainMs`, and is stopped.
   *
   * @param name The plugin.
   * @param options A signal to give up.
   * @returns The plugin, when the old process is gone.
   * @throws {SallyportError} with the code of what was wrong; the running process then serves on, and
   * the event `reload-failed` tells the same.
   */
  async reload(name: string, options: ReloadOptions = {}): Promise<PluginHandle> {
    const action = `reload plugin "${name}"`;
    checkSignal(options.signal, action);
    const reload = () => this.#parts.lifecycle.reload(name, options);
    return this.#handle(await asOwn(action, reload, options.signal));
  }

  /**
   * Returns to the version of a plugin that ran before the present one, whatever is in its folder now:
   * from the host's own copy, verified again by what is trusted today, as a reload. A second time it
   * returns to the one that was left. What the host remembers against lower versions does not hold
   * here, nor is consent asked for again: it ran here before.
   *
   * @param name The plugin: running, or failed.
   * @param options A signal to give up.
   * @returns The plugin.
   * @throws {SallyportError} `bad-state` when no other version ran since the host was opened, and as
   * `reload` does.
   */
  async rollback(name: string, options: ReloadOptions = {}): Promise<PluginHandle> {
    const action = `roll back plugin "${name}"`;
    checkSignal(options.signal, action);
    const rollback = () => this.#parts.lifecycle.rollback(name, options);
    return this.#handle(await asOwn(action, rollback, options.signal));
  }

  /**
   * Watches a folder of bundles. A bundle that has changed and rests is verified again; where a plugin
   * runs from it, that is reloaded. What is refused is told as `reload-failed`, once for each content.
   *
   * @param dir The folder of bundles, as for `discover`.
   * @param options Times, what becomes of new bundles, a signal to end it.
   * @returns The watch; disposing it, the signal or closing the host ends it. It keeps no process alive.
   * @throws {SallyportError} `bad-config` when the folder cannot be read, `limit-exceeded` when the host
   * watches 16 folders, `bad-state` when it is closed.
   */
  async watch(dir: string | URL, options: WatchOptions = {}): Promise<AsyncDisposable> {
    const open = () => this.#parts.lifecycle.watch(toPath(dir), options);
    checkSignal(options.signal, "watch a folder");
    return await asOwn("watch a folder", () => this.#parts.watches.add(open, options.signal));
  }

  /**
   * Unloads a plugin: finishes its calls, stops its process, removes its hooks.
   *
   * @param name The plugin; one that is not loaded is left as it is.
   * @param options Whether to unload its dependents too.
   * @throws {SallyportError} `bad-state` when another loaded plugin depends on it, or it is unknown.
   */
  async unload(name: string, options: UnloadOptions = {}): Promise<void> {
    this.#parts.supervisor.cancelRestart(name);
    const unload = () => this.#parts.lifecycle.unload(name, options);
    await asOwn(`unload plugin "${name}"`, unload);
  }

  /** Unloads every plugin, dependents before what they depend on. */
  async unloadAll(reason = "asked to"): Promise<void> {
    this.#parts.supervisor.cancelRestarts();
    await asOwn("unload the plugins", () => this.#parts.lifecycle.unloadAll(reason));
  }

  /**
   * Lists plugins by name.
   *
   * @param query Only those in this state, or one of these.
   * @returns The plugins; refused ones too, with their `error`.
   */
  plugins(query: { state?: PluginState | readonly PluginState[] } = {}): PluginHandle[] {
    return this.#parts.lifecycle.registry.query(query).map((plugin) => this.#handle(plugin));
  }

  /**
   * Gets a plugin by name.
   *
   * @param name The name in its manifest.
   * @returns The plugin, or `undefined`.
   */
  plugin<M extends AnyPluginModule = AnyPluginModule>(name: string): PluginHandle<M> | undefined {
    const plugin = this.#parts.lifecycle.registry.get(name);
    return plugin && this.#handle(plugin) as unknown as PluginHandle<M>;
  }

  /** Counts plugins by state. */
  counts(): Record<PluginState | "total", number> {
    return this.#parts.lifecycle.registry.counts();
  }

  /**
   * Lists what a plugin did against its limits, its permissions or the protocol, the latest hundred.
   *
   * @param name The plugin.
   * @throws {SallyportError} `bad-state` when no such plugin is registered.
   */
  violations(name: string): readonly Violation[] {
    return this.#parts.supervisor.violations(this.#parts.lifecycle.find(name));
  }

  /**
   * Forgets a plugin's violations and crashes: they count no more, and it is not throttled any longer.
   *
   * @param name The plugin.
   * @throws {SallyportError} `bad-state` when no such plugin is registered.
   */
  resetViolations(name: string): void {
    this.#parts.supervisor.reset(this.#parts.lifecycle.find(name));
  }

  /**
   * Measures what a plugin's process uses now; a sample younger than 100 ms is given as it is.
   *
   * @param name The plugin.
   * @returns The sample; `undefined` while it does not run.
   * @throws {SallyportError} `bad-state` when no such plugin is registered, or the host was opened with
   * `monitor: false`.
   */
  async metrics(name: string): Promise<PluginSample | undefined> {
    this.#parts.lifecycle.find(name);
    const monitor = requireMonitor(this.#parts.supervisor);
    return await asOwn(`measure plugin "${name}"`, () => monitor.measure(name));
  }

  /**
   * Follows the samples of all plugins from now on, each a `{ type: "sample", sample }`. Who is too slow
   * loses the oldest and is told how many: `{ type: "lagged", dropped }`.
   *
   * @param options A signal that ends the iteration, or one plugin alone.
   * @returns The samples, until the host is closed.
   * @throws {SallyportError} `bad-state` when the host was opened with `monitor: false`.
   */
  samples(
    options: { signal?: AbortSignal; plugin?: string; maxQueued?: number } = {},
  ): AsyncIterableIterator<MonitorEvent> {
    checkSignal(options.signal, "follow samples");
    return requireMonitor(this.#parts.supervisor).watch(options);
  }

  /**
   * Lets a plugin out of quarantine: it can be loaded again.
   *
   * @param name The plugin.
   * @returns Whether it was in quarantine.
   * @throws {SallyportError} `bad-config` when the file that keeps it there cannot be removed.
   * @throws {RangeError} When it is no name of a plugin.
   */
  async releaseQuarantine(name: string): Promise<boolean> {
    await this.#parts.supervisor.written();
    const lift = () => this.#parts.quarantine.lift(name);
    const entry = await asOwn(`release plugin "${name}"`, lift);
    const plugin = this.#parts.lifecycle.registry.get(name);
    if (plugin !== undefined) this.#parts.supervisor.reset(plugin);
    plugin?.release();
    if (entry !== undefined) this.#parts.hub.emit({ type: "released", plugin: name });
    return entry !== undefined;
  }

  /**
   * Follows what happens from now on.
   *
   * @param options A signal that ends the iteration.
   * @returns The events, until the host is closed.
   */
  events(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<HostEvent> {
    checkSignal(options.signal, "follow events");
    return this.#parts.hub.events(options.signal);
  }

  /**
   * Reads the trust list now, instead of when the host notices that it has changed, which is within a
   * fraction of a second for a local file. Plugins that it refuses are down when this settles.
   *
   * @throws {SallyportError} `bad-state` when the host has no trust list; when the list cannot be used,
   * why: nothing is loaded then, and the last good revision judges what runs.
   */
  async refreshTrust(): Promise<void> {
    if (this.#parts.trust.file === undefined || this.#closing !== undefined) {
      const why = this.#closing === undefined ? "the host has none" : "the host is closed";
      throw new SallyportError("bad-state", `Cannot read the trust list: ${why}`, {
        hint: "Pass the option trustList to PluginHost.open",
      });
    }
    await asOwn("read the trust list", () => this.#parts.follower.refresh());
    if (this.#parts.trust.problem !== undefined) throw this.#parts.trust.problem;
  }

  /** Waits until the processes of the {@linkcode PluginHostOptions.pool | pool} wait for a plugin. */
  async filled(): Promise<void> {
    await asOwn("fill the pool", () => this.#parts.starter.filled());
  }

  /**
   * Unloads everything, ends helper processes, and removes temporary files; repeatable.
   *
   * @throws {SallyportError} `bad-config` when files cannot be removed; all else has ended then, and the
   * next host on the folder removes them.
   */
  close(): Promise<void> {
    return this.#closing ??= asOwn("remove every file of the host", () => endHost(this.#parts));
  }

  /** Closes the host. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #handle(plugin: ManagedPlugin): PluginHandle {
    let handle = this.#handles.get(plugin);
    if (handle === undefined) {
      handle = new PluginHandle(plugin, {
        logger: this.#parts.logger,
        unload: (name) => this.unload(name),
        metrics: (name) => this.metrics(name),
        reload: (name, options) => this.reload(name, options),
        rollback: (name, options) => this.rollback(name, options),
        plugin: (name) => this.#parts.lifecycle.registry.get(name),
      });
      this.#handles.set(plugin, handle);
    }
    return handle;
  }
}
