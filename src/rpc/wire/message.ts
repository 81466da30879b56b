import { escapeText } from "../../errors.ts";
import { checkParsed, isShort, mayHoldProto } from "./json_check.ts";
import { DEFAULT_MESSAGE_LIMITS, MAX_BINARY_PARTS, type MessageLimits } from "./limits.ts";
import { announce, type Announced, type Part } from "./parts.ts";
import { decodeUtf8 } from "./utf8.ts";
import { violation } from "./violation.ts";

const { parse, stringify } = JSON;
const { isArray } = Array;
const { isSafeInteger } = Number;
const { hasOwn, keys: ownKeys } = Object;

/** The error member of an answer, as JSON-RPC 2.0 section 5.1 has it. */
export interface WireError {
  /** A number of JSON-RPC or one of our own; never shown to users. */
  code: number;
  message: string;
  /** Our own code and details. */
  data?: unknown;
}

/** One message as it came from the peer, its envelope checked. */
export interface Message {
  kind: "request" | "notification" | "result" | "error";
  id: number;
  /** The method of a request or notification, else empty. */
  method: string;
  /** The params of a request or notification, or the result of an answer. */
  value: unknown;
  error: WireError | undefined;
  /** What it says of its byte arrays. */
  bin: readonly Announced[] | undefined;
}

/** Numeric codes; they stay inside `rpc/`. The first four are those of JSON-RPC 2.0, section 5.1. */
export const WIRE_CODES = Object.freeze({
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** RequestCancelled of the Language Server Protocol. */
  cancelled: -32800,
  /** An error of ours, outside the reserved range; `data.code` says which. */
  own: 1000,
});

/** Parses one line strictly: exactly the members that JSON-RPC 2.0 has for one of its kinds. */
export function parseMessage(
  line: string | Uint8Array,
  limits: MessageLimits = DEFAULT_MESSAGE_LIMITS,
  harmless = false,
): Message {
  const text = typeof line === "string" ? line : decodeLine(line);
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw violation(`a line is not JSON: ${escapeText(text, 60)}`, {
      reason: escapeText((error as Error).message, 200),
    });
  }
  if (typeof value !== "object" || value === null) {
    throw violation(`a line is JSON but not an object: ${escapeText(text, 60)}`);
  }
  if (isArray(value)) {
    throw violation("a line is an array, and batches are not part of the protocol");
  }
  if (!isShort(text, limits) || (!harmless && mayHoldProto(text))) checkParsed(value, limits);
  return readEnvelope(value as Record<string, unknown>, limits);
}

/** Decodes a line as UTF-8; a byte order mark stays in the text, where JSON refuses it. */
export function decodeLine(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch {
    throw violation("a line is not valid UTF-8");
  }
}

function readEnvelope(record: Record<string, unknown>, limits: MessageLimits): Message {
  let id: unknown, method: unknown, params: unknown, result: unknown, error: unknown;
  let jsonrpc: unknown, bin: unknown;
  for (const name in record) {
    const value = record[name];
    if (name === "jsonrpc") jsonrpc = value;
    else if (name === "id") id = value;
    else if (name === "method") method = value;
    else if (name === "params") params = value;
    else if (name === "result") result = value;
    else if (name === "error") error = value;
    else if (name === "$bin") bin = value;
    else if (hasOwn(record, name)) {
      throw violation(`a message has the unknown member "${escapeText(name, 60)}"`);
    }
  }
  if (jsonrpc !== "2.0") throw violation('a message has no "jsonrpc": "2.0"');
  if (id !== undefined && !(isSafeInteger(id) && (id as number) > 0)) {
    throw violation(`an id is not a positive integer: ${escapeText(stringify(id), 60)}`);
  }
  const message: Message = {
    kind: "request",
    id: id === undefined ? 0 : id as number,
    method: "",
    value: params,
    error: undefined,
    bin: bin === undefined ? undefined : readLengths(bin, limits),
  };
  if (method !== undefined) {
    if (typeof method !== "string") throw violation("a method is not a string");
    if (result !== undefined || error !== undefined) {
      throw violation('a message has both "method" and an answer');
    }
    if (params !== undefined && (typeof params !== "object" || params === null)) {
      throw violation(
        `the params of "${escapeText(method, 60)}" are neither an object nor an array`,
      );
    }
    message.method = method;
    if (id === undefined) message.kind = "notification";
    return message;
  }
  if (params !== undefined) throw violation('a message has "params" but no "method"');
  if (id === undefined) throw violation("an answer has no id");
  if ((result === undefined) === (error === undefined)) {
    throw violation(
      `the answer to ${id} has ${error === undefined ? "neither" : "both"} result and error`,
    );
  }
  message.kind = error === undefined ? "result" : "error";
  message.value = result;
  if (error !== undefined) message.error = readWireError(error, message.id);
  return message;
}

