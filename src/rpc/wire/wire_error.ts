import { escapeText, readThrown, SALLYPORT_ERROR_CODES, SallyportError } from "../../errors.ts";
import { causeOf, escapeLines, readErrorParts } from "./error_parts.ts";
import { WIRE_CODES, type WireError } from "./message.ts";

/** Which end of the pipe a connection is. The host trusts nothing that it reads. */
export type Role = "host" | "plugin";

const MAX_MESSAGE_LENGTH = 2_000;
const MAX_STACK_LENGTH = 4_000;
const CODES: ReadonlySet<unknown> = new Set(SALLYPORT_ERROR_CODES);

/**
 * Turns an error into its wire form. What is not a {@linkcode SallyportError} crosses without its
 * message when the host sends it, because a message may hold the host's paths.
 */
export function toWireError(error: unknown, role: Role): WireError {
  if (error instanceof SallyportError) {
    const { code, message, details, hint } = error;
    const number = code === "method-not-found"
      ? WIRE_CODES.methodNotFound
      : code === "cancelled"
      ? WIRE_CODES.cancelled
      : WIRE_CODES.own;
    return {
      code: number,
      message: message.slice(0, MAX_MESSAGE_LENGTH),
      data: { code, details, ...(hint === undefined ? {} : { hint }) },
    };
  }
  if (role === "host") return { code: WIRE_CODES.internal, message: "The host failed to answer" };
  const { name, message } = readThrown(error);
  return {
    code: WIRE_CODES.own,
    message: message.slice(0, MAX_MESSAGE_LENGTH),
    data: { code: "plugin-error", details: { name } },
  };
}

/**
 * Turns a received error into a {@linkcode SallyportError}. A plugin may only fail as
 * `method-not-found`, `cancelled` or `plugin-error`; a host's code is taken as it is.
 */
export function fromWireError(error: WireError, role: Role, prefix: string): SallyportError {
  const message = escapeText(error.message, MAX_MESSAGE_LENGTH);
  const data = asRecord(error.data);
  if (role === "plugin") {
    const code = CODES.has(data.code)
      ? data.code as SallyportError["code"]
      : fallbackCode(error.code);
    const hint = typeof data.hint === "string" ? { hint: data.hint } : {};
    return new SallyportError(code, message, { ...hint, details: asRecord(data.details) });
  }
  const code = fallbackCode(error.code);
  const details = keepText(asRecord(data.details), ["name", "stack", "stage", "code"]);
  const parts = readErrorParts(asRecord(data.details));
  return new SallyportError(code, `${prefix}${message}`, {
    details: { ...details, ...parts, message },
    cause: causeOf(parts, message),
  });
}

function fallbackCode(code: number): SallyportError["code"] {
  if (code === WIRE_CODES.methodNotFound) return "method-not-found";
  if (code === WIRE_CODES.cancelled) return "cancelled";
  return "plugin-error";
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function keepText(record: Record<string, unknown>, names: string[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of names) {
    const value = Object.hasOwn(record, name) ? record[name] : undefined;
    if (typeof value === "string") kept[name] = escapeLines(value.slice(0, MAX_STACK_LENGTH));
  }
  return kept;
}
