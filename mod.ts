/**
 * Sallyport: a plugin host for Deno that lets an application run other people's plugins without
 * trusting them.
 *
 * It verifies who signed a plugin and that not a byte has changed, grants the narrowest permissions
 * that the plugin asked for and the operator allows, starts it in a process of its own, and talks to
 * it over stdio.
 *
 * @example Load a plugin and call it
 * ```ts ignore
 * import { PluginHost } from "@sallyport/host";
 *
 * await using host = await PluginHost.open({ keys: ["keys/author.pub"], policy: "policy.json" });
 * const plugin = await host.load<typeof import("./plugins/word-count/main.ts")>("plugins/word-count");
 * console.log(await plugin.call("count", { text: "to be or not to be" }));
 * ```
 *
 * @module
 */
export * from "./dist/host.js";
