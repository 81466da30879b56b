import { readThrown, SallyportError } from "../../errors.ts";
import { type EncodedValue, encodeValue } from "../wire/binary.ts";
import type { RequestOptions } from "./options.ts";
import { FIRST_CREDIT, type StreamReader } from "./stream_reader.ts";

/** One request of our own, from the moment it was made until the peer has answered it. */
export interface Call {
  id: number;
  method: string;
  options: RequestOptions;
  /** When it fails with `timeout`; when the peer must have answered, once it was given up. */
  deadline: number;
  givenUp: boolean;
  settled: boolean;
  resolve: (value: unknown) => void;
  reject: (error: SallyportError) => void;
  stream: StreamReader | undefined;
  onAbort: (() => void) | undefined;
  /** Its place among those that wait for room. */
  waiting: WaitingCall | undefined;
}

export interface WaitingCall {
  readonly call: Call;
  readonly method: string;
  readonly bytes: number;
  body: EncodedValue;
}

export const NOTHING: EncodedValue = { text: "", raw: undefined };

/** Encodes params, whose getters may throw anything. */
export function encodeParams(params: unknown): EncodedValue {
  try {
    return encodeValue(params, "");
  } catch (cause) {
    if (cause instanceof TypeError || cause instanceof SallyportError) throw cause;
    const { message } = readThrown(cause);
    throw new TypeError(`Cannot send a value: it cannot be read: ${message}`, { cause });
  }
}

export function newCall(
  method: string,
  options: RequestOptions,
  resolve: Call["resolve"],
  reject: Call["reject"],
): Call {
  const { timeoutMs } = options;
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0)) {
    throw new RangeError(`Cannot send a request: "timeoutMs" must be positive: ${timeoutMs}`);
  }
  return {
    id: 0,
    method,
    options,
    deadline: Infinity,
    givenUp: false,
    settled: false,
    resolve,
    reject,
    stream: undefined,
    onAbort: undefined,
    waiting: undefined,
  };
}

/** Marks a call as settled and lets go of its signal. */
export function settle(call: Call): Pick<Call, "resolve" | "reject"> {
  if (call.onAbort) call.options.signal?.removeEventListener("abort", call.onAbort);
  call.settled = true;
  return call;
}

export function metaFor(
  options: RequestOptions,
  streams: boolean,
): Record<string, unknown> | undefined {
  if (options.meta === undefined && options.onProgress === undefined && !streams) return undefined;
  return {
    ...options.meta,
    ...(options.onProgress ? { progress: true } : {}),
    ...(streams ? { stream: FIRST_CREDIT } : {}),
  };
}

export function withMeta(params: unknown, meta: Record<string, unknown>): Record<string, unknown> {
  if (
    params !== undefined && (typeof params !== "object" || params === null || Array.isArray(params))
  ) {
    throw new TypeError("Cannot send a request: params must be an object where there is meta");
  }
  return { ...params, _meta: meta };
}
