import { escapeText, SallyportError } from "../errors.ts";
import type { HookEntry } from "./types.ts";

/**
 * Holds the first priority of each band: critical 0–99, high 100–199, normal 200–299, low 300–399,
 * cleanup 400 and above.
 *
 * The critical band is the system band: only the host registers there, so no plugin can come before
 * a check of the application.
 *
 * @category Hooks
 */
export const HOOK_PRIORITY: Readonly<Record<HookEntry["band"], number>> = Object.freeze({
  critical: 0,
  high: 100,
  normal: 200,
  low: 300,
  cleanup: 400,
});

/** The highest priority that a handler may have. */
export const MAX_HOOK_PRIORITY = 9_999;

const HOOK_NAME = /^[a-z][a-z0-9_.:-]{0,63}$/;

/** Tells whether a text is a hook name: a small letter, then at most 63 of `a-z 0-9 _ . : -`. */
export function isHookName(name: unknown): name is string {
  return typeof name === "string" && HOOK_NAME.test(name);
}

/**
 * Checks a hook name that the application wrote.
 *
 * @throws {TypeError} when it is not a hook name.
 */
export function checkHookName(name: string): void {
  if (!isHookName(name)) {
    throw new TypeError(
      `Cannot use "${escapeText(String(name), 100)}" as a hook name: ` +
        "it must match ^[a-z][a-z0-9_.:-]{0,63}$",
    );
  }
}

/** Returns the band of a priority. */
export function hookBand(priority: number): HookEntry["band"] {
  if (priority < HOOK_PRIORITY.high) return "critical";
  if (priority < HOOK_PRIORITY.normal) return "high";
  if (priority < HOOK_PRIORITY.low) return "normal";
  if (priority < HOOK_PRIORITY.cleanup) return "low";
  return "cleanup";
}

/**
 * Checks the priority of a handler of the application.
 *
 * @throws {RangeError} when it is not an integer from 0 to {@linkcode MAX_HOOK_PRIORITY}.
 */
export function checkHostPriority(priority: number): void {
  if (!isPriority(priority)) {
    throw new RangeError(
      `Cannot register a hook handler: priority must be an integer from 0 to ${MAX_HOOK_PRIORITY}, ` +
        `got ${String(priority)}`,
    );
  }
}

/**
 * Checks what a plugin's manifest asks of a hook, whatever checked it before.
 *
 * @throws {SallyportError} `bad-config` when the name is none, or the priority is in the host's band.
 */
export function checkPluginHook(plugin: string, hook: string, priority: number): void {
  const head = `Cannot register hook "${escapeText(String(hook), 100)}" of plugin "${plugin}"`;
  if (!isHookName(hook)) {
    throw new SallyportError("bad-config", `${head}: not a hook name`, {
      hint: "Use a small letter, then at most 63 of a-z 0-9 _ . : -",
      details: { plugin, hook: String(hook) },
    });
  }
  if (!isPriority(priority) || priority < HOOK_PRIORITY.high) {
    throw new SallyportError(
      "bad-config",
      `${head}: priority must be an integer from ${HOOK_PRIORITY.high} to ${MAX_HOOK_PRIORITY}, ` +
        `got ${String(priority)}`,
      {
        hint: "Priorities 0 to 99 are the host's own; use 100 to 199 to run early",
        details: { plugin, hook, priority },
      },
    );
  }
}

function isPriority(priority: unknown): priority is number {
  return Number.isInteger(priority) && (priority as number) >= 0 &&
    (priority as number) <= MAX_HOOK_PRIORITY;
}
