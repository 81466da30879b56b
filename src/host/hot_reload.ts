// Another version of a loaded plugin in the place of the one that runs: the one in its folder, or the
// one before.
import type { ReloadOptions } from "./operation_options.ts";
import { isInRange } from "../bundle/manifest/version_range.ts";
import { SallyportError } from "../errors.ts";
import type { VerifiedPlugin } from "../trust/verify/verify.ts";
import type { Dependencies } from "./dependencies.ts";
import type { PluginParts } from "./plugin/plugin_parts.ts";
import type { PreparedPlugin } from "./admission/admit.ts";
import type { ManagedPlugin } from "./plugin/plugin.ts";
import { loadFailure } from "./plugin/load_errors.ts";

/** Where the next version comes from. */
interface Source {
  readonly rollback: boolean;
  readonly withoutState?: boolean;
  /** Verifies it. */
  verify(signal: AbortSignal | undefined): Promise<VerifiedPlugin>;
}

/** Changes the versions of loaded plugins; whatever fails before the switch changes nothing. */
export class Reloader {
  #parts: PluginParts;
  #dependencies: Dependencies;

  /** Makes one for a host. */
  constructor(parts: PluginParts, dependencies: Dependencies) {
    this.#parts = parts;
    this.#dependencies = dependencies;
  }

  /** Verifies what is in a plugin's folder now and puts it in the place of what runs. */
  reload(plugin: ManagedPlugin, options: ReloadOptions = {}): Promise<void> {
    return this.#change(plugin, options, {
      ...options,
      rollback: false,
      verify: async (signal) => {
        const verified = await this.#parts.admission.verify(plugin.path, signal);
        checkName(plugin.name, verified);
        return verified;
      },
    });
  }

  /**
   * Returns to the version that ran before; a second time, to the one that was left.
   *
   * @throws {SallyportError} `bad-state` when no other version ran.
   */
  rollback(plugin: ManagedPlugin, options: ReloadOptions = {}): Promise<void> {
    return this.#change(plugin, options, {
      ...options,
      rollback: true,
      verify: (signal) => {
        const before = plugin.versions.before(plugin.bundleHash);
        if (before === undefined) throw noVersionBefore(plugin);
        return this.#parts.admission.verifyKept(before, signal);
      },
    });
  }

  async #change(plugin: ManagedPlugin, { signal }: ReloadOptions, source: Source): Promise<void> {
    const verb = source.rollback ? "roll back" : "reload";
    let begun = false;
    try {
      // what is refused anyway must not wait for what is under way; a rollback depends on its turn
      const early = source.rollback ? undefined : await source.verify(signal);
      await plugin.steps.load(signal, async (signal) => {
        // one that was taken down by a revocation may go back to what ran before
        const left = plugin.state === "failed" || plugin.state === "untrusted";
        if (!plugin.isLazy && !left && plugin.state !== "active") throw wrongState(plugin, verb);
        begun = true;
        await this.#switch(plugin, early ?? await source.verify(signal), source, signal);
      });
    } catch (cause) {
      const error = loadFailure(plugin.name, cause, { verb, signal });
      // one that was not running says so by itself, and one that was overtaken has not failed
      const overtaken = error.code === "cancelled";
      const serves = plugin.state === "active" || plugin.isLazy;
      if (serves && !overtaken && (begun || !source.rollback)) this.#tell(plugin, error, source);
      throw error;
    }
  }

  async #switch(
    plugin: ManagedPlugin,
    verified: VerifiedPlugin,
    { rollback, withoutState }: Source,
    signal: AbortSignal,
  ): Promise<void> {
    this.#checkDependents(plugin.name, verified);
    const prepare = () => this.#parts.admission.admit(verified, { agreed: rollback });
    const loadDependencies = (signal: AbortSignal) => this.#dependencies.load(verified, signal);
    if (plugin.isLazy) {
      const prepared = await prepare();
      await this.#parts.starter.store(prepared);
      await plugin.park(prepared);
      plugin.beforeStart = loadDependencies;
      return;
    }
    let prepared: PreparedPlugin;
    const isFresh = plugin.state !== "active";
    try {
      await loadDependencies(signal);
      prepared = await prepare();
    } catch (error) {
      throw isFresh ? plugin.fail(error) : error;
    }
    if (isFresh) await plugin.start(prepared, signal);
    else await plugin.replace(prepared, signal, { rollback, withoutState });
  }

  /** Keeps a version out that those which depend on the plugin cannot work with. */
  #checkDependents(name: string, { manifest: { version } }: VerifiedPlugin): void {
    for (const dependent of this.#dependencies.on(name)) {
      const range = dependent.manifest?.dependencies?.[name];
      if (range === undefined || isInRange(version, range)) continue;
      throw new SallyportError(
        "bad-state",
        `Cannot put version "${version}" of plugin "${name}" into service: "${dependent.name}" depends on ${range}`,
        {
          hint: `Unload "${dependent.name}" first, or install a version of it for the new one`,
          details: { plugin: name, version, dependent: dependent.name, range },
        },
      );
    }
  }

  #tell(plugin: ManagedPlugin, error: SallyportError, { rollback }: Source): void {
    const { name, path } = plugin;
    const serving = plugin.manifest?.version;
    const what = rollback ? "not rolled back" : "not reloaded";
    const message = `Plugin "${name}" is ${what}, version ${serving} serves on: ${error.message}`;
    plugin.logger.error(message, { code: error.code });
    this.#parts.hub.emit({ type: "reload-failed", plugin: name, path, serving, rollback, error });
  }
}

function checkName(name: string, { manifest }: VerifiedPlugin): void {
  if (manifest.name === name) return;
  throw new SallyportError(
    "bad-state",
    `Cannot reload plugin "${name}": its folder now holds "${manifest.name}"`,
    { hint: "Unload it and load the other one by its path" },
  );
}

function wrongState({ name, state }: ManagedPlugin, verb: string): SallyportError {
  return new SallyportError("bad-state", `Cannot ${verb} plugin "${name}": it is ${state} by now`, {
    hint: "Load it again",
    details: { plugin: name, state },
  });
}

function noVersionBefore({ name }: ManagedPlugin): SallyportError {
  return new SallyportError(
    "bad-state",
    `Cannot roll back plugin "${name}": no other version of it ran in this host`,
    {
      hint: "Put the version that you want into its folder and reload it",
      details: { plugin: name },
    },
  );
}
