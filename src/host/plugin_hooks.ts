/**
 * The hooks of one plugin: what its manifest declares, the policy grants and its module handles.
 *
 * @module
 */
import { escapeText, SallyportError } from "../errors.ts";
import { HOOK_PRIORITY, MAX_HOOK_PRIORITY } from "../hooks/names.ts";
import type { HookRegistry } from "../hooks/registry.ts";
import type { RequestOptions } from "../rpc/options.ts";
import type { InitializeAnswer } from "./initialize.ts";
import type { PreparedPlugin } from "./loader.ts";

/**
 * Checks that a module handles every hook that it is granted, and none in the band of the host.
 *
 * @param prepared The plugin.
 * @param offers What its module says that it handles.
 * @throws {SallyportError} `launch-failed` naming the hook.
 */
export function checkHooks(prepared: PreparedPlugin, offers: InitializeAnswer): void {
  const { name } = prepared.verified.manifest;
  for (const hook of offers.hooks) {
    if (hook.priority === undefined) continue;
    if (hook.priority >= HOOK_PRIORITY.high && hook.priority <= MAX_HOOK_PRIORITY) continue;
    throw new SallyportError(
      "launch-failed",
      `Cannot start plugin "${name}": its hook "${
        escapeText(hook.name, 64)
      }" has the priority ${hook.priority}`,
      {
        hint:
          `Choose one from ${HOOK_PRIORITY.high} to ${MAX_HOOK_PRIORITY}; lower ones are the host's`,
      },
    );
  }
  const offered = new Set(offers.hooks.map((hook) => hook.name));
  const missing = prepared.permissions.hooks.find((hook) => !offered.has(hook));
  if (missing === undefined) return;
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
      priority ?? offered ?? HOOK_PRIORITY.normal,
      async (data, options) => {
        const answer = await request("hook/run", { hook: name, data }, { ...options, label });
        return typeof answer === "object" && answer !== null && "value" in answer
          ? { value: answer.value }
          : {};
      },
    );
  }
}
