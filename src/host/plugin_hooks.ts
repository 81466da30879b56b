/**
 * The hooks of one plugin: what its manifest declares, the policy grants and its module handles.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";
import { HOOK_PRIORITY, MAX_HOOK_PRIORITY } from "../hooks/names.ts";
import type { HookRegistry } from "../hooks/registry.ts";
import type { RequestOptions } from "../rpc/options.ts";
import type { InitializeAnswer } from "./initialize.ts";
import type { PreparedPlugin } from "./loader.ts";

/**
 * Checks that a module handles every hook that it is granted.
 *
 * @param prepared The plugin.
 * @param offers What its module says that it handles.
 * @throws {SallyportError} `launch-failed` naming the hook.
 */
export function checkHooks(prepared: PreparedPlugin, offers: InitializeAnswer): void {
  const offered = new Set(offers.hooks.map((hook) => hook.name));
  const missing = prepared.permissions.hooks.find((hook) => !offered.has(hook));
  if (missing === undefined) return;
  const { name } = prepared.verified.manifest;
  throw new SallyportError(
    "launch-failed",
    `Cannot start plugin "${name}": plugin.json declares the hook "${missing}", but its module does not handle it`,
    { hint: "Add the handler to `hooks`, or remove the hook from plugin.json" },
  );
}

/**
 * Registers a plugin's hooks in the place of those that it had.
 *
 * @param registry The host's hooks.
 * @param prepared The plugin.
 * @param offers What its module says; `undefined` before it was started.
 * @param request Sends a request to the plugin.
 */
export function registerHooks(
  registry: HookRegistry,
  prepared: PreparedPlugin,
  offers: InitializeAnswer | undefined,
  request: (method: string, params: unknown, options: RequestOptions) => Promise<unknown>,
): void {
  const { manifest } = prepared.verified;
  const granted = new Set(prepared.permissions.hooks);
  registry.removePlugin(manifest.name);
  for (const { name, priority } of manifest.hooks ?? []) {
    if (!granted.has(name)) continue;
    const offered = offers?.hooks.find((hook) => hook.name === name)?.priority;
    const label = `"${manifest.name}.hooks.${name}"`;
    registry.registerPlugin(
      manifest.name,
      name,
      priority ?? bandOf(offered),
      async (data, options) => {
        const answer = await request("hook/run", { hook: name, data }, { ...options, label });
        return typeof answer === "object" && answer !== null && "value" in answer
          ? { value: answer.value }
          : {};
      },
    );
  }
}

/** Keeps what a module says of its own priority out of the host's band. */
function bandOf(priority: number | undefined): number {
  if (priority === undefined) return HOOK_PRIORITY.normal;
  return Math.min(Math.max(priority, HOOK_PRIORITY.high), MAX_HOOK_PRIORITY);
}