function readLengths(bin: unknown, limits: MessageLimits): readonly Announced[] {
  if (!isArray(bin) || bin.length === 0) throw violation('"$bin" is not a list of lengths');
  if (bin.length > MAX_BINARY_PARTS) {
    throw violation(`"$bin" announces more than ${MAX_BINARY_PARTS} byte arrays`);
  }
  let sum = 0;
  for (const part of bin) {
    const length = isArray(part) && isPlace(part) ? part[0] : part;
    if (!isSafeInteger(length) || length < 0) throw violation('"$bin" holds what is not a length');
    sum += length;
    if (sum > limits.maxMessageBytes) {
      throw violation(`"$bin" announces more than ${limits.maxMessageBytes} bytes`);
    }
  }
  return bin;
}

function isPlace(part: readonly unknown[]): boolean {
  const [length, offset] = part;
  return part.length === 2 && length !== 0 && isSafeInteger(offset) && (offset as number) >= 0;
}

function readWireError(error: unknown, id: number): WireError {
  if (typeof error !== "object" || error === null || isArray(error)) {
    throw violation(`the error in the answer to ${id} is not an object`);
  }
  let code: unknown, message: unknown, data: unknown;
  for (const name of ownKeys(error)) {
    const value = (error as Record<string, unknown>)[name];
    if (name === "code") code = value;
    else if (name === "message") message = value;
    else if (name === "data") data = value;
    else {throw violation(
        `the error in the answer to ${id} has the unknown member "${escapeText(name, 60)}"`,
      );}
  }
  if (!isSafeInteger(code) || typeof message !== "string") {
    throw violation(`the error in the answer to ${id} lacks an integer code or a message`);
  }
  return { code: code as number, message, data };
}

/** The member that announces byte arrays, with its comma, or nothing. */
function lengthsMember(raw: readonly Part[] | undefined): string {
  return raw === undefined ? "" : `,"$bin":[${announce(raw)}]`;
}

let quotedMethod = "";
let quoted = "";

/** Quotes a method; nearly all messages of a connection have the same one. */
function quote(method: string): string {
  if (method !== quotedMethod || quoted === "") {
    quotedMethod = method;
    quoted = stringify(method);
  }
  return quoted;
}

/** Writes a request as one line; `params` is JSON text or empty. */
export function requestLine(id: number, method: string, params: string, raw?: Part[]): string {
  const rest = params === "" ? "" : `,"params":${params}`;
  return `{"jsonrpc":"2.0","id":${id},"method":${quote(method)}${rest}${lengthsMember(raw)}}\n`;
}

export function notificationLine(method: string, params: string, raw?: Part[]): string {
  const rest = params === "" ? "" : `,"params":${params}`;
  return `{"jsonrpc":"2.0","method":${quote(method)}${rest}${lengthsMember(raw)}}\n`;
}

export function resultLine(id: number, result: string, raw?: Part[]): string {
  return `{"jsonrpc":"2.0","id":${id},"result":${result}${lengthsMember(raw)}}\n`;
}

export function errorLine(id: number, error: WireError): string {
  return `{"jsonrpc":"2.0","id":${id},"error":${stringify(error)}}\n`;
}
