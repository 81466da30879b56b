import { SallyportError } from "../../errors.ts";
import type { Backlog } from "./backlog.ts";
import { encodeValue, rawLength } from "../wire/binary.ts";
import { now as clock } from "../flow/clock.ts";
import { malformed, readId, readParams } from "../wire/control.ts";
import { IdTable } from "./id_table.ts";
import {
  errorLine,
  type Message,
  notificationLine,
  resultLine,
  WIRE_CODES,
  type WireError,
} from "../wire/message.ts";
import type { IncomingCall, ResolvedOptions } from "./options.ts";
import type { Part } from "../wire/parts.ts";
import { StreamWriter } from "./stream_writer.ts";
import type { TokenBucket } from "../flow/token_bucket.ts";
import { violation } from "../wire/violation.ts";
import { toWireError } from "../wire/wire_error.ts";

const { AbortController: Controller } = globalThis;
const NO_META: Readonly<Record<string, unknown>> = Object.freeze({});
const MAX_FIRST_CREDIT = 65_536;

const TOO_LONG: WireError = {
  code: WIRE_CODES.own,
  message: "The call failed, and its error is longer than a message may be",
  data: { code: "limit-exceeded", details: {} },
};

/** What incoming calls need of their connection. */
export interface CallsInWire {
  /** Makes parts of the byte arrays of a message that is sent next; throws `limit-exceeded`. */
  place(raw: Uint8Array[]): Part[];
  /** Sends a line; throws `limit-exceeded` for one that is too long. */
  send(line: string, raw?: Part[]): void;
  /** What waits for the peer. */
  readonly backlog: Pick<Backlog, "holdsUp" | "room">;
  /** Limits how often progress is reported. */
  readonly progressBudget: TokenBucket;
  /** Charges the peer for what was done for it since a moment. */
  charge(since: number): void;
}

/** One request of the peer. */
class Served implements IncomingCall {
  readonly id: number;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly #wire: CallsInWire;
  #controller: AbortController | undefined;
  answered = false;
  aborted = false;
  /** What to begin it with, as long as it waits. */
  waiting: { readonly method: string; readonly params: unknown } | undefined;
  writer: StreamWriter | undefined;

  constructor(id: number, meta: Readonly<Record<string, unknown>>, wire: CallsInWire) {
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
  return new SallyportError("cancelled", "The caller gave the call up");
}

/** Keeps account of the peer's requests: every one is answered once, a cancelled one at once. */
export class CallsIn {
  readonly #wire: CallsInWire;
  readonly #options: ResolvedOptions;
  readonly #serving = new IdTable<Served>();
  /** Handlers under way, those of cancelled requests included. */
  #running = 0;
  #highestId = 0;
  /** Requests that wait for room or for others to end, from `#heldFrom` on. */
  #held: (Served | undefined)[] = [];
  #heldFrom = 0;
  #room: PromiseWithResolvers<void> | undefined;
  #closed = false;

  /** Makes an empty account. */
  constructor(wire: CallsInWire, options: ResolvedOptions) {
    this.#wire = wire;
    this.#options = options;
  }

  /** Counts requests that are not answered. */
  get size(): number {
    return this.#serving.size;
  }

  /** Takes a request. */
  accept(message: Message): void {
    const { id, method, value: params } = message;
    const { maxInFlight, role, accepts } = this.#options;
    if (this.#serving.get(id) !== undefined) {
      throw violation(`request ${id} came again while it was in flight`);
    }
    if (this.#serving.size >= maxInFlight) {
      throw violation(`more than ${maxInFlight} requests are in flight`, { maxInFlight });
    }
    if (id > this.#highestId) this.#highestId = id;
    if (!accepts(method, "request")) {
      if (role === "host") throw violation(`a plugin may not request "${cut(method)}"`);
      return this.#send(
        errorLine(id, { code: WIRE_CODES.methodNotFound, message: "Unknown method" }),
      );
    }
    const call = this.#newCall(id, params);
    this.#serving.add(call);
    if (this.#held.length === 0 && this.#hasRoom) this.#begin(call, method, params);
    else if (this.#held.length - this.#heldFrom >= 2 * maxInFlight) {
      // a peer that cancels what it sends must not pile up requests
      this.#fail(call, new SallyportError("limit-exceeded", "Too many cancelled calls wait"));
    } else {
      call.waiting = { method, params };
      this.#held[this.#held.length] = call;
    }
  }

  get #hasRoom(): boolean {
    return this.#running < this.#options.maxRunning && !this.#wire.backlog.holdsUp;
  }

  /** Goes on with what waited, as far as there is room. */
  resume(): void {
    while (this.#heldFrom < this.#held.length && this.#hasRoom) {
      const call = this.#held[this.#heldFrom]!;
      this.#held[this.#heldFrom++] = undefined;
      const { waiting } = call;
      call.waiting = undefined; // its params are not kept for those behind it
      if (call.answered || waiting === undefined) continue;
      const since = clock();
      this.#begin(call, waiting.method, waiting.params);
      this.#wire.charge(since);
    }
    if (this.#heldFrom === this.#held.length) {
      this.#held = [];
      this.#heldFrom = 0;
    }
    if (this.#room === undefined || this.#wire.backlog.holdsUp) return;
    this.#room.resolve();
    this.#room = undefined;
  }

  #begin(call: Served, method: string, params: unknown): void {
    let given: unknown;
    try {
      given = this.#options.onRequest?.(method, params, call);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (isThenable(given)) {
      this.#running++;
      given.then(
        (value) => this.#ended(() => this.#finish(call, value)),
        (error) => this.#ended(() => this.#fail(call, error)),
      );
    } else this.#finish(call, given);
  }

