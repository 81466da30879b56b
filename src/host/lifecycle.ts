// How plugins come, change and go: verified, registered, loaded in order, unloaded in order.
import { SallyportError } from "../errors.ts";
import type { VerifiedPlugin } from "../trust/verify/verify.ts";
import { Dependencies, throwIfAborted } from "./dependencies.ts";
import { type AddedBundles, BundleWatch, type WatchOptions } from "./folders/bundle_watch.ts";
import { bundleFolders, realDir } from "./folders/bundle_folders.ts";
import type { PluginParts } from "./plugin/plugin_parts.ts";
import type { Supervisor } from "./supervision/supervisor.ts";
import type { ManagedPlugin } from "./plugin/plugin.ts";
import { toPath } from "./settings/config_files.ts";
import { Reloader } from "./hot_reload.ts";
import type { LoadOptions, ReloadOptions, UnloadOptions } from "./operation_options.ts";
import { Registration } from "./registration.ts";
import { PluginRegistry } from "./plugin/registry.ts";

/** What the operations of a host need. */
export interface LifecycleParts extends PluginParts {
  readonly supervisor: Supervisor;
}

/** Runs the operations of a host on its plugins; each is finished or ended before the host is closed. */
export class PluginLifecycle {
  /** All plugins that the host knows. */
  readonly registry: PluginRegistry<ManagedPlugin> = new PluginRegistry<ManagedPlugin>();
  #parts: LifecycleParts;
  #abort = new AbortController();
  #operations = new Set<Promise<unknown>>();
  #unknown = new Set<string>();
  #reloader: Reloader;
  #registration: Registration;
  #dependencies: Dependencies;

