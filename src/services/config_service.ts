/**
 * The `config` service: the settings that the application gives each plugin.
 *
 * @module
 */

import type { MethodTable } from "./calls/method_table.ts";

/** The settings of each plugin, by its name: plain data. */
export type PluginConfigs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Hands out settings; a plugin sees its own only. */
export class ConfigService {
  /** The methods. */
  readonly table: MethodTable = new Map([["get", {
    access: "read",
    call: (args, { caller }) => this.#get(caller.plugin, args[0]),
  }]]);
  readonly #configs: PluginConfigs;

  /** Makes the service of these settings. */
  constructor(configs: PluginConfigs) {
    this.#configs = configs;
  }

  #get(plugin: string, key: unknown): unknown {
    const config = Object.hasOwn(this.#configs, plugin) ? this.#configs[plugin]! : {};
    if (key === undefined || key === null) return { ...config };
    if (typeof key !== "string") throw new TypeError("Cannot read a setting: key must be a string");
    // own settings only: "constructor" is nobody's
    return Object.hasOwn(config, key) ? config[key] ?? null : null;
  }
}
