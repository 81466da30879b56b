// How the bundle in a folder becomes a plugin of the host: verified, under a name that no other folder has.
import { SallyportError } from "../errors.ts";
import type { VerifiedPlugin } from "../trust/verify/verify.ts";
import { isTrustRefusal } from "./calls/trust_refusal.ts";
import { isFile, isThere } from "./folders/bundle_folders.ts";
import { ManagedPlugin } from "./plugin/plugin.ts";
import type { PluginParts } from "./plugin/plugin_parts.ts";
import type { PluginRegistry } from "./plugin/registry.ts";

/** Registers bundles. */
export class Registration {
  #parts: PluginParts;
  #registry: PluginRegistry<ManagedPlugin>;
  /** Throws when the host is closed. */
  readonly assertOpen: () => void;

  /** Registers in a registry as long as its host is open. */
  constructor(
    parts: PluginParts,
    registry: PluginRegistry<ManagedPlugin>,
    assertOpen: () => void,
  ) {
    this.#parts = parts;
    this.#registry = registry;
    this.assertOpen = assertOpen;
  }

  /** Verifies and registers the bundle in a folder; one that is refused is listed with the error. */
  async register(path: string, signal?: AbortSignal): Promise<ManagedPlugin> {
    try {
      const verified = await this.verify(path, signal);
      await this.#refuseDuplicate(path, verified);
      return this.claim(path, verified);
    } catch (error) {
      const refused = this.#registry.refusedAt(path);
      if (refused === undefined || refused.error !== error) throw error;
      return refused;
    }
  }

  /** Verifies a folder; one that is refused is listed with the error. */
  async verify(path: string, signal?: AbortSignal): Promise<VerifiedPlugin> {
    try {
      return await this.#parts.admission.verify(path, signal);
    } catch (error) {
      const refused = error instanceof SallyportError && error.code !== "cancelled";
      // a path that leads nowhere is a mistake of the caller and no plugin
      if (refused && await isThere(path)) this.#refuse(path, error);
      throw error;
    }
  }

  /** Registers a verified plugin; at once, so that no other folder gets its name in between. */
  claim(path: string, verified: VerifiedPlugin): ManagedPlugin {
    this.assertOpen();
    const { name } = verified.manifest;
    let plugin = this.#registry.getVerified(name);
    if (plugin !== undefined && plugin.path !== path && plugin.isTaken) {
      throw this.#nameTaken(path, plugin, "is loaded", "Unload the other one first");
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

  /** Refuses a discovered bundle whose name another folder has that is still there. */
  async #refuseDuplicate(path: string, verified: VerifiedPlugin): Promise<void> {
    const other = this.#registry.getVerified(verified.manifest.name);
    if (other === undefined || other.path === path) return;
    if (!await isFile(`${other.path}/plugin.json`)) return;
    throw this.#nameTaken(path, other, "was there first", "Remove one, or load one by its path");
  }

  #nameTaken(path: string, other: ManagedPlugin, why: string, hint: string): SallyportError {
    const { name } = other;
    const error = new SallyportError(
      "bad-state",
      `Cannot register plugin "${name}" from "${path}": "${other.path}" has that name and ${why}`,
      { hint, details: { plugin: name, path, other: other.path } },
    );
    this.#refuse(path, error);
    return error;
  }

  #refuse(path: string, error: SallyportError): ManagedPlugin {
    const { plugin: claimed } = error.details;
    const name = typeof claimed === "string" ? claimed : path.replace(/.*[/\\]/, "");
    const untrusted = isTrustRefusal(error);
    this.#registry.forget((known) => known.path === path && !known.isTaken);
    const plugin = new ManagedPlugin(this.#parts, name, path, untrusted ? "untrusted" : "failed");
    plugin.error = error;
    this.#registry.addRefused(plugin);
    this.#parts.hub.emit({ type: untrusted ? "untrusted" : "failed", plugin: name, path, error });
    return plugin;
  }
}
