// Loads a plugin in a real host for a test.
import type { AccessLevel, Manifest } from "../bundle/manifest/manifest_schema.ts";
import type { HookHandler } from "../hooks/types.ts";
import { PluginHost } from "../host/host.ts";
import type { PluginHostOptions } from "../host/settings/plugin_host_options.ts";
import type { PluginHandle } from "../host/plugin_handle.ts";
import { asOwn } from "../io/system_error.ts";
import { type Logger, silentLogger } from "../log.ts";
import type { Policy } from "../permissions/policy/policy_schema.ts";
import type { AnyPluginModule } from "../plugin/types.ts";
import { type SignedForTest, signForTest } from "./sign.ts";

/**
 * Options of {@linkcode loadForTest}.
 *
 * @category Testing
 */
export interface LoadForTestOptions {
  /**
   * The grants and limits, as an object or as the path of a `policy.json`.
   *
   * @default {exactly what the manifests ask for}
   */
  policy?: Policy | string | URL;
  /** What the `config` service returns to the plugin. */
  config?: Readonly<Record<string, unknown>>;
  /** The application's services by key, for what the plugin reaches through its context. */
  services?: Readonly<
    Record<string, {
      /** An object whose methods the plugin calls. */
      readonly methods: object;
      /** The access that each method needs; one that is not named needs `readwrite`. */
      readonly access?: Readonly<Record<string, AccessLevel>>;
    }>
  >;
  /** The application's own handlers by hook, at the default priority. */
  hooks?: Readonly<Record<string, HookHandler>>;
  /** The bundles of plugins that it depends on, each after those it needs itself; signed as it is. */
  dependencies?: readonly (string | URL)[];
  /**
   * How it is isolated.
   *
   * @default {"auto"}
   */
  isolation?: PluginHostOptions["isolation"];
  /** How messages travel; `loaded.plugin` says in `lane` and `sharedMemory` which way it is. */
  transport?: PluginHostOptions["transport"];
  /** Where the plugin's log and stderr go. By default nowhere. */
  logger?: Logger;
}

/**
 * Holds a loaded plugin; dispose it to unload it, close the host and remove every temporary file.
 *
 * @category Testing
 */
export interface LoadedForTest<M extends AnyPluginModule = AnyPluginModule>
  extends AsyncDisposable {
  /** The plugin, ready for calls. */
  readonly plugin: PluginHandle<M>;
  /** The host that it is loaded in: for hooks, events, reloads. */
  readonly host: PluginHost;
}

/**
 * Signs a copy of a bundle with a throw-away key and loads it in a real host with a temporary folder.
 *
 * Without a policy the plugin gets exactly what its manifest asks for: hosts, paths, services, hooks.
 * Give the policy of your users to test that the plugin gets by with it, or is refused without it.
 *
 * @category Testing
 * @param dir The bundle; need not be signed, and is not touched.
 * @param options Policy, services, hooks.
 * @returns The plugin and its host, typed by the module type given.
 * @throws {SallyportError} with the code of what was wrong, as `PluginHost.load` does.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { loadForTest } from "@sallyport/host/testing";
 *
 * await using loaded = await loadForTest("plugins/word-count", {
 *   policy: { default: { grant: { hooks: ["*"] } } },
 * });
 * assert.equal(loaded.plugin.name, "word-count");
 * ```
 */
export async function loadForTest<M extends AnyPluginModule = AnyPluginModule>(
  dir: string | URL,
  options: LoadForTestOptions = {},
): Promise<LoadedForTest<M>> {
  return await asOwn("load the plugin", () => load<M>(dir, options));
}

async function load<M extends AnyPluginModule>(
  dir: string | URL,
  options: LoadForTestOptions,
): Promise<LoadedForTest<M>> {
  const { config, services = {}, hooks = {}, dependencies = [], logger } = options;
  const { isolation, transport } = options;
  await using stack = new AsyncDisposableStack();
  const signed = stack.use(await signForTest(dir));
  const others: SignedForTest[] = [];
  for (const dependency of dependencies) {
    others.push(stack.use(await signForTest(dependency)));
  }
  const all = [signed, ...others];
  const host = stack.use(
    await PluginHost.open({
      keys: all.map(({ publicKey }) => publicKey),
      policy: options.policy ?? grantAll(all.map(({ manifest }) => manifest)),
      logger: logger ?? silentLogger,
      ...(config === undefined ? {} : { config: { [signed.manifest.name]: config } }),
      ...(isolation === undefined ? {} : { isolation }),
      ...(transport === undefined ? {} : { transport }),
    }),
  );
  for (const [key, { methods, access }] of Object.entries(services)) {
    host.services.provide(key, methods, access === undefined ? {} : { access });
  }
  for (const [hook, handler] of Object.entries(hooks)) host.hooks.register(hook, handler);
  for (const { dir } of others) await host.load(dir);
  const plugin = await host.load<M>(signed.dir);
  const resources = stack.move();
  const dispose = () => asOwn("unload the plugin", () => resources.disposeAsync());
  return { plugin, host, [Symbol.asyncDispose]: dispose };
}

/** Grants each plugin what its manifest asks for, word by word. */
function grantAll(manifests: readonly Manifest[]): Policy {
  const entries = manifests.map(({ name, permissions = {}, context = [], hooks = [] }) => {
    const services = Object.fromEntries(context.map(({ key, access }) => [key, access]));
    const grant = { ...permissions, context: services, hooks: hooks.map((hook) => hook.name) };
    return [name, { grant }] as const;
  });
  return { plugins: Object.fromEntries(entries) };
}
