import type { Service } from "./calls/service.ts";

/** The settings of each plugin, by its name: plain data. */
export type PluginConfigs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Makes the `config` service: a plugin sees its own settings only. */
export function configService(configs: PluginConfigs): Service {
  const get = (plugin: string, key: unknown): unknown => {
    const config = Object.hasOwn(configs, plugin) ? configs[plugin]! : {};
    if (key === undefined || key === null) return { ...config };
    if (typeof key !== "string") throw new TypeError("Cannot read a setting: key must be a string");
    // own settings only: "constructor" is none
    return Object.hasOwn(config, key) ? config[key] ?? null : null;
  };
  return {
    methods: new Map([
      ["get", { access: "read", call: ([key], { caller }) => get(caller.plugin, key) }],
    ]),
  };
}
