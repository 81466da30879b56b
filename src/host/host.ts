/**
 * The plugin host: the facade that wires loader, registry, hooks and services.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";
import { HookRegistry } from "../hooks/registry.ts";
import { PluginContext } from "../services/context.ts";
import type { AnyPluginModule } from "../plugin/types.ts";
import { denoExecutable } from "../process/deno_command.ts";
import type { VerifiedPlugin } from "../trust/verify.ts";
import { DataDir } from "./data_dir.ts";
import { orderDependencies } from "./dependencies.ts";
import { EventHub, type HostEvent } from "./events.ts";
import { PluginLoader } from "./loader.ts";
import { type HostParts, ManagedPlugin, type Violation } from "./managed_plugin.ts";
import { type HostSettings, parseHostOptions, type PluginHostOptions, toPath } from "./options.ts";
import { PluginHandle } from "./plugin_handle.ts";
import { type PluginQuery, PluginRegistry } from "./registry.ts";
import type { PluginState } from "./state.ts";

/** Options of `load` and `loadByName`. */
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

/** Options of `unload`. */
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

const MAX_DISCOVERED = 10_000;

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
  #settings: HostSettings;
  #data: DataDir;
  #hub: EventHub;
  #loader: PluginLoader;
  #parts: HostParts;
  #registry = new PluginRegistry<ManagedPlugin>();
  #handles = new WeakMap<ManagedPlugin, PluginHandle>();
  #closing: Promise<void> | undefined;
  #abort = new AbortController();
  #operations = new Set<Promise<unknown>>();

  private constructor(settings: HostSettings, data: DataDir, executable: string) {
    this.#settings = settings;
    this.#data = data;
    const hub = this.#hub = new EventHub();
    this.#loader = new PluginLoader(settings, data, executable);
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
    this.#parts = {
      settings,
      loader: this.#loader,
      hub,
      hooks: this.hooks,
      services: this.services,
    };
  }

  /**
   * Opens a host.
   *
   * @param options Keys, policy, folder, isolation.
   * @returns The host; dispose it to stop every plugin and remove every temporary file.
   * @throws {SallyportError} `bad-config` when an option cannot be used.
   * @throws {TypeError} when an option is unknown.
   */
  static async open(options: PluginHostOptions = {}): Promise<PluginHost> {
    const settings = await parseHostOptions(options);
    const executable = denoExecutable();
    const data = await DataDir.open(settings.dataDir);
    try {
      const host = new PluginHost(settings, data, executable);
      await host.#loader.sweep();
      if (!data.temporary) await data.prime(executable); // a temporary folder is seldom loaded from twice
      return host;
    } catch (error) {
      await data[Symbol.asyncDispose]();
      throw error;
    }
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
    return await this.#operation(async () => {
      const found: PluginHandle[] = [];
      for (const path of await bundleFolders(toPath(dir))) {
        throwIfAborted(options.signal);
        throwIfAborted(this.#abort.signal);
        found.push(this.#handle(await this.#register(path, options.signal)));
      }
      return found;
    });
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
    return await this.#operation(async () => {
      const path = await realDir(dir);
      const verified = await this.#verify(path, options.signal);
      const plugin = this.#claim(path, verified);
      await this.#load(plugin, verified, options);
      return this.#handle(plugin) as unknown as PluginHandle<M>;
    });
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
    this.#assertOpen();
    const known = this.#find(name);
    if (known.state === "untrusted") throw known.error;
    return await this.load<M>(known.path, options);
  }

  /**
   * Verifies a plugin's bundle again and replaces the running process by one of what is there now.
   *
   * @param name The plugin.
   * @returns The plugin.
   * @throws {SallyportError} with the code of what was wrong; the running plugin then serves on.
   */
  async reload(name: string): Promise<PluginHandle> {
    return await this.#operation(async () => {
      const plugin = this.#find(name);
      if (!plugin.isTaken) return await this.loadByName(name);
      const verified = await this.#loader.verify(plugin.path);
      if (verified.manifest.name !== name) {
        throw new SallyportError(
          "bad-state",
          `Cannot reload plugin "${name}": its folder now holds "${verified.manifest.name}"`,
          { hint: "Unload it and load the other one by its path" },
        );
      }
      await plugin.load(undefined, async (signal) => {
        if (plugin.isLazy) {
          plugin.park(await plugin.prepare(verified));
          return;
        }
        if (plugin.state !== "active") {
          throw new SallyportError(
            "bad-state",
            `Cannot reload plugin "${name}": it is ${plugin.state} by now`,
            { hint: "Load it again", details: { plugin: name, state: plugin.state } },
          );
        }
        await this.#loadDependencies(verified, signal);
        await plugin.replace(await this.#loader.prepare(verified), signal);
      });
      return this.#handle(plugin);
    });
  }

  /**
   * Unloads a plugin: finishes its calls, stops its process, removes its hooks.
   *
   * @param name The plugin; one that is not loaded is left as it is.
   * @param options Whether to unload its dependents too.
   * @throws {SallyportError} `bad-state` when another loaded plugin depends on it, or it is unknown.
   */
  async unload(name: string, options: UnloadOptions = {}): Promise<void> {
    const plugin = this.#find(name);
    const dependents = this.#dependents(name);
    if (dependents.length > 0 && options.cascade !== true) {
      const names = dependents.map((entry) => `"${entry.name}"`).join(", ");
      throw new SallyportError(
        "bad-state",
        `Cannot unload plugin "${name}": ${names} ${
          dependents.length === 1 ? "depends" : "depend"
        } on it`,
        { hint: "Unload the dependents first, or pass { cascade: true }", details: { name } },
      );
    }
    for (const dependent of dependents) await this.unload(dependent.name, options);
    plugin.cancelLoading();
    await plugin.exclusive(() => plugin.unload(options.reason ?? "asked to"));
  }

  /** Unloads every plugin, dependents before what they depend on. */
  async unloadAll(reason = "asked to"): Promise<void> {
    const loaded = () => this.#registry.query().filter((plugin) => plugin.isTaken);
    for (let left = loaded(); left.length > 0; left = loaded()) {
      const leaves = left.filter((plugin) => this.#dependents(plugin.name).length === 0);
      await Promise.all(
        (leaves.length > 0 ? leaves : left).map((plugin) => {
          plugin.cancelLoading();
          return plugin.exclusive(() => plugin.unload(reason));
        }),
      );
    }
  }

  /**
   * Lists plugins by name.
   *
   * @param query Only those in a state.
   * @returns The plugins; refused ones too, with their `error`.
   */
  plugins(query: PluginQuery = {}): PluginHandle[] {
    return this.#registry.query(query).map((plugin) => this.#handle(plugin));
  }

  /**
   * Gets a plugin by name.
   *
   * @param name The name in its manifest.
   * @returns The plugin, or `undefined`.
   */
  plugin<M extends AnyPluginModule = AnyPluginModule>(name: string): PluginHandle<M> | undefined {
    const plugin = this.#registry.get(name);
    return plugin && this.#handle(plugin) as unknown as PluginHandle<M>;
  }

  /** Counts plugins by state. */
  counts(): Record<PluginState | "total", number> {
    return this.#registry.counts();
  }

  /**
   * Lists what a plugin did against the protocol, the latest hundred.
   *
   * @param name The plugin.
   */
  violations(name: string): readonly Violation[] {
    return [...this.#find(name).violations];
  }

  /**
   * Forgets a plugin's violations.
   *
   * @param name The plugin.
   */
  resetViolations(name: string): void {
    this.#find(name).violations.length = 0;
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
    stack.defer(() => this.#hub.close());
    stack.use(this.services);
    stack.defer(async () => {
      this.#abort.abort();
      await this.unloadAll("the host closes");
      // a load that was still reading its bundle finds the host closed and ends by itself
      await Promise.allSettled(this.#operations);
      await this.unloadAll("the host closes");
    });
  }

  /** Runs an operation that closing the host waits for. */
  async #operation<T>(act: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    const operation = act();
    this.#operations.add(operation);
    try {
      return await operation;
    } finally {
      this.#operations.delete(operation);
    }
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) {
      throw new SallyportError("bad-state", "Cannot use the host: it is closed", {
        hint: "Open another one",
      });
    }
  }

  #find(name: string): ManagedPlugin {
    const plugin = this.#registry.get(name);
    if (plugin !== undefined) return plugin;
    throw new SallyportError("bad-state", `Cannot find plugin "${name}": it is not registered`, {
      hint: "Discover its folder or load it by path first",
      details: { plugin: name },
    });
  }

  #handle(plugin: ManagedPlugin): PluginHandle {
    let handle = this.#handles.get(plugin);
    if (handle === undefined) {
      handle = new PluginHandle(plugin, {
        unload: (name) => this.unload(name),
        reload: (name) => this.reload(name),
        plugin: (name) => this.#registry.get(name),
      });
      this.#handles.set(plugin, handle);
    }
    return handle;
  }

  async #register(path: string, signal?: AbortSignal): Promise<ManagedPlugin> {
    try {
      return this.#claim(path, await this.#verify(path, signal));
    } catch (error) {
      const refused = this.#registry.refusedAt(path);
      if (refused === undefined || refused.error !== error) throw error;
      return refused;
    }
  }

  /** Verifies a folder; one that is refused is listed with the error. */
  async #verify(path: string, signal?: AbortSignal): Promise<VerifiedPlugin> {
    try {
      return await this.#loader.verify(path, signal);
    } catch (error) {
      if (error instanceof SallyportError && error.code !== "cancelled") this.#refuse(path, error);
      throw error;
    }
  }

  /** Registers a verified plugin; at once, so that no other folder gets its name in between. */
  #claim(path: string, verified: VerifiedPlugin): ManagedPlugin {
    this.#assertOpen();
    const { name } = verified.manifest;
    let plugin = this.#registry.getVerified(name);
    if (plugin !== undefined && plugin.path !== path && plugin.isTaken) {
      const error = new SallyportError(
        "bad-state",
        `Cannot load plugin "${name}" from "${path}": "${plugin.path}" has that name and is loaded`,
        { hint: "Unload the other one first", details: { plugin: name, path, other: plugin.path } },
      );
      this.#refuse(path, error);
      throw error;
    }
    if (plugin === undefined || plugin.path !== path) {
      this.#registry.forget((known) => known.path === path && !known.isTaken);
      plugin = new ManagedPlugin(this.#parts, name, path, "available");
      this.#registry.add(plugin);
    }
    this.#registry.forgetRefused(path);
    if (!plugin.isTaken) plugin.describe(verified);
    return plugin;
  }

  #refuse(path: string, error: SallyportError): ManagedPlugin {
    const { plugin: claimed } = error.details;
    const name = typeof claimed === "string" ? claimed : path.replace(/.*[/\\]/, "");
    const untrusted = UNTRUSTED.has(error.code);
    this.#registry.forget((known) => known.path === path && !known.isTaken);
    const plugin = new ManagedPlugin(this.#parts, name, path, untrusted ? "untrusted" : "failed");
    plugin.error = error;
    this.#registry.addRefused(plugin);
    this.#hub.emit({ type: untrusted ? "untrusted" : "failed", plugin: name, path, error });
    return plugin;
  }

  async #load(
    plugin: ManagedPlugin,
    verified: VerifiedPlugin,
    options: LoadOptions,
  ): Promise<void> {
    await plugin.load(options.signal, async (signal) => {
      if (plugin.state === "active" || plugin.isLazy) {
        throw new SallyportError("bad-state", `Cannot load plugin "${plugin.name}": it is loaded`, {
          hint: "Use host.plugin(name), or reload it to take up a new version",
          details: { plugin: plugin.name, state: plugin.state },
        });
      }
      if (options.lazy === true) {
        this.#assertOpen();
        this.#orderOf(verified); // a missing dependency is refused now, not at the first call
        plugin.beforeStart = (signal) => this.#loadDependencies(verified, signal);
        plugin.park(await plugin.prepare(verified));
      } else {
        await this.#startNow(plugin, verified, signal);
      }
    });
  }

  async #startNow(plugin: ManagedPlugin, verified: VerifiedPlugin, signal: AbortSignal) {
    await this.#loadDependencies(verified, signal);
    const prepared = await plugin.prepare(verified);
    this.#assertOpen();
    throwIfAborted(signal);
    await plugin.start(prepared, false, signal);
  }

  #orderOf(verified: VerifiedPlugin): string[] {
    const { name } = verified.manifest;
    return orderDependencies(name, (wanted) => {
      const manifest = wanted === name
        ? verified.manifest
        : this.#registry.getVerified(wanted)?.manifest;
      return manifest && { version: manifest.version, dependencies: manifest.dependencies ?? {} };
    });
  }

  /** Starts what a plugin depends on, in order; each is verified again from its folder. */
  async #loadDependencies(verified: VerifiedPlugin, signal: AbortSignal): Promise<void> {
    for (const name of this.#orderOf(verified).slice(0, -1)) {
      const plugin = this.#registry.getVerified(name)!;
      await plugin.wake(); // a lazy one must run before what needs it
      await plugin.load(signal, async (signal) => {
        if (plugin.state === "active") return;
        await this.#startNow(plugin, await this.#verify(plugin.path, signal), signal);
      });
    }
  }

  #dependents(name: string): ManagedPlugin[] {
    return this.#registry.query().filter((plugin) =>
      plugin.isTaken && Object.hasOwn(plugin.manifest?.dependencies ?? {}, name)
    );
  }
}

