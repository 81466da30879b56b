import { SallyportError } from "../errors.ts";
import { checkCallback } from "../guard.ts";
import { createLogger, guardLogger, type Logger } from "../log.ts";
import { compareHandlers, type Handler, identityOf } from "./handler.ts";
import {
  checkHookName,
  checkHostPriority,
  checkPluginHook,
  HOOK_PRIORITY,
  hookBand,
} from "./names.ts";
import { attempt, beginRun, checkPolicy, checkTimeout, type HookRun } from "./run.ts";
import type {
  HookAnswer,
  HookDefinition,
  HookEntry,
  HookFailure,
  HookHandler,
  HookMode,
  HookRegisterOptions,
  HookRegistryOptions,
  HookResult,
  HookRunOptions,
  PluginHookRunner,
} from "./types.ts";

/**
 * Holds the handlers of every hook, and runs them: as a chain, as a broadcast, or until the first
 * answer.
 *
 * Handlers run by priority, lower first; the application's before plugins' of the same priority;
 * then by owner, then in the order of registration. A run uses the handlers that were there when it
 * began. Hook data is plain data: a plugin gets it over the wire, a handler of the application gets
 * a structured clone, so nobody changes what another sees except by giving it back.
 *
 * @category Hooks
 * @example Two handlers of the application
 * ```ts
 * import { HookRegistry } from "@sallyport/host";
 *
 * const hooks = new HookRegistry();
 * hooks.register("on_request", (data) => ({ ...(data as object), seen: true }));
 * const request = await hooks.run("on_request", { path: "/" });
 * if (!("seen" in request)) throw new Error("the handler did not run");
 * ```
 */
export class HookRegistry {
  readonly #handlers = new Map<string, readonly Handler[]>();
  readonly #definitions = new Map<string, HookDefinition>();
  readonly #onFailure: ((failure: HookFailure) => void) | undefined;
  readonly #logger: Logger;
  readonly #maxHandlers: number;
  readonly #maxHooks: number;
  #sequence = 0;

  /**
   * Is made by the host.
   *
   * @internal
   */
  constructor(options: HookRegistryOptions = {}) {
    checkCallback(options.onFailure, "make a hook registry", "onFailure");
    this.#logger = guardLogger(options.logger ?? createLogger());
    this.#onFailure = options.onFailure;
    this.#maxHandlers = options.maxHandlers ?? 1_000;
    this.#maxHooks = options.maxHooks ?? 1_000;
  }

  /**
   * Says how a hook behaves: the deadline of each handler, and what a failure does.
   *
   * @param name The hook's name.
   * @param definition Replaces what was said of the hook before.
   * @throws {TypeError} when the name is not a hook name.
   * @throws {RangeError} when the deadline is not a positive number of milliseconds.
   */
  define(name: string, definition: HookDefinition): void {
    checkHookName(name);
    if (definition.timeoutMs !== undefined) checkTimeout(definition.timeoutMs);
    if (definition.onFailure !== undefined) checkPolicy(definition.onFailure);
    this.#checkRoom(name);
    this.#definitions.set(name, Object.freeze({ ...definition }));
  }

