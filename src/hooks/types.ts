// What the hook registry takes and gives.
import type { SallyportError } from "../errors.ts";
import type { Logger } from "../log.ts";

/** What a failing handler does to a run. */
export type HookFailurePolicy = NonNullable<HookDefinition["onFailure"]>;

/** The three ways to run a hook. */
export type HookMode = HookFailure["mode"];

/**
 * Says how a hook behaves wherever a run does not say otherwise.
 *
 * @category Hooks
 */
export interface HookDefinition {
  /**
   * How long each handler may take, in milliseconds.
   *
   * @default 5000
   */
  timeoutMs?: number;
  /**
   * What a failing handler does to a run: `fail-closed` ends it with the error, `fail-open` goes on as if
   * the handler were not there. Where nothing is said, a chain and a first answer fail closed, and a
   * broadcast returns each failure in its results.
   */
  onFailure?: "fail-closed" | "fail-open";
}

/**
 * Handles a hook in the application's own process.
 *
 * The data is a copy of the handler's own, so changing it in place affects nobody; give the changed
 * data back. Giving `undefined` back leaves the data as it was.
 *
 * @category Hooks
 */
export type HookHandler = (
  data: unknown,
  call: {
    /** The hook's name. */
    readonly hook: string;
    /** Aborts when the run is cancelled or the handler's deadline has passed. */
    readonly signal: AbortSignal;
  },
) => unknown;

/**
 * Options of {@linkcode HookRegistry.register}.
 *
 * @category Hooks
 */
export interface HookRegisterOptions {
  /**
   * Where the handler runs, lower first; 0 to 99 come before every plugin.
   *
   * @default 200
   */
  priority?: number;
  /**
   * The name that errors and lists give the handler.
   *
   * @default "host"
   */
  owner?: string;
}

/** Runs one plugin's handler; the host's side of `hook/run`. An absent value keeps the data. */
export type PluginHookRunner = (
  data: unknown,
  options: { signal?: AbortSignal; timeoutMs: number },
) => Promise<{ value?: unknown }>;

/**
 * Reports one handler that failed.
 *
 * @category Hooks
 */
export interface HookFailure {
  /** The hook's name. */
  readonly hook: string;
  /** How the hook was run. */
  readonly mode: "chain" | "broadcast" | "first";
  /** The plugin that failed; absent for a handler of the application. */
  readonly plugin?: string;
  /** The plugin's name, or the owner of the application's handler. */
  readonly owner: string;
  /** What went wrong, naming hook and handler. */
  readonly error: SallyportError;
  /** Whether the run went on without the handler. */
  readonly skipped: boolean;
}

/**
 * Options of one run.
 *
 * @category Hooks
 */
export interface HookRunOptions {
  /** Cancels the run. */
  signal?: AbortSignal;
  /** How long each handler may take, in milliseconds; over what the hook's definition says. */
  timeoutMs?: number;
  /** What a failing handler does; over what the hook's definition says. */
  onFailure?: "fail-closed" | "fail-open";
  /** Hears of each handler that fails in this run. */
  onFailed?: (failure: HookFailure) => void;
}

/**
 * Returns what one handler of a broadcast did, in the order of priority.
 *
 * @category Hooks
 */
export type HookResult =
  & {
    /** The plugin; absent for a handler of the application. */
    readonly plugin?: string;
    /** The plugin's name, or the owner of the application's handler. */
    readonly owner: string;
  }
  & (
    | { readonly status: "fulfilled"; readonly value: unknown }
    | { readonly status: "rejected"; readonly error: SallyportError }
  );

/**
 * Returns the first answer and who gave it.
 *
 * @category Hooks
 */
export interface HookAnswer {
  /** The plugin; absent for a handler of the application. */
  readonly plugin?: string;
  /** The plugin's name, or the owner of the application's handler. */
  readonly owner: string;
  /** The answer; never `null` or `undefined`. */
  readonly value: unknown;
}

/**
 * Describes one registered handler.
 *
 * @category Hooks
 */
export interface HookEntry {
  /** The hook's name. */
  readonly hook: string;
  /** The plugin; absent for a handler of the application. */
  readonly plugin?: string;
  /** The plugin's name, or the owner of the application's handler. */
  readonly owner: string;
  /** Where it runs, lower first. */
  readonly priority: number;
  /** The band of the priority. */
  readonly band: "critical" | "high" | "normal" | "low" | "cleanup";
}

/** Options of a hook registry. */
export interface HookRegistryOptions {
  /** Takes what the application's handlers and listeners throw. By default to stderr. */
  logger?: Logger;
  /** Hears of every handler that fails, in any run. */
  onFailure?: (failure: HookFailure) => void;
  /** How many handlers one hook may have. By default 1000. */
  maxHandlers?: number;
  /** How many hooks may have handlers or definitions. By default 1000. */
  maxHooks?: number;
}
