// The types of plugins, for their authors and for hosts that call them.

/** Turns the methods of a service into what a plugin sees of them: all of them answer later. */
// deno-lint-ignore no-explicit-any -- a service without a type can be called with anything
export type Service<T> = 0 extends 1 & T ? any
  : {
    readonly [
      // deno-lint-ignore no-explicit-any -- the only way to infer from any function
      K in keyof T as T[K] extends (...args: any[]) => unknown ? K : never
    ]: // a method that answers later is left as it is, so that its generics and overloads stay
      // deno-lint-ignore no-explicit-any -- as above
      T[K] extends (...args: any[]) => Promise<unknown> ? T[K]
        : T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>>
        : never;
  };

/**
 * Hands a plugin its part of the host.
 *
 * @category Plugin
 */
export interface PluginContext {
  /** The plugin's name. */
  readonly name: string;
  /** The plugin's version. */
  readonly version: string;
  /** The limits in force, as in the manifest. */
  readonly limits: Readonly<Record<string, number>>;
  /** The services that the plugin asked for and was granted. */
  readonly services: Readonly<Record<string, "read" | "readwrite">>;
  /** The plugin's own folder, if its manifest asks for storage. */
  readonly storage: string | undefined;
  /** Aborts when the plugin is about to be stopped. */
  readonly signal: AbortSignal;
  /** Writes to the host's log under the plugin's name. */
  readonly log: {
    /** Logs what helps to find a mistake. */
    debug(message: string, fields?: Record<string, unknown>): void;
    /** Logs what happened. */
    info(message: string, fields?: Record<string, unknown>): void;
    /** Logs what may be a mistake. */
    warn(message: string, fields?: Record<string, unknown>): void;
    /** Logs a failure. */
    error(message: string, fields?: Record<string, unknown>): void;
  };
  /**
   * Gets a service of the host; every method of it is asynchronous and checked by the host.
   *
   * @example
   * ```ts ignore
   * const notes = ctx.get<{ add(text: string): number }>("notes");
   * const id = await notes.add("bread");
   * ```
   *
   * @param key The service's key in the manifest.
   * @throws {SallyportError} `service-denied` from the methods, where access is not granted.
   */
  // deno-lint-ignore no-explicit-any -- a service without a type can be called with anything
  get<T = any>(key: string): Service<T>;
  /**
   * Sends an event to the host.
   *
   * @throws {SallyportError} `limit-exceeded` when there are too many a second.
   */
  emit(event: string, data?: unknown): void;
}

/**
 * Belongs to one call of a method.
 *
 * @category Plugin
 */
export interface CallContext {
  /** Aborts when the caller cancels or runs out of time. */
  readonly signal: AbortSignal;
  /** The W3C trace context of the caller, if it has one. */
  readonly traceparent: string | undefined;
  /** Reports progress to the caller, if it listens. */
  progress(value: unknown): void;
}

/**
 * Is a method that hosts call with at most one value; an async generator streams.
 *
 * The value came as JSON from the host: check it where it decides anything.
 */
// deno-lint-ignore no-explicit-any -- every method has a parameter type of its own
export type PluginMethod = (params: any, call: CallContext) => unknown;

/** Handles a hook: what it returns is the next handler's input, `undefined` leaves it as it is. */
// deno-lint-ignore no-explicit-any -- every hook has a type of its own
export type HookHandler = (data: any, ctx: PluginContext) => unknown;

/**
 * Is a handler, alone or with the priority at which it runs.
 *
 * @category Plugin
 */
export type Hook = HookHandler | {
  /** From 100 (early) to 9999 (late); the manifest's priority comes before it. */
  readonly priority?: number;
  /** The handler. */
  readonly handler: HookHandler;
};

/**
 * Is what a plugin's entry exports as its default.
 *
 * @category Plugin
 */