  /**
   * Registers a handler of the application.
   *
   * @param name The hook's name.
   * @param handler What to run.
   * @param options Priority, and a name for errors.
   * @returns Disposing it removes the handler.
   * @throws {TypeError} when the name is not a hook name or the handler not a function.
   * @throws {RangeError} when the priority is not an integer from 0 to 9999.
   * @throws {SallyportError} `limit-exceeded` when the hook has too many handlers.
   */
  register(name: string, handler: HookHandler, options: HookRegisterOptions = {}): Disposable {
    const { priority = HOOK_PRIORITY.normal, owner = "host" } = options;
    checkHookName(name);
    checkHostPriority(priority);
    if (typeof handler !== "function") {
      throw new TypeError(`Cannot register a handler for hook "${name}": it is not a function`);
    }
    return this.#add({
      kind: "host",
      hook: name,
      owner,
      priority,
      sequence: this.#sequence++,
      handle: handler,
    });
  }

  /**
   * Registers a plugin's handler when the plugin is loaded. `isReady` says whether `run` would ask the
   * process at once, and so keeps deadline and signal itself.
   *
   * @internal
   * @throws {SallyportError} `bad-config` when the priority is in the host's band, the name is not a
   * hook name, or the plugin handles the hook already; `limit-exceeded` when the hook is full.
   */
  registerPlugin(
    plugin: string,
    hook: string,
    priority: number,
    run: PluginHookRunner,
    isReady: () => boolean = () => false,
  ): Disposable {
    checkPluginHook(plugin, hook, priority);
    const handlers = this.#handlers.get(hook) ?? [];
    if (handlers.some((handler) => handler.kind === "plugin" && handler.owner === plugin)) {
      throw new SallyportError(
        "bad-config",
        `Cannot register hook "${hook}" of plugin "${plugin}": the plugin handles it already`,
        { hint: "Name each hook once in plugin.json", details: { plugin, hook } },
      );
    }
    return this.#add({
      kind: "plugin",
      hook,
      owner: plugin,
      priority,
      sequence: this.#sequence++,
      run,
      isReady,
    });
  }

  /**
   * Removes every handler of a plugin, and returns how many. Runs under way are not changed.
   *
   * @internal
   */
  removePlugin(plugin: string): number {
    let removed = 0;
    for (const [name, handlers] of [...this.#handlers]) {
      const kept = handlers.filter((each) => each.kind !== "plugin" || each.owner !== plugin);
      removed += handlers.length - kept.length;
      this.#set(name, kept);
    }
    return removed;
  }

  /**
   * Runs a hook as a chain: each handler's output is the next one's input.
   *
   * @param name The hook's name.
   * @param data The first input; plain data.
   * @param options Signal, deadline and failure policy of this run.
   * @returns The last output; the input itself where no handler changed it.
   * @throws {SallyportError} under `fail-closed` (the default), the first failure, naming hook and
   * handler, with its code (`timeout`, `crashed`, `plugin-error`, …); `cancelled` by the signal.
   * @throws {TypeError} when the data is not plain data, so that a handler cannot get a copy.
   */
  async run<T>(name: string, data: T, options: HookRunOptions = {}): Promise<T> {
    const run = this.#begin(name, "chain", options);
    let value: unknown = data;
    for (const handler of run.handlers) {
      const output = await attempt(run, handler, value);
      if (output.status === "fulfilled" && output.value !== undefined) value = output.value;
    }
    return value as T;
  }

  /**
   * Runs all handlers of a hook at once, each with the same data.
   *
   * @param name The hook's name.
   * @param data The input of every handler; plain data.
   * @param options Signal, deadline and failure policy of this run.
   * @returns What each handler did, in the order of priority. A failure is one of the results unless
   * the run or the hook's definition says `fail-closed`.
   * @throws {SallyportError} under `fail-closed`, the first failure by order, when all have ended;
   * `cancelled` by the signal.
   */
  async broadcast(
    name: string,
    data: unknown,
    options: HookRunOptions = {},
  ): Promise<readonly HookResult[]> {
    const run = this.#begin(name, "broadcast", options);
    const open: HookRun = { ...run, policy: "fail-open" };
    const outcomes = await Promise.allSettled(
      run.handlers.map((handler) => attempt(open, handler, data, run.policy)),
    );
    return outcomes.map((outcome): HookResult => {
      if (outcome.status === "rejected") throw outcome.reason;
      if (outcome.value.status === "rejected" && run.policy === "fail-closed") {
        throw outcome.value.error;
      }
      return outcome.value;
    });
  }

  /**
   * Asks the handlers of a hook one after another until one answers.
   *
   * @param name The hook's name.
   * @param data The input of every handler; plain data.
   * @param options Signal, deadline and failure policy of this run.
   * @returns The first answer that is neither `null` nor `undefined`, and who gave it; handlers
   * after it do not run. `undefined` when nobody answers.
   * @throws {SallyportError} as {@linkcode HookRegistry.run} does.
   */
  async first(
    name: string,
    data: unknown,
    options: HookRunOptions = {},
  ): Promise<HookAnswer | undefined> {
    const run = this.#begin(name, "first", options);
    for (const handler of run.handlers) {
      const output = await attempt(run, handler, data);
      if (output.status === "fulfilled" && output.value !== undefined && output.value !== null) {
        return { ...identityOf(handler), value: output.value };
      }
    }
    return undefined;
  }

  /**
   * Lists registered handlers in the order in which they run.
   *
   * @param name Only those of this hook; all, by hook name, when left out.
   */
  list(name?: string): readonly HookEntry[] {
    const names = name === undefined ? [...this.#handlers.keys()].sort() : [name];
    return names.flatMap((hook) =>
      (this.#handlers.get(hook) ?? []).map((handler) => ({
        hook,
        ...identityOf(handler),
        priority: handler.priority,
        band: hookBand(handler.priority),
      }))
    );
  }

  #begin(name: string, mode: HookMode, options: HookRunOptions): HookRun {
    checkHookName(name);
    return beginRun({
      name,
      mode,
      definition: this.#definitions.get(name) ?? {},
      handlers: this.#handlers.get(name) ?? [],
      logger: this.#logger,
      onFailure: this.#onFailure,
    }, options);
  }

  #add(handler: Handler): Disposable {
    this.#checkRoom(handler.hook);
    const handlers = this.#handlers.get(handler.hook) ?? [];
    if (handlers.length >= this.#maxHandlers) {
      throw new SallyportError(
        "limit-exceeded",
        `Cannot register a handler for hook "${handler.hook}": it has ${handlers.length} already`,
        { details: { hook: handler.hook, maxHandlers: this.#maxHandlers } },
      );
    }
    // a new array each time: a run under way keeps the one it began with
    this.#handlers.set(handler.hook, [...handlers, handler].sort(compareHandlers));
    return {
      [Symbol.dispose]: () => {
        const current = this.#handlers.get(handler.hook) ?? [];
        this.#set(handler.hook, current.filter((each) => each !== handler));
      },
    };
  }

  #set(name: string, handlers: readonly Handler[]): void {
    if (handlers.length === 0) this.#handlers.delete(name);
    else this.#handlers.set(name, handlers);
  }

  #checkRoom(name: string): void {
    if (this.#handlers.has(name) || this.#definitions.has(name)) return;
    const names = new Set([...this.#handlers.keys(), ...this.#definitions.keys()]);
    if (names.size < this.#maxHooks) return;
    throw new SallyportError(
      "limit-exceeded",
      `Cannot add hook "${name}": there are ${names.size}`,
      {
        details: { hook: name, maxHooks: this.#maxHooks },
      },
    );
  }
}
