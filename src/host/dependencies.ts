// What plugins need of each other: started before them, unloaded after them.
import { SallyportError } from "../errors.ts";
import type { VerifiedPlugin } from "../trust/verify/verify.ts";
import { orderDependencies } from "./admission/load_order.ts";
import type { ManagedPlugin } from "./plugin/plugin.ts";
import type { PluginRegistry } from "./plugin/registry.ts";
import type { Registration } from "./registration.ts";
import type { Supervisor } from "./supervision/supervisor.ts";

/** Starts plugins with what they depend on. */
export class Dependencies {
  #registry: PluginRegistry<ManagedPlugin>;
  #registration: Registration;
  #supervisor: Pick<Supervisor, "isRestarting">;

  /** Starts none yet. */
  constructor(
    registry: PluginRegistry<ManagedPlugin>,
    registration: Registration,
    supervisor: Pick<Supervisor, "isRestarting">,
  ) {
    this.#registry = registry;
    this.#registration = registration;
    this.#supervisor = supervisor;
  }

  /**
   * Lists what a plugin depends on, in the order of their starts, and the plugin last.
   *
   * @throws {SallyportError} `bad-state` when one is missing or of another version, or in a circle.
   */
  orderOf(verified: VerifiedPlugin): string[] {
    const { name } = verified.manifest;
    return orderDependencies(name, (wanted) => {
      const manifest = wanted === name
        ? verified.manifest
        : this.#registry.getVerified(wanted)?.manifest;
      return manifest && { version: manifest.version, dependencies: manifest.dependencies ?? {} };
    });
  }

  /** Starts what a plugin depends on, in order; each is verified again from its folder. */
  async load(verified: VerifiedPlugin, signal: AbortSignal): Promise<void> {
    for (const name of this.orderOf(verified).slice(0, -1)) {
      const plugin = this.#registry.getVerified(name)!;
      await plugin.wake(); // a lazy one must run before what needs it
      await plugin.steps.load(signal, async (signal) => {
        if (plugin.state === "active") return;
        await this.start(plugin, await this.#registration.verify(plugin.path, signal), signal);
      });
    }
  }

  /** Starts a plugin after what it depends on. */
  async start(plugin: ManagedPlugin, verified: VerifiedPlugin, signal: AbortSignal): Promise<void> {
    await this.load(verified, signal);
    const prepared = await plugin.prepare(verified);
    this.#registration.assertOpen();
    throwIfAborted(signal);
    await plugin.start(prepared, signal);
  }

  /** Lists the loaded plugins that depend on one. */
  on(name: string): ManagedPlugin[] {
    return this.#registry.query().filter((plugin) =>
      // one that waits for its restart would start it again
      (plugin.isTaken || this.#supervisor.isRestarting(plugin.name)) &&
      Object.hasOwn(plugin.manifest?.dependencies ?? {}, name)
    );
  }
}

/** @throws {SallyportError} `cancelled` when the signal has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new SallyportError("cancelled", "The operation was cancelled", { cause: signal.reason });
}