  /** Starts with no plugin. */
  constructor(parts: LifecycleParts) {
    this.#parts = parts;
    this.#registration = new Registration(parts, this.registry, () => this.#assertOpen());
    const dependencies = this.#dependencies = new Dependencies(
      this.registry,
      this.#registration,
      parts.supervisor,
    );
    this.#reloader = new Reloader(parts, dependencies);
  }

  /** Verifies and registers every bundle in a folder. */
  discover(dir: string | URL, signal: AbortSignal | undefined): Promise<ManagedPlugin[]> {
    return this.#operation(async () => {
      const found: ManagedPlugin[] = [];
      for (const path of await bundleFolders(toPath(dir))) {
        throwIfAborted(signal);
        throwIfAborted(this.#abort.signal);
        found.push(await this.#registration.register(path, signal));
      }
      this.#warnOfUnknown(dir);
      return found;
    });
  }

  /** Tells once of each name in the policy that no plugin has: what was meant for one holds for none. */
  #warnOfUnknown(dir: string | URL): void {
    const { policy, logger } = this.#parts.settings;
    const unknown = Object.keys(policy.plugins ?? {})
      .filter((name) => this.registry.get(name) === undefined && !this.#unknown.has(name));
    for (const name of unknown) this.#unknown.add(name);
    if (unknown.length === 0) return;
    logger.warn(
      `The policy names ${unknown.length === 1 ? "a plugin" : "plugins"} that nothing is called by`,
      {
        plugins: unknown,
        folder: toPath(dir),
        hint: "Correct the name in the policy, or take the entry out",
      },
    );
  }

  /** Verifies, registers and loads the bundle in a folder. */
  load(dir: string | URL, options: LoadOptions): Promise<ManagedPlugin> {
    return this.#operation(async () => {
      const path = realDir(dir);
      const known = this.registry.query().find((plugin) => plugin.path === path);
      // who loads it need not reckon with the host's own attempt
      if (known !== undefined) this.#parts.supervisor.cancelRestart(known.name);
      this.#parts.starter.warm();
      const verified = await this.#registration.verify(path, options.signal);
      const plugin = this.#registration.claim(path, verified);
      await this.#load(plugin, verified, options);
      return plugin;
    });
  }

  /** Loads a registered plugin from its folder. */
  async loadByName(name: string, options: LoadOptions): Promise<ManagedPlugin> {
    this.#assertOpen();
    const known = this.find(name);
    // one that was trusted once may be so again
    const wasTrusted = this.registry.getVerified(name) === known;
    if (known.state === "untrusted" && !wasTrusted) throw known.error;
    return await this.load(known.path, options);
  }

  /** Verifies again and replaces the running process. */
  reload(name: string, options: ReloadOptions = {}): Promise<ManagedPlugin> {
    return this.#operation(async () => {
      const plugin = this.find(name);
      if (!plugin.isTaken) {
        try {
          return await this.loadByName(name, options);
        } catch (error) {
          if (plugin.state !== "active") throw error;
          // its restart came first, perhaps with what was in the folder before
        }
      }
      await this.#reloader.reload(plugin, options);
      return plugin;
    });
  }

  /** Returns to the version that ran before. */
  rollback(name: string, options: ReloadOptions = {}): Promise<ManagedPlugin> {
    return this.#operation(async () => {
      const plugin = this.find(name);
      await this.#reloader.rollback(plugin, options);
      return plugin;
    });
  }

  /** Watches a folder of bundles; the caller ends the watch. */
  watch(dir: string, options: WatchOptions): Promise<BundleWatch> {
    this.#assertOpen();
    return BundleWatch.open(dir, {
      handle: (path, added, signal) => this.#handleChange(path, added, signal),
      runningFrom: (path) =>
        this.registry.query().find((plugin) => plugin.path === path && plugin.isTaken)?.bundleHash,
      logger: this.#parts.settings.logger,
    }, options);
  }

  /** Reloads, lists or loads what is in a folder that has changed or is new. */
  #handleChange(path: string, added: AddedBundles, signal: AbortSignal): Promise<void> {
    return this.#operation(async () => {
      const known = this.registry.query().find((plugin) => plugin.path === path);
      const wasRunning = known !== undefined && known === this.registry.getVerified(known.name) &&
        (known.isTaken || known.state === "failed");
      if (wasRunning) {
        await this.reload(known.name, { signal });
      } else if (known !== undefined || added !== "ignore") {
        const plugin = await this.#registration.register(path, signal);
        if (known === undefined && added === "load") await this.load(plugin.path, { signal });
      }
    });
  }

  /** Unloads one plugin. */
  async unload(name: string, options: UnloadOptions): Promise<void> {
    const plugin = this.find(name);
    const dependents = this.#dependencies.on(name);
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
    this.#parts.supervisor.cancelRestart(name);
    plugin.steps.cancelLoad();
    await plugin.steps.run(() => plugin.unload(options.reason ?? "asked to"));
  }

  /** Unloads every plugin, dependents before what they depend on. */
  async unloadAll(reason: string): Promise<void> {
    const loaded = () => this.registry.query().filter((plugin) => plugin.isTaken);
    for (let left = loaded(); left.length > 0; left = loaded()) {
      const leaves = left.filter((plugin) => this.#dependencies.on(plugin.name).length === 0);
      await Promise.all(
        (leaves.length > 0 ? leaves : left).map((plugin) => {
          plugin.steps.cancelLoad();
          return plugin.steps.run(() => plugin.unload(reason));
        }),
      );
    }
  }

  /** Takes down at once what is not trusted any more. */
  async enforceTrust(): Promise<void> {
    const plugins = this.registry.query();
    const outcomes = await Promise.allSettled(plugins.map((plugin) => plugin.enforceTrust()));
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** Unloads everything and refuses whatever comes later. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.unloadAll("the host closes");
    // a load that was still reading its bundle finds the host closed and ends by itself
    await Promise.allSettled(this.#operations);
    await this.unloadAll("the host closes");
  }

  /** Gets a registered plugin by name. */
  find(name: string): ManagedPlugin {
    const plugin = this.registry.get(name);
    if (plugin !== undefined) return plugin;
    throw new SallyportError("bad-state", `Cannot find plugin "${name}": it is not registered`, {
      hint: "Discover its folder or load it by path first",
      details: { plugin: name },
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
    if (!this.#abort.signal.aborted) return;
    throw new SallyportError("bad-state", "Cannot use the host: it is closed", {
      hint: "Open another one",
    });
  }

  async #load(
    plugin: ManagedPlugin,
    verified: VerifiedPlugin,
    options: LoadOptions,
  ): Promise<void> {
    await plugin.steps.load(options.signal, async (signal) => {
      if (plugin.state === "active" || plugin.isLazy) {
        throw new SallyportError("bad-state", `Cannot load plugin "${plugin.name}": it is loaded`, {
          hint: "Use host.plugin(name), or reload it for a new version",
          details: { plugin: plugin.name, state: plugin.state },
        });
      }
      if (options.lazy === true) {
        this.#assertOpen();
        this.#dependencies.orderOf(verified); // a missing dependency is refused now, not at the first call
        plugin.beforeStart = (signal) => this.#dependencies.load(verified, signal);
        const prepared = await plugin.prepare(verified);
        await this.#parts.starter.store(prepared);
        await plugin.park(prepared);
      } else {
        await this.#dependencies.start(plugin, verified, signal);
      }
    });
  }
}
