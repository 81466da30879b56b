import { SallyportError } from "../../errors.ts";
import { now as clock } from "../flow/clock.ts";
import { Fifo } from "../flow/fifo.ts";
import { type EncodedValue, keep, rawLength } from "../wire/binary.ts";
import { type Message, notificationLine, requestLine } from "../wire/message.ts";
import { violation } from "../wire/violation.ts";
import { fromWireError } from "../wire/wire_error.ts";
import { cancelled, label, neverAnswered, prefix, timedOut } from "./call_errors.ts";
import type { CallsWire } from "./calls_wire.ts";
import { IdTable } from "./id_table.ts";
import type { OpenRequest, RequestOptions, ResolvedOptions } from "./options.ts";
import {
  type Call,
  encodeParams,
  metaFor,
  newCall,
  NOTHING,
  settle,
  type WaitingCall,
  withMeta,
} from "./own_call.ts";
import { StreamReader } from "./stream_reader.ts";

const ignore = () => {};

/** Keeps account of our own requests: every one is settled once, and every id is answered once. */
export class CallsOut {
  readonly #wire: CallsWire;
  readonly #options: ResolvedOptions;
  readonly #pending = new IdTable<Call>();
  /** Calls that wait for room; one that was given up stays until its turn. */
  readonly #waiting = new Fifo<WaitingCall>();
  #waitingBytes = 0;
  #nextId = 1;
  #givenUp = 0;
  #closedBy: SallyportError | undefined;

  constructor(wire: CallsWire, options: ResolvedOptions) {
    this.#wire = wire;
    this.#options = options;
  }

  get inFlight(): number {
    return this.#pending.size - this.#givenUp + this.#waiting.size;
  }

  get unanswered(): number {
    return this.#givenUp;
  }

