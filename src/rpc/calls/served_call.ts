import { SallyportError } from "../../errors.ts";
import { now as clock } from "../flow/clock.ts";
import { encodeValue } from "../wire/binary.ts";
import { notificationLine } from "../wire/message.ts";
import { violation } from "../wire/violation.ts";
import type { CallsWire } from "./calls_wire.ts";
import type { IncomingCall } from "./options.ts";
import type { StreamWriter } from "./stream_writer.ts";

const { AbortController: Controller } = globalThis;
const NO_META: Readonly<Record<string, unknown>> = Object.freeze({});
const MAX_FIRST_CREDIT = 65_536;

/** One request of the peer, from when it came until it is answered. */
export class ServedCall implements IncomingCall {
  readonly id: number;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly #wire: CallsWire;
  #controller: AbortController | undefined;
  answered = false;
  aborted = false;
  /** What to begin it with, as long as it waits. */
  waiting: { readonly method: string; readonly params: unknown } | undefined;
  writer: StreamWriter | undefined;

  constructor(id: number, meta: Readonly<Record<string, unknown>>, wire: CallsWire) {
    this.id = id;
    this.meta = meta;
    this.#wire = wire;
  }

  get streaming(): boolean {
    return this.writer !== undefined;
  }

  /** Made when first looked at: most handlers never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new Controller();
      if (this.aborted) this.#controller.abort(abortReason());
    }
    return this.#controller.signal;
  }

  progress(value: unknown): void {
    if (this.answered || this.meta.progress !== true) return;
    const { text, raw } = encodeValue(value, "null");
    this.#wire.progressBudget.refill(clock());
    if (!this.#wire.progressBudget.take()) return;
    this.#wire.send(notificationLine("$/progress", `{"id":${this.id},"value":${text}}`, raw), raw);
  }

  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    this.writer?.stop();
    this.#controller?.abort(abortReason());
  }
}

function abortReason(): SallyportError {
  return new SallyportError("cancelled", "The caller cancelled the call");
}

/** Reads the `_meta` of params, of which `stream` and `progress` are the protocol's own. */
export function readMeta(params: unknown): Readonly<Record<string, unknown>> {
  if (typeof params !== "object" || params === null || !Object.hasOwn(params, "_meta")) {
    return NO_META;
  }
  const meta = (params as { _meta: unknown })._meta;
  if (typeof meta !== "object" || meta === null || Array.isArray(meta)) {
    throw violation('"_meta" is not an object');
  }
  const { stream, progress } = meta as Record<string, unknown>;
  if (
    stream !== undefined &&
    !(Number.isSafeInteger(stream) && (stream as number) > 0 &&
      (stream as number) <= MAX_FIRST_CREDIT)
  ) {
    throw violation('"_meta.stream" is not a credit');
  }
  if (progress !== undefined && typeof progress !== "boolean") {
    throw violation('"_meta.progress" is not a boolean');
  }
  return meta as Record<string, unknown>;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as Record<symbol, unknown>)[Symbol.asyncIterator] === "function";
}
