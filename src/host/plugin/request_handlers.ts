// Where the requests of a plugin's process go: services, events and the log.
import { escapeText, SallyportError } from "../../errors.ts";
import { logFailure } from "../../guard.ts";
import type { PluginTracer } from "../../monitor/telemetry/tracing.ts";
import type { ServiceCaller } from "../../services/calls/caller.ts";
import type { Denials } from "../calls/denials.ts";
import type { RequestHandlers } from "../process/plugin_requests.ts";
import type { PreparedPlugin } from "../admission/admit.ts";
import type { PluginParts } from "./plugin_parts.ts";
import { pluginLogger } from "./plugin_logger.ts";

/** What one process is connected by. */
export interface HandlerLinks {
  /** Where denied service calls are remembered. */
  readonly denials: Denials;
  /** Makes the spans of its service calls, and knows what trace it works in. */
  readonly tracer: PluginTracer;
  /** Aborts when the process has ended. */
  readonly unloaded: AbortSignal;
}

/** Connects one process to the host. */
export function requestHandlers(
  parts: PluginParts,
  prepared: PreparedPlugin,
  { denials, tracer, unloaded }: HandlerLinks,
): RequestHandlers {
  const { services, hub } = parts;
  const { manifest, bundleHash } = prepared.verified;
  const plugin = manifest.name;
  const identity = { plugin, version: manifest.version, bundleHash };
  const logger = pluginLogger(parts.settings.logger, identity);
  const caller: ServiceCaller = {
    plugin,
    version: manifest.version,
    bundleHash,
    requested: manifest.context ?? [],
    context: prepared.permissions.context,
    limits: prepared.permissions.limits,
    signal: unloaded,
  };
  return {
    async contextCall({ key, method, args, signal, claimed }) {
      const span = tracer.startServiceSpan(key, method, claimed);
      const { traceId } = span;
      try {
        return await span.run(() => services.call(caller, key, method, args, { signal, traceId }));
      } catch (error) {
        span.end(error);
        if (error instanceof SallyportError && error.code === "service-denied") {
          denials.add(error);
        }
        throw error;
      } finally {
        span.end();
      }
    },
    emitted(event, data) {
      hub.emit({ type: "emitted", plugin, event, data });
    },
    log({ level, message, fields, claimed }) {
      const write = level === "debug" || level === "warn" || level === "error" ? level : "info";
      const traced = logger.withTrace(tracer.openTraceparent(claimed));
      traced[write](escapeText(message), { ...fields, source: "log" });
    },
    connected(connection) {
      hub.emit({ type: "connection", plugin, ...connection });
      const { host, port, reason = "refused" } = connection;
      // one that was hung up, or one too many, asked for nothing that could be denied
      if (!connection.allowed && host !== "") denials.addConnection(host, port, reason);
    },
    unanswerable(error) {
      logFailure(parts.settings.logger, `Answering plugin "${plugin}"`, error);
    },
    stderr(line) {
      logger.info(line, { source: "stderr" });
    },
  };
}
