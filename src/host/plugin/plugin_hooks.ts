// The hooks of one plugin: what its manifest declares, the policy grants and its module handles.
import { escapeText, SallyportError } from "../../errors.ts";
import { HOOK_PRIORITY, MAX_HOOK_PRIORITY } from "../../hooks/names.ts";
import type { HookRegistry } from "../../hooks/registry.ts";
import type { RequestOptions } from "../../rpc/calls/options.ts";
import type { InitializeAnswer } from "../process/initialize.ts";
import type { PreparedPlugin } from "../admission/admit.ts";

/**
 * Checks that a module handles every hook that it is granted, and none in the band of the host.
 *
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

/** What answers a plugin's hooks. */
export interface HookOwner {
  /** The plugin. */
  readonly prepared: PreparedPlugin;
  /** Its process; none before it was started. */
  readonly process?: { readonly offers: InitializeAnswer };
}

/** Runs a hook in whatever process of the plugin serves by then. */
export interface HookCalls {
  /** Runs it; the answer is not to be believed. */
  hook(hook: string, data: unknown, options: RequestOptions): Promise<unknown>;
  /** Whether a process serves and nothing is held back. */
  readonly isReady: boolean;
}

/**
 * Registers a plugin's hooks in the place of those that it had: all of them, or none.
 *
 * @throws {SallyportError} `limit-exceeded` when a hook has too many handlers.
 */
export function replaceHooks(
  registry: HookRegistry,
  next: HookOwner,
  before: HookOwner | undefined,
  calls: HookCalls,
): void {
  try {
    registerHooks(registry, next, calls);
  } catch (error) {
    registry.removePlugin(next.prepared.verified.manifest.name);
    if (before !== undefined) registerHooks(registry, before, calls);
    throw error;
  }
}

function registerHooks(
  registry: HookRegistry,
  { prepared, process }: HookOwner,
  calls: HookCalls,
): void {
  const { manifest } = prepared.verified;
  const granted = new Set(prepared.permissions.hooks);
  registry.removePlugin(manifest.name);
  for (const { name, priority } of manifest.hooks ?? []) {
    if (!granted.has(name)) continue;
    const offered = process?.offers.hooks.find((hook) => hook.name === name)?.priority;
    const label = `"${manifest.name}.hooks.${name}"`;
    registry.registerPlugin(
      manifest.name,
      name,
      priority ?? offered ?? HOOK_PRIORITY.normal,
      async (data, options) => {
        const answer = await calls.hook(name, data, { ...options, label });
        return typeof answer === "object" && answer !== null && "value" in answer
          ? { value: answer.value }
          : {};
      },
      () => calls.isReady,
    );
  }
}
