// What a plugin's process sends without being asked: requests and notifications, every field its own word.
import type { EgressConnection } from "../../egress/proxy.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import type { ConnectionOptions } from "../../rpc/calls/options.ts";
import { toWireError } from "../../rpc/wire/wire_error.ts";

/** A call of a service, as the plugin sent it. */
export interface ContextCall {
  /** The service. */
  readonly key: string;
  /** Its method. */
  readonly method: string;
  /** The arguments. */
  readonly args: unknown[];
  /** Aborts when the plugin cancels the call. */
  readonly signal: AbortSignal;
  /** The trace that the plugin says it works in. */
  readonly claimed: unknown;
}

/** A log record, as the plugin sent it. */
export interface PluginRecord {
  /** How important it is. */
  readonly level: string;
  /** The message. */
  readonly message: string;
  /** What belongs to it. */
  readonly fields: Record<string, unknown> | undefined;
  /** The trace that the plugin says it works in. */
  readonly claimed: unknown;
}

/** What a plugin's process may ask of the host. */
export interface RequestHandlers {
  /** Answers a service call. */
  contextCall(call: ContextCall): Promise<unknown>;
  /** Takes an event that the plugin emitted. */
  emitted(event: string, data: unknown): void;
  /** Takes a log record; every field is the plugin's own word. */
  log(record: PluginRecord): void;
  /** Takes a line of stderr, escaped. */
  stderr(line: string): void;
  /** Takes what answering a request failed with, where the plugin must not see it. */
  unanswerable(error: unknown): void;
  /** Takes a connection through the egress proxy, when it has ended or was refused. */
  connected(connection: EgressConnection): void;
}

/** What ended a process by its own account, escaped and cut. */
export interface Uncaught {
  /** Such as `Uncaught Error: out of range`. */
  readonly message: string;
  /** Where in the bundle it was thrown. */
  readonly stack: string;
}

function uncaughtIn({ level, message, fields }: PluginRecord): Uncaught | undefined {
  if (level !== "error" || fields?.uncaught !== true) return undefined;
  const stack = typeof fields.stack === "string" ? fields.stack.slice(0, 4_000) : "";
  return {
    message: escapeText(message, 500),
    stack: stack.split("\n").map((line) => escapeText(line)).join("\n"),
  };
}

/** Hands on what a process sends once it holds a plugin; before, there is nothing that it may ask. */
export class LateHandlers implements RequestHandlers {
  /** Where it goes. */
  target: RequestHandlers | undefined;
  /** Log records and lines of stderr that came. */
  logLines = 0;
  /** What nothing in the plugin caught, where that was the last thing that it logged. */
  uncaught: Uncaught | undefined;

  contextCall(call: ContextCall): Promise<unknown> {
    if (this.target !== undefined) return this.target.contextCall(call);
    throw new SallyportError("protocol-violation", "A request came before there was a plugin");
  }

  emitted(event: string, data: unknown): void {
    this.target?.emitted(event, data);
  }

  log(record: PluginRecord): void {
    this.logLines++;
    this.uncaught = uncaughtIn(record);
    this.target?.log(record);
  }

  stderr(line: string): void {
    this.logLines++;
    this.target?.stderr(line);
  }

  unanswerable(error: unknown): void {
    this.target?.unanswerable(error);
  }

  connected(connection: EgressConnection): void {
    this.target?.connected(connection);
  }
}

/** Returns the handlers of a connection to a plugin. */
export function peerHandlers(
  events: RequestHandlers,
): Pick<ConnectionOptions, "onRequest" | "onNotification" | "describeError"> {
  return {
    describeError(error) {
      // a value of the application that refuses to be sent, for one
      if (!(error instanceof SallyportError)) events.unanswerable(error);
      return toWireError(error, "host");
    },
    onRequest(_method, params, call) {
      const { key, method: name, args } = record(params);
      if (typeof key !== "string" || typeof name !== "string" || !Array.isArray(args)) {
        throw new SallyportError("protocol-violation", "Malformed context/call");
      }
      const { signal, meta: { traceparent: claimed } } = call;
      return events.contextCall({ key, method: name, args, signal, claimed });
    },
    onNotification(method, params) {
      const { event, data, level, message, fields, _meta: meta } = record(params);
      if (method === "event/emit" && typeof event === "string") {
        events.emitted(event.slice(0, 256), data);
      } else if (method === "log" && typeof message === "string") {
        events.log({
          level: typeof level === "string" ? level : "info",
          message,
          fields: isRecord(fields) ? fields : undefined,
          claimed: record(meta).traceparent,
        });
      }
    },
  };
}

/** Returns a value that came over the wire as a record, an empty one where it is none. */
export function record(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