  request(method: string, params: unknown, options: RequestOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = newCall(method, options, resolve, reject);
      call.deadline = this.#deadline(options);
      // What is thrown in here rejects the promise
      this.#start(call, method, params, options);
    });
  }

  /** Makes a stream whose request is sent when its first item is asked for. */
  stream(method: string, params: unknown, options: RequestOptions): StreamReader {
    const call = newCall(method, options, ignore, ignore);
    const stream = new StreamReader({
      start: () => this.#start(call, method, params, options),
      grant: (count) => {
        if (this.#pending.get(call.id) === call) {
          this.#wire.send(notificationLine("$/credit", `{"id":${call.id},"n":${count}}`));
        }
      },
      cancel: () => this.#giveUp(call, undefined),
      waiting: (waits) => {
        if (call.givenUp || call.settled) return;
        call.deadline = waits ? this.#deadline(options) : Infinity;
        if (call.deadline !== Infinity) this.#wire.arm(call.deadline);
      },
    }, this.#options.maxQueuedBytes);
    call.stream = stream;
    call.resolve = (value) => stream.finish(value);
    call.reject = (error) => stream.fail(error);
    return stream;
  }

  answer(message: Message): void {
    const call = this.#pending.get(message.id);
    if (call === undefined) {
      const why = message.id < this.#nextId ? "which was already answered" : "which was never sent";
      throw violation(`an answer came to request ${message.id}, ${why}`);
    }
    this.#pending.delete(message.id);
    if (call.givenUp) this.#givenUp--;
    else if (message.error === undefined) settle(call).resolve(message.value);
    else settle(call).reject(fromWireError(message.error, this.#options.role, prefix(call)));
    if (this.#waiting.size > 0) this.admit();
  }

  progress(id: number, value: unknown): void {
    const call = this.#pending.get(id);
    if (call === undefined) {
      if (id < this.#nextId) return;
      throw violation(`progress came for request ${id}, which was never sent`);
    }
    const { onProgress } = call.options;
    if (onProgress === undefined) {
      throw violation(`progress came for request ${id}, which did not ask for it`);
    }
    if (!call.givenUp) onProgress(value);
  }

  items(id: number, items: readonly unknown[], bytes: number): void {
    const call = this.#pending.get(id);
    if (call?.stream === undefined) {
      throw violation(`stream items came for request ${id}, which is not a stream in flight`);
    }
    call.stream.receive(items, bytes);
  }

  /** Handles the deadlines up to a moment; returns the next one, or `Infinity`. */
  expire(now: number): number {
    let next = Infinity;
    for (const call of this.#pending.values()) {
      if (call.deadline <= now) {
        if (call.givenUp) throw neverAnswered(call, this.#options.cancelGraceMs);
        this.#giveUp(call, timedOut(call));
      }
      next = Math.min(next, call.deadline);
    }
    for (const { call } of this.#waiting.values()) {
      if (call.settled) continue;
      if (call.deadline <= now) this.#giveUp(call, timedOut(call));
      else next = Math.min(next, call.deadline);
    }
    return next;
  }

  /** Lists the requests that were sent and are neither settled nor given up, the oldest first. */
  open(): OpenRequest[] {
    return this.#pending.values().filter(({ givenUp }) => !givenUp)
      .map(({ id, method }) => ({ id, method }));
  }

  /** Fails a request at once and cancels it; one that is settled stays so. */
  fail(id: number, describe: (label: string) => SallyportError): void {
    const call = this.#pending.get(id);
    if (call !== undefined) this.#giveUp(call, describe(label(call)));
  }

  admit(): void {
    while (this.#waiting.size > 0 && this.#hasRoom()) {
      const waiting = this.#waiting.shift()!;
      if (waiting.call.settled) continue;
      const { body } = waiting;
      this.#letGo(waiting);
      try {
        this.#sendRequest(waiting.call, waiting.method, body);
      } catch (error) {
        settle(waiting.call).reject(error as SallyportError);
      }
    }
  }

  close(reason: SallyportError): void {
    this.#closedBy = reason;
    const calls = [...this.#pending.values()];
    for (const { call } of this.#waiting.values()) calls.push(call);
    this.#pending.clear();
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#givenUp = 0;
    for (const call of calls) if (!call.settled) settle(call).reject(reason);
  }

  #start(call: Call, method: string, params: unknown, options: RequestOptions): void {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    const { signal } = options;
    if (signal?.aborted) throw cancelled(call, signal.reason);
    const meta = metaFor(options, call.stream !== undefined);
    const full = meta === undefined ? params : withMeta(params, meta);
    const body = full === undefined ? NOTHING : encodeParams(full);
    if (this.#waiting.size === 0 && this.#hasRoom()) this.#sendRequest(call, method, body);
    else this.#wait(call, method, body);
    if (signal && !call.settled) {
      call.onAbort = () => this.#giveUp(call, cancelled(call, signal.reason));
      signal.addEventListener("abort", call.onAbort, { once: true });
    }
    if (call.deadline !== Infinity) this.#wire.arm(call.deadline);
  }

  #hasRoom(): boolean {
    return this.#pending.size < this.#options.maxInFlight && !this.#wire.backlog.isFull;
  }

  #wait(call: Call, method: string, body: EncodedValue): void {
    const { maxWaiting, maxWaitingBytes } = this.#options;
    const bytes = body.text.length + rawLength(body.raw);
    const isMany = this.#waiting.size >= maxWaiting;
    if (isMany || (this.#waitingBytes > 0 && this.#waitingBytes + bytes > maxWaitingBytes)) {
      const others = isMany ? `${maxWaiting} others` : `others with ${this.#waitingBytes} bytes`;
      throw new SallyportError("limit-exceeded", `Cannot send ${label(call)}: ${others} wait`, {
        hint: "Await earlier calls before making more",
        details: { local: true, maxWaiting, maxWaitingBytes },
      });
    }
    // The caller may change its bytes before they are sent
    const kept = { ...body, raw: body.raw?.map(keep) };
    this.#waiting.push(call.waiting = { call, method, body: kept, bytes });
    this.#waitingBytes += bytes;
  }

  /** Lets go of what a call would send that does not wait any more. */
  #letGo(waiting: WaitingCall): void {
    this.#waitingBytes -= waiting.bytes;
    waiting.body = NOTHING;
    waiting.call.waiting = undefined;
  }

  #sendRequest(call: Call, method: string, body: EncodedValue): void {
    const id = call.id = this.#nextId++;
    // First, because sending may close the connection, which settles what is pending
    this.#pending.add(call);
    try {
      const raw = body.raw && this.#wire.place(body.raw);
      this.#wire.send(requestLine(id, method, body.text, raw), raw);
    } catch (error) {
      this.#pending.delete(id);
      throw error;
    }
  }

  #deadline({ timeoutMs }: RequestOptions): number {
    return timeoutMs === undefined || timeoutMs === Infinity
      ? Infinity
      : this.#wire.now() + timeoutMs;
  }

  /** Settles a call without its answer, which the peer still owes. */
  #giveUp(call: Call, error: SallyportError | undefined): void {
    if (call.givenUp || call.settled) return;
    const { reject } = settle(call);
    call.givenUp = true;
    if (call.waiting !== undefined) this.#letGo(call.waiting);
    if (this.#pending.get(call.id) === call) {
      this.#givenUp++;
      call.deadline = clock() + this.#options.cancelGraceMs;
      this.#wire.arm(call.deadline);
      this.#wire.send(notificationLine("$/cancel", `{"id":${call.id}}`));
    }
    if (error) reject(error);
  }
}
