import type { IncomingCall } from "../rpc/connection.ts";
import { WIRE_CODES } from "../rpc/wire/message.ts";
import type { Definition } from "./definition.ts";
import { Refusal } from "./refusal.ts";
import type { CallContext, PluginContext } from "./types.ts";

const { apply } = Reflect; // captured, because plugin code shares the realm

export type MethodParams = { method: string; params?: unknown };
export type HookParams = { hook: string; data?: unknown };
export type RestoreParams = { state?: unknown; from?: unknown };

/** Calls a method; what streams must be asked for as a stream. */
export function callMethod(
  { methods, plugin }: Definition,
  { method: name, params }: MethodParams,
  call: IncomingCall,
): unknown {
  const method = methods.get(name);
  if (method === undefined) {
    throw new Refusal(`The plugin has no method "${name}"`, WIRE_CODES.methodNotFound);
  }
  if (method.streams !== call.streaming && method.streams) throw useOther(name, "stream");
  const given = apply(method.run, plugin.methods, [params, new MethodCall(call)]);
  return given instanceof Promise
    ? given.then((value) => checkShape(name, value, call))
    : checkShape(name, given, call);
}

/** What a method sees of its call; a class, because an object with a getter is slow to make. */
class MethodCall implements CallContext {
  readonly #call: IncomingCall;

  constructor(call: IncomingCall) {
    this.#call = call;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get traceparent(): string | undefined {
    const { traceparent } = this.#call.meta;
    return typeof traceparent === "string" ? traceparent : undefined;
  }

  progress(value: unknown): void {
    this.#call.progress(value);
  }
}

/** Makes sure that a stream was asked for exactly where there is one. */
function checkShape(name: string, value: unknown, call: IncomingCall): unknown {
  const object = typeof value === "object" && value !== null
    ? value as Record<symbol, unknown>
    : {};
  if (typeof object[Symbol.asyncIterator] === "function") {
    if (!call.streaming) throw useOther(name, "stream");
    return value;
  }
  if (!call.streaming) return value;
  const { next } = object as { next?: unknown };
  if (typeof object[Symbol.iterator] === "function" && typeof next === "function") {
    return delegate(value as Generator<unknown>);
  }
  throw useOther(name, "call");
}

async function* delegate(items: Generator<unknown>): AsyncGenerator<unknown> {
  return yield* items;
}

function useOther(name: string, other: "call" | "stream"): Refusal {
  const what = other === "stream" ? "returns a stream" : "returns no stream";
  const message = `Method "${name}" ${what}: use ${other}() instead`;
  return new Refusal(message, WIRE_CODES.own, `use-${other}`);
}

/** Runs a hook's handler; without a value the data stays. */
export async function runHook(
  { hooks, plugin }: Definition,
  ctx: PluginContext,
  { hook: name, data }: HookParams,
): Promise<unknown> {
  const hook = hooks.get(name);
  if (hook === undefined) {
    throw new Refusal(`The plugin has no hook "${name}"`, WIRE_CODES.methodNotFound);
  }
  const value = await apply(hook.run, plugin.hooks, [data, ctx]);
  return value === undefined ? {} : { value };
}

/** That it answers at all is half of the answer. */
export async function health({ health, plugin }: Definition): Promise<unknown> {
  if (health !== undefined) await apply(health, plugin, []);
  return {};
}

export async function snapshot({ snapshot, plugin }: Definition): Promise<unknown> {
  if (snapshot === undefined) throw new Refusal("The plugin has no snapshot()");
  return { state: await apply(snapshot, plugin, []) ?? null };
}

/** Hands the plugin the state of another version. */
export async function restore(
  { restore, plugin }: Definition,
  params: RestoreParams,
): Promise<unknown> {
  if (restore === undefined) throw new Refusal("The plugin has no restore()");
  await apply(restore, plugin, [params.state, { from: String(params.from) }]);
  return {};
}
