import { SallyportError } from "../errors.ts";
import { now as clock } from "../rpc/flow/clock.ts";
import type { Connection } from "../rpc/connection.ts";
import { SafeMap } from "../rpc/wire/safe_map.ts";
import { TokenBucket } from "../rpc/flow/token_bucket.ts";
import type { LogLevel, LogSender } from "./log/log_sender.ts";
import { traceMeta } from "./trace.ts";
import type { PluginContext, Service } from "./types.ts";

const EVENTS_PER_SECOND = 2_500;

export interface InitializeParams {
  protocol: number;
  plugin: { name: string; version: string };
  entry: string;
  context?: PluginContext["services"];
  /** The hooks that it may handle; all of its own where this is missing. */
  hooks?: string[];
  limits?: Record<string, number>;
  storage?: string;
  /** Whether to have the entry compiled and to run none of it. */
  compileOnly?: boolean;
  /** The modules of the runtime to have compiled with it. */
  builtins?: string[];
}

/** Makes the context that a plugin's functions get. */
export function createContext(
  params: InitializeParams,
  connection: Connection,
  logger: LogSender,
  signal: AbortSignal,
): PluginContext {
  const events = new TokenBucket(EVENTS_PER_SECOND, clock());
  const services = new SafeMap<string, Service<unknown>>();
  const at = (level: LogLevel) => (message: string, fields?: Record<string, unknown>) =>
    logger.log(level, message, fields);
  return Object.freeze({
    name: params.plugin.name,
    version: params.plugin.version,
    limits: Object.freeze({ ...params.limits }),
    services: Object.freeze({ ...params.context }),
    storage: params.storage,
    signal,
    log: Object.freeze({
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
    }),
    get<T>(key: string): Service<T> {
      if (typeof key !== "string") {
        throw new TypeError("Cannot get a service: its key must be a string");
      }
      let service = services.get(key);
      if (service === undefined) services.set(key, service = createService(key, connection));
      return service as Service<T>;
    },
    emit(event: string, data?: unknown) {
      if (typeof event !== "string") {
        throw new TypeError("Cannot emit an event: its name must be a string");
      }
      events.refill(clock());
      if (!events.take()) {
        throw new SallyportError(
          "limit-exceeded",
          `Cannot emit "${event}": more than ${EVENTS_PER_SECOND} events a second`,
          { hint: "Emit fewer events, or several in one" },
        );
      }
      connection.notify("event/emit", data === undefined ? { event } : { event, data });
    },
  });
}

/** Makes an object that has every method: which of them exist is for the host to say. */
function createService(key: string, connection: Connection): Service<unknown> {
  const methods = new SafeMap<string, (...args: unknown[]) => Promise<unknown>>();
  const target = Object.create(null);
  return new Proxy(target, {
    get(_target, name) {
      // a service that is awaited must stay the service
      if (typeof name !== "string" || name === "then") return undefined;
      let method = methods.get(name);
      if (method === undefined) {
        method = (...args) =>
          connection.request("context/call", { key, method: name, args }, { meta: traceMeta() });
        methods.set(name, method);
      }
      return method;
    },
    set: () => false,
    has: (_target, name) => typeof name === "string" && name !== "then",
  });
}
