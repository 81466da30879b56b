import { escapeText } from "../errors.ts";
import type { Logger } from "../log.ts";
import { TokenBucket } from "../rpc/flow/token_bucket.ts";
import type { ServiceCaller } from "./calls/caller.ts";
import type { ServiceCall, ServiceMethod } from "./calls/method_table.ts";
import { PerPlugin, type Service } from "./calls/service.ts";

const METHODS: readonly (keyof Logger)[] = ["debug", "info", "warn", "error"];
const RATE_PER_SECOND = 100;
const BURST = 200;
const MAX_MESSAGE = 2_000;
const MAX_FIELDS = 4_096;

class PluginLog {
  readonly #logger: Logger;
  /** What its latest message said of the plugin. */
  #identity: Readonly<Record<string, string>>;
  readonly #rate = new TokenBucket(RATE_PER_SECOND, performance.now(), BURST);
  #dropped = 0;

  constructor(caller: ServiceCaller, logger: Logger) {
    this.#identity = identityOf(caller);
    this.#logger = logger;
  }

  /**
   * Logs a message, unless the plugin logs too much: 100 a second, 200 at once. What is dropped is
   * counted, and the count logged when there is room again.
   */
  write(
    { caller, traceId }: Pick<ServiceCall, "caller" | "traceId">,
    method: keyof Logger,
    message: string,
    fields?: unknown,
  ): void {
    this.#rate.refill(performance.now());
    if (!this.#rate.take()) {
      this.#dropped += 1;
      return;
    }
    this.flush();
    this.#identity = identityOf(caller);
    const context = { ...this.#identity, ...(traceId === undefined ? {} : { traceId }) };
    const extra = fields === undefined || fields === null ? {} : { fields: boundedFields(fields) };
    this.#logger[method](escapeText(message, MAX_MESSAGE), { ...context, ...extra });
  }

  /** Says how many messages were dropped, where any were. */
  flush(): void {
    if (this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#logger.warn(`Dropped ${dropped} log messages of plugin "${this.#identity.plugin}"`, {
      ...this.#identity,
      dropped,
    });
  }
}

export function logService(logger: Logger): Service {
  const held = new PerPlugin(
    (caller) => new PluginLog(caller, logger),
    (log) => log.flush(),
  );
  const method = (name: keyof Logger): ServiceMethod => ({
    // logging changes nothing of the application
    access: "read",
    call: ([message, fields], call) => {
      if (typeof message !== "string") throw new TypeError("Cannot log: message must be a string");
      held.of(call.caller).write(call, name, message, fields);
      return null;
    },
  });
  return { methods: new Map(METHODS.map((name) => [name, method(name)])), held };
}

function identityOf({ plugin, version, bundleHash }: ServiceCaller): Record<string, string> {
  return { plugin, version, ...(bundleHash === undefined ? {} : { bundleHash }) };
}

function boundedFields(fields: unknown): unknown {
  try {
    const text = JSON.stringify(fields);
    return text === undefined || text.length > MAX_FIELDS ? "(left out: too large)" : fields;
  } catch {
    // a cycle or a bigint: the message itself still counts
    return "(left out: no JSON)";
  }
}
