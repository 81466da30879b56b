// All plugins that a host knows, loaded or not.
import { PLUGIN_STATES, type PluginState } from "../events/plugin_state.ts";

/** Holds what the registry needs of an entry. */
export interface RegistryEntry {
  /** The name in the manifest, or the folder's where there is no manifest to read. */
  readonly name: string;
  /** The folder it was found in. */
  readonly path: string;
  /** Where it is in its life. */
  readonly state: PluginState;
}

/**
 * Keeps plugins by name.
 *
 * A name belongs to a bundle that was verified. One that was refused is kept by its path instead, so
 * that it can never take or shadow a name, whatever its manifest says.
 */
export class PluginRegistry<E extends RegistryEntry> {
  #named = new Map<string, E>();
  #refused = new Map<string, E>();

  /** Registers a verified plugin under its name. */
  add(entry: E): void {
    this.#refused.delete(entry.path);
    this.#named.set(entry.name, entry);
  }

  /** Keeps a refused bundle by its path. */
  addRefused(entry: E): void {
    this.#refused.set(entry.path, entry);
  }

  /** Gets a refused bundle by its path. */
  refusedAt(path: string): E | undefined {
    return this.#refused.get(path);
  }

  /** Forgets what is known of a path that was refused before. */
  forgetRefused(path: string): void {
    this.#refused.delete(path);
  }

  /** Forgets verified plugins, such as one whose folder is refused now. */
  forget(which: (entry: E) => boolean): void {
    for (const [name, entry] of this.#named) if (which(entry)) this.#named.delete(name);
  }

  /** Gets a plugin by name: a verified one, or else a refused one that claims the name. */
  get(name: string): E | undefined {
    const verified = this.#named.get(name);
    if (verified !== undefined) return verified;
    for (const entry of this.#refused.values()) if (entry.name === name) return entry;
    return undefined;
  }

  /** Gets a verified plugin by name. */
  getVerified(name: string): E | undefined {
    return this.#named.get(name);
  }

  /** Lists the plugins that were verified. */
  verified(): IterableIterator<E> {
    return this.#named.values();
  }

  /** Lists plugins by name and then path. */
  query(query: { state?: PluginState | readonly PluginState[] } = {}): E[] {
    const states = query.state === undefined ? undefined : new Set([query.state].flat());
    return [...this.#named.values(), ...this.#refused.values()]
      .filter((entry) => states === undefined || states.has(entry.state))
      .sort((a, b) => compare(a.name, b.name) || compare(a.path, b.path));
  }

  /** Counts plugins by state. */
  counts(): Record<PluginState | "total", number> {
    const counts = Object.fromEntries(PLUGIN_STATES.map((state) => [state, 0]));
    counts.total = 0;
    for (const entry of [...this.#named.values(), ...this.#refused.values()]) {
      counts[entry.state]!++;
      counts.total++;
    }
    return counts as Record<PluginState | "total", number>;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
