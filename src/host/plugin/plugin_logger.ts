// A logger that says which plugin a record is about, and in which trace.
import type { Logger } from "../../log.ts";

/** Names the bundle that records are about. */
export interface PluginIdentity {
  /** The plugin's name. */
  readonly plugin: string;
  /** Its version; absent where its manifest could not be read. */
  readonly version?: string;
  /** The hash of its verified bundle; absent where there is none. */
  readonly bundleHash?: string;
}

/** Logs about one plugin. */
export interface PluginLogger extends Logger {
  /** Returns a logger for what happens within one call. */
  withTrace(traceparent: string | undefined): PluginLogger;
}

/** W3C Trace Context section 3.2: version ff and all-zero ids are invalid, later versions may go on. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;
const MAX_TRACEPARENT = 512;

/**
 * Makes a logger that adds `plugin`, `version` and `bundleHash` to every record.
 *
 * These fields come first and stand whatever a record says: a plugin must not be able to speak in
 * another one's name.
 */
export function pluginLogger(logger: Logger, identity: PluginIdentity): PluginLogger {
  const { plugin, version, bundleHash } = identity;
  return withFields(logger, {
    plugin,
    ...(version === undefined ? {} : { version }),
    ...(bundleHash === undefined ? {} : { bundleHash }),
  });
}

/** Gets the trace id of a trace context. */
export function traceIdOf(traceparent: unknown): string | undefined {
  if (typeof traceparent !== "string" || traceparent.length > MAX_TRACEPARENT) return undefined;
  const [, version, traceId, more] = TRACEPARENT.exec(traceparent) ?? [];
  return version === "00" && more !== undefined ? undefined : traceId;
}

function withFields(logger: Logger, own: Readonly<Record<string, string>>): PluginLogger {
  const take = (method: "debug" | "info" | "warn" | "error") => {
    return (message: string, fields?: Record<string, unknown>): void =>
      logger[method](message, { ...own, ...fields, ...own });
  };
  return {
    debug: take("debug"),
    info: take("info"),
    warn: take("warn"),
    error: take("error"),
    withTrace(traceparent) {
      const traceId = traceIdOf(traceparent);
      return traceId === undefined ? this : withFields(logger, { ...own, traceId });
    },
  };
}
