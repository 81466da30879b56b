import { escapeText, readThrown } from "../../errors.ts";

/** What crosses the wire of an error below the one that was thrown: its cause, or one of its errors. */
export interface ErrorPart {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorPart;
  readonly errors?: readonly ErrorPart[];
}

export type ErrorParts = Pick<ErrorPart, "cause" | "errors">;

const MAX_DEPTH = 4;
const MAX_PARTS = 16;
const MAX_NAME = 100;
const MAX_MESSAGE = 1_000;
const MAX_STACK = 2_000;

/** Reads the cause of an error and the errors in it, within bounds; hostile getters included. */
export function partsOfThrown(error: unknown, stackOf: (stack: string) => string): ErrorParts {
  return readParts(error, (thrown) => {
    const { name, message, stack } = readThrown(thrown);
    return [name, message.slice(0, MAX_MESSAGE), stackOf(stack).slice(0, MAX_STACK)];
  }, (thrown) => {
    if (!(thrown instanceof Error)) return {};
    const { cause, errors } = thrown as { cause?: unknown; errors?: unknown };
    return { cause, errors: thrown instanceof AggregateError ? errors : undefined };
  });
}

/** Reads the parts of an error that came over the wire, of which nothing is believed. */
export function readErrorParts(details: Readonly<Record<string, unknown>>): ErrorParts {
  return readParts(details, (value) => {
    const { name, message, stack } = recordOf(value);
    return [
      escapeText(textOf(name, MAX_NAME) || "Error", MAX_NAME),
      escapeText(textOf(message, MAX_MESSAGE), MAX_MESSAGE),
      escapeLines(textOf(stack, MAX_STACK)),
    ];
  }, (value) => {
    const record = recordOf(value);
    const own = (name: string) => Object.hasOwn(record, name) ? record[name] : undefined;
    const cause = own("cause");
    return { cause: isRecord(cause) ? cause : undefined, errors: own("errors") };
  });
}

function readParts(
  error: unknown,
  read: (value: unknown) => readonly [name: string, message: string, stack: string],
  inner: (value: unknown) => { readonly cause?: unknown; readonly errors?: unknown },
): ErrorParts {
  const room = { left: MAX_PARTS };
  const part = (value: unknown, depth: number): ErrorPart => {
    const [name, message, stack] = read(value);
    return { name, message, ...(stack === "" ? {} : { stack }), ...parts(value, depth) };
  };
  const parts = (value: unknown, depth: number): ErrorParts => {
    if (depth === 0) return {};
    try {
      const { cause, errors } = inner(value);
      return {
        ...(cause === undefined || room.left-- <= 0 ? {} : { cause: part(cause, depth - 1) }),
        ...(Array.isArray(errors)
          ? { errors: take(errors, room).map((each) => part(each, depth - 1)) }
          : {}),
      };
    } catch {
      return {}; // a getter threw
    }
  };
  return parts(error, MAX_DEPTH);
}

/** Makes errors of parts, for those who follow `cause`; their stacks are the peer's alone. */
export function causeOf({ cause, errors }: ErrorParts, message: string): Error | undefined {
  if (cause !== undefined) return errorOf(cause);
  return errors &&
    named(new AggregateError(errors.map(errorOf), message), { name: "AggregateError", message });
}

/** Escapes a text line by line, so that a stack stays readable. */
export function escapeLines(text: string): string {
  return text.split("\n").map((line) => escapeText(line)).join("\n");
}

function errorOf(part: ErrorPart): Error {
  const { message, errors } = part;
  const cause = causeOf({ cause: part.cause }, message);
  const options = cause === undefined ? undefined : { cause };
  const error = errors === undefined
    ? new Error(message, options)
    : new AggregateError(errors.map(errorOf), message, options);
  return named(error, part);
}

function named(error: Error, { name, message, stack }: ErrorPart): Error {
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  error.stack = `${name}: ${message}${
    stack === undefined ? "" : `\n    ${stack.replaceAll("\n", "\n    ")}`
  }`;
  return error;
}

function take(values: readonly unknown[], room: { left: number }): readonly unknown[] {
  const taken = values.slice(0, Math.max(0, room.left));
  room.left -= taken.length;
  return taken;
}

function textOf(value: unknown, maxLength: number): string {
  return typeof value === "string" ? value.slice(0, maxLength) : "";
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