  /** Takes a notification about one of the requests. */
  control(message: Message): boolean {
    const { method } = message;
    if (method === "$/credit") {
      const { n } = readParams(message, "n");
      if (!Number.isSafeInteger(n) || (n as number) <= 0) throw malformed(method);
      this.#credit(readId(message), n as number);
    } else if (method === "$/cancel") {
      readParams(message);
      this.#cancel(readId(message));
    } else return false;
    return true;
  }

  /** One that comes too late is no mistake. */
  #cancel(id: number): void {
    const call = this.#serving.get(id);
    if (call === undefined) return;
    this.#answer(call, errorLine(id, { code: WIRE_CODES.cancelled, message: "Request cancelled" }));
    call.abort();
  }

  /** One that comes too late is no mistake. */
  #credit(id: number, count: number): void {
    if (id > this.#highestId) {
      throw violation(`credit came for request ${id}, which was never sent`);
    }
    const call = this.#serving.get(id);
    if (call === undefined) return;
    if (call.writer === undefined) {
      throw violation(`credit came for request ${id}, which did not ask for a stream`);
    }
    if (!call.writer.grant(count)) throw violation(`credit for request ${id} adds up to too much`);
  }

  /** Aborts every call and answers nothing from now on. */
  close(): void {
    this.#closed = true;
    this.#held = [];
    this.#heldFrom = 0;
    this.#room?.resolve();
    for (const call of this.#serving.values()) {
      call.answered = true;
      call.abort();
    }
    this.#serving.clear();
  }

  #newCall(id: number, params: unknown): Served {
    const meta = readMeta(params);
    const call = new Served(id, meta, this.#wire);
    if (meta.stream !== undefined) {
      call.writer = new StreamWriter(meta.stream as number, (items, bytes) => {
        if (call.answered) return;
        const raw = bytes && this.#wire.place(bytes);
        this.#wire.send(notificationLine("$/stream", `{"id":${id},"items":${items}}`, raw), raw);
      }, () => this.#untilRoom());
    }
    return call;
  }

  /** Gives nothing where there is room. */
  #untilRoom(): Promise<void> | undefined {
    if (this.#closed || !this.#wire.backlog.holdsUp) return undefined;
    return (this.#room ??= Promise.withResolvers<void>()).promise;
  }

  #finish(call: Served, value: unknown): void {
    if (call.answered || this.#closed) return;
    let items: AsyncIterable<unknown> | undefined;
    try {
      items = call.writer && isAsyncIterable(value) ? value : undefined;
    } catch (error) {
      return this.#fail(call, error); // it refuses to be looked at
    }
    if (call.writer !== undefined && items !== undefined) {
      this.#running++;
      call.writer.run(items).then(
        (result) => this.#ended(() => this.#result(call, result)),
        (error) => this.#ended(() => this.#fail(call, error)),
      );
      return;
    }
    this.#result(call, value);
  }

  /** Answers for a handler that has ended, and goes on with what waited for that. */
  #ended(answer: () => void): void {
    const since = clock();
    this.#running--;
    answer();
    this.#wire.charge(since);
    if (this.#held.length > 0) this.resume();
  }

  #result(call: Served, value: unknown): void {
    if (call.answered || this.#closed) return;
    try {
      const body = encodeValue(value, "null");
      if (body.text.length + rawLength(body.raw) > this.#wire.backlog.room) throw tooManyWait();
      const raw = body.raw && this.#wire.place(body.raw);
      this.#wire.send(resultLine(call.id, body.text, raw), raw);
    } catch (error) {
      return this.#fail(call, error);
    }
    call.answered = true;
    this.#serving.delete(call.id);
  }

  #fail(call: Served, error: unknown): void {
    if (call.answered || this.#closed) return;
    this.#answer(call, this.#errorLine(call.id, error));
  }

  #answer(call: Served, line: string): void {
    call.answered = true;
    call.waiting = undefined;
    this.#serving.delete(call.id);
    try {
      this.#send(line);
    } catch {
      this.#send(errorLine(call.id, TOO_LONG)); // a plugin's limit may be as low as 1 KiB
    }
  }

  #send(line: string): void {
    this.#wire.send(line);
  }

  #errorLine(id: number, error: unknown): string {
    const { role, describeError } = this.#options;
    const last: WireError = { code: WIRE_CODES.internal, message: "The error cannot be told" };
    for (const describe of [describeError, (error: unknown) => toWireError(error, role)]) {
      try {
        if (describe) return errorLine(id, describe(error));
      } catch {
        // Details that JSON cannot carry: the next form has less in it
      }
    }
    return errorLine(id, last);
  }
}

function tooManyWait(): SallyportError {
  return new SallyportError(
    "limit-exceeded",
    "Cannot answer: too many other answers wait to be read",
    {
      hint: "Await earlier calls before making more",
    },
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { then?: unknown }).then === "function";
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as Record<symbol, unknown>)[Symbol.asyncIterator] === "function";
}

function cut(text: string): string {
  return text.replace(/[^\w$/.:-]/g, "?").slice(0, 60);
}

function readMeta(params: unknown): Readonly<Record<string, unknown>> {
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
