import { escapeText, SallyportError } from "../../errors.ts";
import type { ServiceCaller } from "./caller.ts";
import type { ServiceMethod } from "./method_table.ts";
import { type FailedCall, serviceError } from "./service_error.ts";

/** Runs a method until it settles, the caller cancels, or the plugin is unloaded. */
export async function runServiceCall(
  call: FailedCall,
  method: ServiceMethod,
  args: readonly unknown[],
  caller: ServiceCaller,
  { signal: cancel, traceId, fail }: {
    readonly signal?: AbortSignal;
    readonly traceId?: string;
    /** Takes what the method throws, also after the call was cancelled. */
    readonly fail: (error: unknown) => void;
  },
): Promise<unknown> {
  // by hand: AbortSignal.any() leaks on a signal that lives as long as the plugin
  const signals = cancel === undefined ? [caller.signal] : [caller.signal, cancel];
  const controller = new AbortController();
  const given = Promise.withResolvers<never>();
  const onAbort = () => {
    const error = cancelled(call, signals.find(({ aborted }) => aborted)?.reason);
    controller.abort(error);
    given.reject(error);
  };
  given.promise.catch(() => {}); // aborted already: the method never runs
  for (const signal of signals) {
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
  }
  try {
    controller.signal.throwIfAborted();
    const { signal } = controller;
    const work = Promise.try(() => method.call(args, { caller, signal, traceId }));
    work.catch(fail);
    return await Promise.race([work, given.promise]);
  } catch (error) {
    throw serviceError(call, error);
  } finally {
    for (const signal of signals) signal.removeEventListener("abort", onAbort);
  }
}

export function cancelled(call: FailedCall, cause: unknown): SallyportError {
  const message = `The call of "${
    escapeText(call.method, 100)
  }" of service "${call.key}" was cancelled`;
  return new SallyportError("cancelled", message, { cause });
}
