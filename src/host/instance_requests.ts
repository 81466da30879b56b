/**
 * What a plugin's process sends without being asked: requests and notifications, every field its own word.
 *
 * @module
 */
import type { EgressConnection } from "../egress/proxy.ts";
import { SallyportError } from "../errors.ts";
import type { ConnectionOptions } from "../rpc/options.ts";

/** What a plugin's process may ask of the host. */
export interface InstanceEvents {
  /** Answers a service call. */
  contextCall(key: string, method: string, args: unknown[], signal: AbortSignal): Promise<unknown>;
  /** Takes an event that the plugin emitted. */
  emitted(event: string, data: unknown): void;
  /** Takes a log record; every field is the plugin's own word. */
  log(level: string, message: string, fields: Record<string, unknown> | undefined): void;
  /** Takes a line of stderr, escaped. */
  stderr(line: string): void;
  /** Takes a connection through the egress proxy, when it has ended or was refused. */
  connected(connection: EgressConnection): void;
}

/** Hands on what a process sends once it holds a plugin; before, there is nothing that it may ask. */
export class LateEvents implements InstanceEvents {
  /** Where it goes. */
  target: InstanceEvents | undefined;
  /** Log records and lines of stderr that came. */
  logLines = 0;

  contextCall(key: string, method: string, args: unknown[], signal: AbortSignal): Promise<unknown> {
    if (this.target !== undefined) return this.target.contextCall(key, method, args, signal);
    throw new SallyportError("protocol-violation", "A request came before there was a plugin");
  }

  emitted(event: string, data: unknown): void {
    this.target?.emitted(event, data);
  }

  log(level: string, message: string, fields: Record<string, unknown> | undefined): void {
    this.logLines++;
    this.target?.log(level, message, fields);
  }

  stderr(line: string): void {
    this.logLines++;
    this.target?.stderr(line);
  }

  connected(connection: EgressConnection): void {
    this.target?.connected(connection);
  }
}

/**
 * Gives the handlers of a connection to a plugin.
 *
 * @param events Where the plugin's requests go.
 * @returns The handlers; what is malformed is refused or left out.
 */
export function peerHandlers(
  events: InstanceEvents,
): Pick<ConnectionOptions, "onRequest" | "onNotification"> {
  return {
    onRequest(_method, params, call) {
      const { key, method: name, args } = record(params);
      if (typeof key !== "string" || typeof name !== "string" || !Array.isArray(args)) {
        throw new SallyportError("protocol-violation", "Malformed context/call");
      }
      return events.contextCall(key, name, args, call.signal);
    },
    onNotification(method, params) {
      const { event, data, level, message, fields } = record(params);
      if (method === "event/emit" && typeof event === "string") {
        events.emitted(event.slice(0, 256), data);
      } else if (method === "log" && typeof message === "string") {
        events.log(String(level), message, isRecord(fields) ? fields : undefined);
      }
    },
  };
}

/** Gives a value that came over the wire as a record, an empty one where it is none. */
export function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