export interface Plugin {
  /** Runs once, before any call. */
  init?(ctx: PluginContext): void | Promise<void>;
  /** The methods that hosts may call, by name. */
  readonly methods?: Readonly<Record<string, PluginMethod>>;
  /** The hooks that the plugin handles, by name; the manifest names them too. */
  readonly hooks?: Readonly<Record<string, Hook>>;
  /** Runs before the plugin is stopped. */
  shutdown?(ctx: PluginContext): void | Promise<void>;
  /** Throws when the plugin cannot serve; asked before it takes the place of another version. */
  health?(): void | Promise<void>;
  /** Returns the state to be kept across a hot reload: plain data, at most 8 MiB. */
  snapshot?(): unknown;
  /**
   * Takes the state that another version returned: after `init`, before any call. `info.from` is that version,
   * newer than this one when it is rolled back.
   */
  // deno-lint-ignore no-explicit-any -- the state has a type of the plugin's own
  restore?(state: any, info: { readonly from: string }): void | Promise<void>;
  /**
   * Receives what the host has counted against the plugin, where its policy asks for warnings: a limit that it
   * broke, or something else that it must not do.
   */
  warned?(warning: {
    /** What it is about, such as `memory` or `permission`. */
    readonly kind: string;
    /** How bad it is: `low`, `medium`, `high` or `critical`. */
    readonly severity: string;
    /** What was measured. */
    readonly measured?: number;
    /** What is allowed. */
    readonly limit?: number;
    /** What both are counted in, such as `bytes`. */
    readonly unit?: string;
    /** The same in words. */
    readonly message: string;
  }): void;
}

/**
 * Is a plugin whose methods keep their own types.
 *
 * @category Plugin
 */
export interface DefinedPlugin<M extends Readonly<Record<string, PluginMethod>>>
  extends Omit<Plugin, "methods"> {
  /** The methods that hosts may call, by name. */
  readonly methods?: M;
}

/**
 * Is the type of any plugin's entry module.
 *
 * @category Plugin
 */
export interface AnyPluginModule {
  /** The plugin. */
  readonly default: object;
}

/**
 * Returns the methods of an entry module's type, such as `typeof import("./main.ts")`; of one whose type is
 * not known, any method.
 *
 * @category Plugin
 */
export type MethodsOf<M> = M extends { readonly default: infer D }
  // deno-lint-ignore no-explicit-any -- nothing is known of them: any name, any value, any answer
  ? keyof D extends never ? Record<string, (params?: any) => any>
  : D extends { readonly methods?: infer X } ? NonNullable<X>
  : Record<never, never>
  : Record<never, never>;

/**
 * Returns one method of a plugin's module.
 *
 * @category Plugin
 */
export type MethodOf<M, K> = K extends keyof MethodsOf<M>
  // deno-lint-ignore no-explicit-any -- the only way to infer from any function
  ? MethodsOf<M>[K] extends (...args: any[]) => unknown ? MethodsOf<M>[K] : never
  : never;

/**
 * Names the methods of a plugin's module.
 *
 * @category Plugin
 */
export type MethodNames<M> = Extract<keyof MethodsOf<M>, string>;

/**
 * Returns the type of a method's parameter; `undefined` where it has none.
 *
 * @category Plugin
 */
export type CallParams<M, K extends MethodNames<M>> = Parameters<MethodOf<M, K>> extends []
  ? undefined
  : Parameters<MethodOf<M, K>>[0];

/**
 * Returns the type of a method's result; `never` for a method that streams.
 *
 * @category Plugin
 */
export type CallResult<M, K extends MethodNames<M>> = unknown extends ReturnType<MethodOf<M, K>>
  ? ReturnType<MethodOf<M, K>>
  : ReturnType<MethodOf<M, K>> extends AsyncIterable<unknown> | Generator<unknown, unknown, never>
    ? never
  : Awaited<ReturnType<MethodOf<M, K>>>;

/**
 * Returns the type of the items of a method that streams; `never` for one that does not.
 *
 * @category Plugin
 */
export type StreamItem<M, K extends MethodNames<M>> = unknown extends ReturnType<MethodOf<M, K>>
  ? ReturnType<MethodOf<M, K>>
  : ReturnType<MethodOf<M, K>> extends AsyncIterable<infer T> ? T
  : ReturnType<MethodOf<M, K>> extends Generator<infer T, unknown, never> ? T
  : never;