const UNTRUSTED = new Set(["untrusted", "revoked", "expired", "rollback"]);

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new SallyportError("cancelled", "The operation was cancelled", { cause: signal.reason });
}

/** Gives the one name of a folder, however it is written; the name itself where it cannot be told. */
async function realDir(dir: string | URL): Promise<string> {
  const path = toPath(dir);
  return await Deno.realPath(path).catch(() => path);
}

/** Lists the folders that hold a manifest or a signature, sorted by name. */
async function bundleFolders(dir: string): Promise<string[]> {
  const paths: string[] = [];
  try {
    const root = await Deno.realPath(dir);
    for await (const entry of Deno.readDir(root)) {
      if (!entry.isDirectory) continue;
      const path = `${root}/${entry.name}`;
      if (await isFile(`${path}/plugin.json`) || await isFile(`${path}/plugin.sig.json`)) {
        if (paths.push(path) > MAX_DISCOVERED) {
          throw new Error(`it holds more than ${MAX_DISCOVERED} bundles`);
        }
      }
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError("bad-config", `Cannot discover plugins in "${dir}": ${reason}`, {
      cause,
      hint: "Pass a folder whose subfolders are bundles, and that the host may read",
    });
  }
  return paths.sort();
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.lstat(path).then((stat) => !stat.isDirectory, () => false);
}
