/**
 * The plugin host: the facade that wires loader, registry, hooks and services.
 *
 * @module
 */
import { AuditLog } from "../audit/audit_log.ts";
import { SallyportError } from "../errors.ts";
import { HookRegistry } from "../hooks/registry.ts";
import { PluginContext } from "../services/context.ts";
import { type Launchers, openLaunchers } from "../sandbox/launchers.ts";
import type { AnyPluginModule } from "../plugin/types.ts";
import { AuditTrail } from "./audit_trail.ts";
import { DataDir } from "./data_dir.ts";
import { EventHub, type HostEvent } from "./events.ts";
import { PluginLoader } from "./loader.ts";
import { type LoadOptions, PluginLifecycle, type UnloadOptions } from "./lifecycle.ts";
import type { ManagedPlugin } from "./managed_plugin.ts";
import type { Violation } from "./plugin_facts.ts";
import { type HostSettings, parseHostOptions, type PluginHostOptions } from "./options.ts";
import { PluginHandle } from "./plugin_handle.ts";
import type { PluginQuery } from "./registry.ts";
import type { PluginState } from "./state.ts";
import { TrustFollower } from "./trust_follower.ts";
import { TrustSource } from "./trust_source.ts";

/**
 * Loads plugins that it does not trust: verified, with the least permissions, each in a process of
 * its own.
 *
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
  #data: DataDir;
  #hub: EventHub;
  #launchers: Launchers;
  #loader: PluginLoader;
  #lifecycle: PluginLifecycle;
  #trust: TrustSource;
  #follower: TrustFollower;
  #audit: AuditLog | undefined;
  #handles = new WeakMap<ManagedPlugin, PluginHandle>();
  #closing: Promise<void> | undefined;

  private constructor(settings: HostSettings, opened: Opened) {
    const { data, launchers, trust, audit } = opened;
    this.#data = data;
    this.#launchers = launchers;
    this.#trust = trust;
    this.#audit = audit;
    const hub = this.#hub = new EventHub();
    const trail = audit && new AuditTrail(audit);
    if (trail !== undefined) hub.listen((event) => trail.take(event));
    this.#loader = new PluginLoader(settings, data, launchers, { trust, trail });
    this.hooks = new HookRegistry({
      onFailure({ hook, plugin, error }) {
        hub.emit({ type: "hook-failed", plugin, hook, error });
      },
    });
    this.services = new PluginContext({
      dir: `${data.root}/services`,
      scratch: `${data.scratch}/services`,
      config: settings.config,
      logger: settings.logger,
    });
    this.#lifecycle = new PluginLifecycle({
      settings,
      trust,
      loader: this.#loader,
      hub,
      hooks: this.hooks,
      services: this.services,
    });
    this.#follower = new TrustFollower({
      trust,
      hub,
      logger: settings.logger,
      enforce: () => this.#lifecycle.enforceTrust(),
    });
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
    const settings = await parseHostOptions(options);
    await using undo = new AsyncDisposableStack();
    const data = undo.use(await DataDir.open(settings.dataDir));
    // a passphrase is made slow to try, and meanwhile the launchers are probed
    const trusting = TrustSource.open(settings, { markDir: `${data.root}/trust` });
    trusting.catch(() => {}); // it is awaited below, unless something else fails first
    const launchers = undo.use(
      await openLaunchers({
        isolation: settings.isolation,
        executable: settings.executable,
        scratchDir: data.scratch,
      }),
    );
    const { strongest } = launchers;
    if (!strongest.privateRoot && settings.isolation !== "plain") {
      settings.logger.warn("Plugins run without an operating-system sandbox", {
        missing: strongest.report().missing,
        hint: "`deno task doctor` names the remedy",
      });
    }
    const trust = await trusting;
    const audit = await openAudit(settings, data);
    if (audit !== undefined) undo.use(audit);
    const host = new PluginHost(settings, { data, launchers, trust, audit });
    undo.use(host.#follower);
    await host.#loader.sweep();
    undo.move();
    return host;
  }

  /** The host's folder. */
  get dataDir(): string {
    return this.#data.root;
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
    const found = await this.#lifecycle.discover(dir, options.signal);
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
    return this.#handle(await this.#lifecycle.load(dir, options)) as unknown as PluginHandle<M>;
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
    const plugin = await this.#lifecycle.loadByName(name, options);
    return this.#handle(plugin) as unknown as PluginHandle<M>;
  }

  /**
   * Verifies a plugin's bundle again and replaces the running process by one of what is there now.
   *
   * @param name The plugin.
   * @returns The plugin.
   * @throws {SallyportError} with the code of what was wrong; the running plugin then serves on.
   */
  async reload(name: string): Promise<PluginHandle> {
    return this.#handle(await this.#lifecycle.reload(name));
  }

  /**
   * Unloads a plugin: finishes its calls, stops its process, removes its hooks.
   *
   * @param name The plugin; one that is not loaded is left as it is.
   * @param options Whether to unload its dependents too.
   * @throws {SallyportError} `bad-state` when another loaded plugin depends on it, or it is unknown.
   */
  async unload(name: string, options: UnloadOptions = {}): Promise<void> {
    await this.#lifecycle.unload(name, options);
  }

  /** Unloads every plugin, dependents before what they depend on. */
  async unloadAll(reason = "asked to"): Promise<void> {
    await this.#lifecycle.unloadAll(reason);
  }

  /**
   * Lists plugins by name.
   *
   * @param query Only those in a state.
   * @returns The plugins; refused ones too, with their `error`.
   */
  plugins(query: PluginQuery = {}): PluginHandle[] {
    return this.#lifecycle.registry.query(query).map((plugin) => this.#handle(plugin));
  }

  /**
   * Gets a plugin by name.
   *
   * @param name The name in its manifest.
   * @returns The plugin, or `undefined`.
   */
  plugin<M extends AnyPluginModule = AnyPluginModule>(name: string): PluginHandle<M> | undefined {
    const plugin = this.#lifecycle.registry.get(name);
    return plugin && this.#handle(plugin) as unknown as PluginHandle<M>;
  }

  /** Counts plugins by state. */
  counts(): Record<PluginState | "total", number> {
    return this.#lifecycle.registry.counts();
  }

  /**
   * Lists what a plugin did against the protocol, the latest hundred.
   *
   * @param name The plugin.
   */
  violations(name: string): readonly Violation[] {
    return [...this.#lifecycle.find(name).violations];
  }

  /**
   * Forgets a plugin's violations.
   *
   * @param name The plugin.
   */
  resetViolations(name: string): void {
    this.#lifecycle.find(name).violations.length = 0;
  }

  /**
   * Follows what happens from now on.
   *
   * @param options A signal that ends the iteration.
   * @returns The events, until the host is closed.
   */
  events(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<HostEvent> {
    return this.#hub.events(options.signal);
  }

  /**
   * Reads the trust list now, instead of when the host notices that it has changed, which is within a
   * fraction of a second for a local file. Plugins that it refuses are down when this settles.
   *
   * @throws {SallyportError} `bad-state` when the host has no trust list; when the list cannot be used,
   * why: nothing is loaded then, and the last good revision judges what runs.
   */
  async refreshTrust(): Promise<void> {
    if (this.#trust.file === undefined || this.#closing !== undefined) {
      const why = this.#closing === undefined ? "the host has none" : "the host is closed";
      throw new SallyportError("bad-state", `Cannot read the trust list: ${why}`, {
        hint: "Pass the option trustList to PluginHost.open",
      });
    }
    await this.#follower.refresh();
    if (this.#trust.problem !== undefined) throw this.#trust.problem;
  }

  /** Waits until the processes of the {@linkcode PluginHostOptions.pool | pool} wait for a plugin. */
  async filled(): Promise<void> {
    await this.#loader.filled();
  }

  /** Unloads everything, ends helper processes, and removes temporary files; repeatable. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Closes the host. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await using stack = new AsyncDisposableStack();
    stack.use(this.#data);
    stack.use(this.#launchers);
    if (this.#audit !== undefined) stack.use(this.#audit);
    stack.defer(() => this.#hub.close());
    stack.use(this.#loader);
    stack.use(this.services);
    stack.defer(() => this.#lifecycle.close());
    stack.use(this.#follower);
  }

  #handle(plugin: ManagedPlugin): PluginHandle {
    let handle = this.#handles.get(plugin);
    if (handle === undefined) {
      handle = new PluginHandle(plugin, {
        unload: (name) => this.unload(name),
        reload: (name) => this.reload(name),
        plugin: (name) => this.#lifecycle.registry.get(name),
      });
      this.#handles.set(plugin, handle);
    }
    return handle;
  }
}

/** What a host is made of that is opened before it. */
interface Opened {
  readonly data: DataDir;
  readonly launchers: Launchers;
  readonly trust: TrustSource;
  readonly audit: AuditLog | undefined;
}

async function openAudit(settings: HostSettings, data: DataDir): Promise<AuditLog | undefined> {
  if (settings.audit === undefined) return undefined;
  const { dir = `${data.root}/audit`, maxFileBytes, keepFiles } = settings.audit;
  return await AuditLog.open(dir, { maxFileBytes, keepFiles, logger: settings.logger });
}
