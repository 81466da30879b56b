/**
 * What a plugin's author imports: {@linkcode definePlugin} and the types of a plugin.
 *
 * @example
 * ```ts
 * import { definePlugin } from "@sallyport/host/plugin";
 *
 * export default definePlugin({
 *   methods: {
 *     count({ text }: { text: string }) {
 *       return { words: text.split(/\s+/).filter(Boolean).length };
 *     },
 *   },
 * });
 * ```
 *
 * @module
 */
import type { DefinedPlugin, PluginMethod } from "./types.ts";

export type {
  AnyPluginModule,
  CallContext,
  CallParams,
  CallResult,
  DefinedPlugin,
  Hook,
  HookHandler,
  MethodNames,
  MethodOf,
  MethodsOf,
  Plugin,
  PluginContext,
  PluginMethod,
  Service,
  StreamItem,
} from "./types.ts";
export type {
  Config,
  Database,
  ExecuteResult,
  JsonValue,
  Kv,
  Log,
  SqlParameters,
  SqlRow,
  SqlValue,
} from "./service_types.ts";

/**
 * Gives back a plugin's definition, with the types of its methods checked and kept, so that a host
 * can call them by `typeof import("./main.ts")`.
 *
 * @param plugin The definition.
 * @returns The same object.
 */
export function definePlugin<M extends Readonly<Record<string, PluginMethod>>>(
  plugin: DefinedPlugin<M>,
): DefinedPlugin<M> {
  return plugin;
}
