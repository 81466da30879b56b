import { type FailureLog, logFailure } from "../guard.ts";
import type { ServiceCaller } from "./calls/caller.ts";
import {
  checkMethodAccess,
  type MethodAccess,
  type MethodTable,
  methodTable,
} from "./calls/method_table.ts";
import { PerPlugin, type Service } from "./calls/service.ts";

interface Made {
  readonly table: MethodTable;
  readonly implementation: Partial<AsyncDisposable & Disposable>;
}

/** How long the end of a plugin waits for its object to be disposed of, in milliseconds. */
const RELEASE_MS = 5_000;

/** Makes a service of the application: one object for all plugins, or one made for each. */
export function appService(
  key: string,
  implementation: object | ((caller: ServiceCaller) => object),
  { access = {}, log, releaseMs = RELEASE_MS }: {
    readonly access?: MethodAccess;
    readonly log: FailureLog;
    readonly releaseMs?: number;
  },
): Service {
  const copy = { ...access };
  if (typeof implementation !== "function") {
    return { methods: methodTable(key, implementation, copy) };
  }
  checkMethodAccess(key, copy);
  const make = implementation as (caller: ServiceCaller) => object;
  const held = new PerPlugin<Made>((caller) => {
    const made = make(caller);
    return { implementation: made, table: methodTable(key, made, copy) };
  }, (made, plugin) => {
    const fail = (error: unknown) =>
      logFailure(log, `Disposing of service "${key}"`, error, { plugin });
    return dispose(made.implementation, fail, releaseMs);
  });
  return { methods: undefined, table: (caller) => held.of(caller).table, held };
}

/** Disposes of a plugin's object; that it cannot be, or takes too long, is only logged. */
async function dispose(
  implementation: Made["implementation"],
  fail: (error: unknown) => void,
  releaseMs: number,
): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    fail(new Error(`not done after ${releaseMs} ms`));
    late.resolve();
  }, releaseMs);
  const disposed = Promise.try(async () => {
    if (typeof implementation[Symbol.asyncDispose] === "function") {
      await implementation[Symbol.asyncDispose]!();
    } else if (typeof implementation[Symbol.dispose] === "function") {
      implementation[Symbol.dispose]!();
    }
  }).catch(fail);
  await Promise.race([disposed, late.promise]);
  clearTimeout(timer);
}
