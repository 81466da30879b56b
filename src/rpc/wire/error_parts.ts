import { escapeText, readThrown } from "../../errors.ts";

/** What crosses the wire of an error below the one that was thrown: its cause, or one of its errors. */
export interface ErrorPart {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorPart;
  readonly errors?: readonly ErrorPart[];
}

/** What an error is made of beside itself. */
export type ErrorParts = Pick<ErrorPart, "cause" | "errors">;

const MAX_DEPTH = 4;
const MAX_PARTS = 16;
const MAX_NAME = 100;
const MAX_MESSAGE = 1_000;
const MAX_STACK = 2_000;

interface Room {
  left: number;
}

/** Reads the cause of an error and the errors in it, within bounds; hostile getters included. */
export function partsOfThrown(error: unknown, stackOf: (stack: string) => string): ErrorParts {
  const part = (thrown: unknown, depth: number, room: Room): ErrorPart => {
    const { name, message, stack } = readThrown(thrown);
    const told = stackOf(stack).slice(0, MAX_STACK);
    return {
      name,
      message: message.slice(0, MAX_MESSAGE),
      ...(told === "" ? {} : { stack: told }),
      ...parts(thrown, depth, room),
    };
  };
  const parts = (thrown: unknown, depth: number, room: Room): ErrorParts => {
    try {
      if (!(thrown instanceof Error) || depth === 0) return {};
      const { cause, errors } = thrown as { cause?: unknown; errors?: unknown };
      return {
        ...(cause === undefined || room.left-- <= 0 ? {} : { cause: part(cause, depth - 1, room) }),
        ...(thrown instanceof AggregateError && Array.isArray(errors)
          ? { errors: take(errors, room).map((each) => part(each, depth - 1, room)) }
          : {}),
      };
    } catch {
      return {}; // it refuses to be read
    }
  };
  return parts(error, MAX_DEPTH, { left: MAX_PARTS });
}

/** Reads the parts of an error that came over the wire, of which nothing is believed. */
export function readErrorParts(details: Readonly<Record<string, unknown>>): ErrorParts {
  const part = (value: unknown, depth: number, room: Room): ErrorPart => {
    const record = recordOf(value);
    const stack = textOf(record.stack, MAX_STACK);
    return {
      name: escapeText(textOf(record.name, MAX_NAME) || "Error", MAX_NAME),
      message: escapeText(textOf(record.message, MAX_MESSAGE), MAX_MESSAGE),
      ...(stack === "" ? {} : { stack: escapeLines(stack) }),
      ...parts(record, depth, room),
    };
  };
  const parts = (record: Readonly<Record<string, unknown>>, depth: number, room: Room) => {
    if (depth === 0) return {};
    const cause = Object.hasOwn(record, "cause") ? record.cause : undefined;
    const errors = Object.hasOwn(record, "errors") ? record.errors : undefined;
    return {
      ...(isRecord(cause) && room.left-- > 0 ? { cause: part(cause, depth - 1, room) } : {}),
      ...(Array.isArray(errors)
        ? { errors: take(errors, room).map((each) => part(each, depth - 1, room)) }
        : {}),
    };
  };
  return parts(details, MAX_DEPTH, { left: MAX_PARTS });
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

/** Takes as many as there is room for. */
function take(values: readonly unknown[], room: Room): readonly unknown[] {
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
