// Which call of the host the plugin's code is working on, across `await`, as far as its trace goes.
import type { IncomingCall } from "../rpc/connection.ts";

/** What is used of `AsyncLocalStorage`. */
interface Storage {
  run<T>(traceparent: string, act: () => T): T;
  getStore(): string | undefined;
}

/** Members for `_meta` of what the plugin sends. */
export type TraceMeta = { readonly traceparent: string };

// Loading it takes milliseconds, which only a plugin whose calls are traced has to spend: hence a name
// that the runtime does not see before it is needed
const MODULE = ["node", "async_hooks"].join(":");

let storage: Storage | undefined;
let loading: Promise<void> | undefined;

/**
 * Runs what answers a call, so that {@linkcode traceMeta} knows its trace in all that it begins.
 */
export function inTrace(call: IncomingCall, act: () => unknown): unknown {
  const { traceparent } = call.meta;
  if (typeof traceparent !== "string") return act();
  if (storage === undefined) {
    loading ??= load();
    return loading.then(() => runIn(traceparent, act));
  }
  return runIn(traceparent, act);
}

/** Returns what tells the host of the trace that is being worked in; `undefined` where there is none. */
export function traceMeta(): TraceMeta | undefined {
  const traceparent = storage?.getStore();
  return traceparent === undefined ? undefined : { traceparent };
}

async function load(): Promise<void> {
  try {
    const { AsyncLocalStorage } = await import(MODULE);
    storage = new AsyncLocalStorage() as Storage;
  } catch {
    // a runtime without it: what the plugin asks for begins traces of its own
    storage = { run: (_traceparent, act) => act(), getStore: () => undefined };
  }
}

function runIn(traceparent: string, act: () => unknown): unknown {
  const run = <T>(step: () => T): T => storage!.run(traceparent, step);
  const given = run(act);
  return given instanceof Promise
    ? given.then((value) => inStream(value, run))
    : inStream(given, run);
}

/** A generator's code runs when its items are asked for, outside of the call. */
function inStream(value: unknown, run: <T>(step: () => T) => T): unknown {
  if (!isAsyncIterable(value)) return value;
  return {
    [Symbol.asyncIterator](): AsyncIterator<unknown> {
      const items = run(() => value[Symbol.asyncIterator]());
      return {
        next: () => run(() => items.next()),
        ...(items.return && { return: (last?: unknown) => run(() => items.return!(last)) }),
      };
    },
  };
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as Record<symbol, unknown>)[Symbol.asyncIterator] === "function";
}
