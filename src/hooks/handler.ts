import { readThrown, SallyportError, type SallyportErrorCode } from "../errors.ts";
import { abortGuarded, type FailureLog, guardSignal, logFailure } from "../guard.ts";
import type { HookHandler, PluginHookRunner } from "./types.ts";

interface HandlerBase {
  readonly hook: string;
  readonly owner: string;
  readonly priority: number;
  /** Order of registration, the last tie-breaker. */
  readonly sequence: number;
}

export interface HostHandler extends HandlerBase {
  readonly kind: "host";
  readonly handle: HookHandler;
}

export interface PluginHandler extends HandlerBase {
  readonly kind: "plugin";
  readonly run: PluginHookRunner;
  /** Whether `run` would ask the process at once, and so keeps the deadline and the signal itself. */
  readonly isReady: () => boolean;
}

export type Handler = HostHandler | PluginHandler;

/**
 * Orders handlers: priority, then the application before plugins, then owner, then registration.
 */
export function compareHandlers(a: Handler, b: Handler): number {
  if (a.priority !== b.priority) return a.priority - b.priority;
  if (a.kind !== b.kind) return a.kind === "host" ? -1 : 1;
  // plugin names are ASCII; comparing code units keeps the order the same in every locale
  if (a.owner !== b.owner) return a.owner < b.owner ? -1 : 1;
  return a.sequence - b.sequence;
}

/** Returns a handler's identity as the public types have it. */
export function identityOf(handler: Handler): { plugin?: string; owner: string } {
  return handler.kind === "plugin"
    ? { plugin: handler.owner, owner: handler.owner }
    : { owner: handler.owner };
}

/**
 * Runs one handler, and waits for it no longer than its deadline and its run allow.
 *
 * A handler that is given up goes on in the background until it sees its signal; what it gives then
 * is dropped.
 *
 * @throws {SallyportError} with the code of the failure; `timeout`, or `cancelled` by the signal.
 * @throws {TypeError} when the data cannot be copied.
 */
export async function runHandler(
  handler: Handler,
  data: unknown,
  options: { timeoutMs: number; signal: AbortSignal | undefined; log: FailureLog },
): Promise<unknown> {
  const { timeoutMs, signal, log } = options;
  if (signal?.aborted) throw cancelled(handler.hook, signal);
  if (handler.kind === "plugin" && handler.isReady()) return await runReady(handler, data, options);
  const input = handler.kind === "host" ? clone(handler, data) : data;
  const controller = new AbortController();
  const ended = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    ended.reject(late(handler, timeoutMs));
  }, timeoutMs);
  const onAbort = () => ended.reject(cancelled(handler.hook, signal!));
  signal?.addEventListener("abort", onAbort, { once: true });
  let early: unknown;
  const what = `The handler of "${handler.owner}" for hook "${handler.hook}"`;
  ended.promise.catch((reason) => abortGuarded(log, what, controller, early = reason));
  if (handler.kind === "host") guardSignal(log, what, controller.signal);
  const work = invoke(handler, input, controller.signal, timeoutMs);
  work.catch((error) => {
    // one that was given up has every reason to fail
    if (handler.kind === "host" && early === undefined) logFailure(log, what, error);
  });
  try {
    return await Promise.race([work, ended.promise]);
  } catch (error) {
    if (error === early) throw error;
    // a run that was cancelled ends as cancelled, whatever the handler made of its signal
    if (signal?.aborted) throw cancelled(handler.hook, signal);
    throw describe(handler, error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** A timer and a signal of its own for each handler would take longer than all the rest of the host's part. */
async function runReady(
  handler: PluginHandler,
  data: unknown,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal | undefined },
): Promise<unknown> {
  try {
    return (await handler.run(data, { signal, timeoutMs })).value;
  } catch (error) {
    if (signal?.aborted) throw cancelled(handler.hook, signal);
    throw error instanceof SallyportError && error.details.timeoutMs === timeoutMs
      ? late(handler, timeoutMs)
      : describe(handler, error);
  }
}

async function invoke(
  handler: Handler,
  data: unknown,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<unknown> {
  if (handler.kind === "plugin") return (await handler.run(data, { signal, timeoutMs })).value;
  return await handler.handle(data, { hook: handler.hook, signal });
}

function clone(handler: Handler, data: unknown): unknown {
  try {
    return structuredClone(data);
  } catch (cause) {
    throw new TypeError(`Cannot run hook "${handler.hook}": its data is not plain data`, { cause });
  }
}

function describe(handler: Handler, error: unknown): SallyportError {
  if (error instanceof SallyportError) {
    return failure(handler, error.code, error.message, error, { hint: error.hint });
  }
  return failure(handler, "plugin-error", readThrown(error).message, error, {});
}

function late(handler: Handler, timeoutMs: number): SallyportError {
  return failure(handler, "timeout", `deadline of ${timeoutMs} ms passed`, undefined, {
    hint: "Make the handler faster, or give the hook a longer timeoutMs",
  });
}

function failure(
  handler: Handler,
  code: SallyportErrorCode,
  message: string,
  cause: unknown,
  options: { hint?: string },
): SallyportError {
  const who = handler.kind === "plugin"
    ? `plugin "${handler.owner}"`
    : `the handler of "${handler.owner}"`;
  return new SallyportError(code, `Hook "${handler.hook}" failed in ${who}: ${message}`, {
    hint: options.hint,
    details: { hook: handler.hook, ...identityOf(handler) },
    cause,
  });
}

/** Returns the error of a run that its caller cancelled. */
export function cancelled(hook: string, signal: AbortSignal): SallyportError {
  return new SallyportError("cancelled", `Hook "${hook}" was cancelled`, {
    details: { hook },
    cause: signal.reason,
  });
}
