import { SallyportError } from "../../errors.ts";
import { now as clock } from "../flow/clock.ts";
import { Fifo } from "../flow/fifo.ts";
import { encodeValue, rawLength } from "../wire/binary.ts";
import { malformed, readId, readParams } from "../wire/control.ts";
import {
  errorLine,
  type Message,
  notificationLine,
  resultLine,
  WIRE_CODES,
  type WireError,
} from "../wire/message.ts";
import { shownMethod, violation } from "../wire/violation.ts";
import { toWireError } from "../wire/wire_error.ts";
import type { CallsWire } from "./calls_wire.ts";
import { IdTable } from "./id_table.ts";
import type { ResolvedOptions } from "./options.ts";
import { isAsyncIterable, isThenable, readMeta, ServedCall } from "./served_call.ts";
import { StreamWriter } from "./stream_writer.ts";

const TOO_LONG: WireError = {
  code: WIRE_CODES.own,
  message: "The call failed, and its error is longer than a message may be",
  data: { code: "limit-exceeded", details: {} },
};

/** Keeps account of the peer's requests: every one is answered once, a cancelled one at once. */
export class CallsIn {
  readonly #wire: CallsWire;
  readonly #options: ResolvedOptions;
  readonly #serving = new IdTable<ServedCall>();
  /** Handlers under way, those of cancelled requests included. */
  #running = 0;
  #highestId = 0;
  /** Requests that wait for room or for others to end. */
  readonly #held = new Fifo<ServedCall>();
  #room: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(wire: CallsWire, options: ResolvedOptions) {
    this.#wire = wire;
    this.#options = options;
  }

  get size(): number {
    return this.#serving.size;
  }

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
      if (role === "host") throw violation(`a plugin may not request "${shownMethod(method)}"`);
      return this.#wire.send(
        errorLine(id, { code: WIRE_CODES.methodNotFound, message: "Unknown method" }),
      );
    }
    const call = this.#newCall(id, params);
    this.#serving.add(call);
    if (this.#held.size === 0 && this.#hasRoom) this.#begin(call, method, params);
    else if (this.#held.size >= 2 * maxInFlight) {
      // a peer that cancels what it sends must not pile up requests
      this.#fail(call, new SallyportError("limit-exceeded", "Too many cancelled calls wait"));
    } else {
      call.waiting = { method, params };
      this.#held.push(call);
    }
  }

  get #hasRoom(): boolean {
    return this.#running < this.#options.maxRunning && !this.#wire.backlog.holdsUp;
  }

  resume(): void {
    while (this.#held.size > 0 && this.#hasRoom) {
      const call = this.#held.shift()!;
      const { waiting } = call;
      call.waiting = undefined; // the queue must not keep its params alive
      if (call.answered || waiting === undefined) continue;
      const since = clock();
      this.#begin(call, waiting.method, waiting.params);
      this.#wire.charge(since);
    }
    if (this.#room === undefined || this.#wire.backlog.holdsUp) return;
    this.#room.resolve();
    this.#room = undefined;
  }

  #begin(call: ServedCall, method: string, params: unknown): void {
    let given: unknown;
    try {
      given = this.#options.onRequest?.(method, params, call);
    } catch (error) {
      return this.#fail(call, error);
    }
    if (isThenable(given)) this.#await(call, given, (value) => this.#finish(call, value));
    else this.#finish(call, given);
  }

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

  /** To cancel a request that was answered is no violation, as both may cross. */
  #cancel(id: number): void {
    const call = this.#serving.get(id);
    if (call === undefined) return;
    this.#answer(call, errorLine(id, { code: WIRE_CODES.cancelled, message: "Request cancelled" }));
    call.abort();
  }

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
    this.#held.clear();
    this.#room?.resolve();
    for (const call of this.#serving.values()) {
      call.answered = true;
      call.abort();
    }
    this.#serving.clear();
  }

  #newCall(id: number, params: unknown): ServedCall {
    const meta = readMeta(params);
    const call = new ServedCall(id, meta, this.#wire);
    if (meta.stream !== undefined) {
      call.writer = new StreamWriter(meta.stream as number, (items, bytes) => {
        if (call.answered) return;
        const raw = bytes && this.#wire.place(bytes);
        this.#wire.send(notificationLine("$/stream", `{"id":${id},"items":${items}}`, raw), raw);
      }, () => this.#untilRoom());
    }
    return call;
  }

  /** Waits for room; returns `undefined` where there is some. */
  #untilRoom(): Promise<void> | undefined {
    if (this.#closed || !this.#wire.backlog.holdsUp) return undefined;
    return (this.#room ??= Promise.withResolvers<void>()).promise;
  }

  #finish(call: ServedCall, value: unknown): void {
    if (call.answered || this.#closed) return;
    try {
      if (call.writer === undefined || !isAsyncIterable(value)) return this.#result(call, value);
    } catch (error) {
      return this.#fail(call, error); // a getter of the value threw
    }
    this.#await(call, call.writer.run(value), (result) => this.#result(call, result));
  }

  #await(call: ServedCall, work: PromiseLike<unknown>, done: (value: unknown) => void): void {
    this.#running++;
    work.then(
      (value) => this.#ended(() => done(value)),
      (error) => this.#ended(() => this.#fail(call, error)),
    );
  }

  /** Answers for a handler that has ended, and goes on with what waited for that. */
  #ended(answer: () => void): void {
    const since = clock();
    this.#running--;
    answer();
    this.#wire.charge(since);
    if (this.#held.size > 0) this.resume();
  }

  #result(call: ServedCall, value: unknown): void {
    if (call.answered || this.#closed) return;
    try {
      const body = encodeValue(value, "null");
      if (body.text.length + rawLength(body.raw) > this.#wire.backlog.room) {
        const message = "Cannot answer: too many other answers wait to be read";
        const hint = "Await earlier calls before making more";
        return this.#fail(call, new SallyportError("limit-exceeded", message, { hint }));
      }
      const raw = body.raw && this.#wire.place(body.raw);
      this.#wire.send(resultLine(call.id, body.text, raw), raw);
    } catch (error) {
      return this.#fail(call, error);
    }
    call.answered = true;
    this.#serving.delete(call.id);
  }

  #fail(call: ServedCall, error: unknown): void {
    if (call.answered || this.#closed) return;
    this.#answer(call, this.#errorLine(call.id, error));
  }

  #answer(call: ServedCall, line: string): void {
    call.answered = true;
    call.waiting = undefined;
    this.#serving.delete(call.id);
    try {
      this.#wire.send(line);
    } catch {
      this.#wire.send(errorLine(call.id, TOO_LONG)); // a plugin's limit may be as low as 1 KiB
    }
  }

  #errorLine(id: number, error: unknown): string {
    const { role, describeError } = this.#options;
    const last: WireError = { code: WIRE_CODES.internal, message: "The error cannot be described" };
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
