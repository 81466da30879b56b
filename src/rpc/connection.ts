// A connection between host and plugin: requests, streams and notifications in both directions over
// any duplex of bytes. The peer is not trusted; what breaks the protocol closes the connection.
import { SallyportError } from "../errors.ts";
import { Backlog } from "./calls/backlog.ts";
import { encodeValue } from "./wire/binary.ts";
import { CallsIn } from "./calls/calls_in.ts";
import { CallsOut } from "./calls/calls_out.ts";
import type { CallsWire } from "./calls/calls_wire.ts";
import { now as clock } from "./flow/clock.ts";
import { DeadlineTimer } from "./flow/deadline_timer.ts";
import type { ByteDuplex } from "./transport/duplex.ts";
import { askWhyEnded, asReason, tornMessage } from "./wire/end_reason.ts";
import { afterMove, LANE_LINE, Lanes } from "./transport/lanes.ts";
import {
  DEFAULT_MESSAGE_LIMITS,
  type MessageLimits,
  tooLong,
  tooLongError,
} from "./wire/limits.ts";
import { notificationLine } from "./wire/message.ts";
import {
  type ConnectionOptions,
  type ConnectionStats,
  PROGRESS_PER_SECOND,
  type RequestOptions,
  type ResolvedOptions,
  resolveOptions,
} from "./calls/options.ts";
import { Outbox } from "./transport/outbox.ts";
import { PeerReader } from "./peer_reader.ts";
import { behindLine, type Part } from "./wire/parts.ts";
import { SharedValues } from "./transport/shared_values.ts";
import { TokenBucket } from "./flow/token_bucket.ts";

export type { ConnectionOptions, IncomingCall, RequestOptions } from "./calls/options.ts";

/** How long a peer that cannot be written to may still be read from, in milliseconds. */
const LAST_WORDS_MS = 1_000;

type State = "open" | "ending" | "closed";

/** Speaks the wire protocol over a duplex of bytes, for either end. */
export class Connection implements AsyncDisposable {
  /** Resolves when it is closed and its duplex released: with the reason, where there is one. */
  readonly closed: Promise<SallyportError | undefined>;
  readonly #settleClosed: (reason: SallyportError | undefined) => void;
  readonly #options: ResolvedOptions;
  readonly #limits: MessageLimits;
  readonly #reader: PeerReader;
  readonly #outbox: Outbox;
  readonly #callsOut: CallsOut;
  readonly #callsIn: CallsIn;
  readonly #lanes: Lanes;
  readonly #shared: SharedValues;
  readonly #timer: DeadlineTimer;
  readonly #backlog: Backlog;
  #state: State = "open";
  #brokenDeadline = Infinity;
  #isOutFirst = false;

  constructor(given: ConnectionOptions) {
    const options = this.#options = resolveOptions(given);
    const limits = this.#limits = {
      ...DEFAULT_MESSAGE_LIMITS,
      maxMessageBytes: options.maxMessageBytes,
    };
    ({ promise: this.closed, resolve: this.#settleClosed } = Promise.withResolvers());
    const lanes = this.#lanes = new Lanes(options.io, {
      opened: (lane) => this.#speakOver(lane),
      controlSpoke: () => this.#closeWith(afterMove()),
      controlEnded: () => this.#pipeBroke(),
    });
    this.#timer = new DeadlineTimer((now) => this.#expire(now));
    const arm = (at: number) => this.#timer.arm(at);
    const send = (line: string, raw?: Part[]) => this.#send(line, raw);
    const shared = this.#shared = new SharedValues(send, limits);
    this.#outbox = new Outbox(options.io, {
      failed: () => this.#pipeBroke(),
      drained: () => this.#resumeCalls(),
    });
    this.#backlog = new Backlog(this.#outbox, shared, limits, options);
    const wire: CallsWire = {
      place: (raw) => shared.place(raw),
      send,
      arm,
      now: () => this.#outbox.turnTime,
      charge: (since) => this.#reader.charge(since),
      backlog: this.#backlog,
      progressBudget: new TokenBucket(PROGRESS_PER_SECOND, clock()),
    };
    this.#callsOut = new CallsOut(wire, options);
    this.#callsIn = new CallsIn(wire, options);
    this.#reader = new PeerReader({
      options,
      limits,
      lanes,
      shared,
      callsIn: this.#callsIn,
      callsOut: this.#callsOut,
      arm,
      isOpen: () => this.#state === "open",
      freed: () => this.#resumeCalls(),
      failed: (error) => this.#closeWith(error),
      ended: (error) => this.#ended(error),
    });
    void this.#reader.run();
  }

  get isClosed(): boolean {
    return this.#state !== "open";
  }

  get stats(): ConnectionStats {
    return {
      sent: this.#outbox.sent,
      received: this.#reader.received,
      bytesSent: this.#outbox.bytesSent + this.#shared.bytesSent,
      bytesReceived: this.#reader.bytesReceived + this.#shared.bytesReceived,
      inFlight: this.#callsOut.inFlight,
      unanswered: this.#callsOut.unanswered,
      serving: this.#callsIn.size,
      ...this.#reader.stats,
    };
  }

  /** Changes how many bytes a message may have from the next one on, and those that wait. */
  setLimits(
    maxMessageBytes: number,
    maxWaitingBytes: number = this.#options.maxWaitingBytes,
  ): void {
    if (!(maxMessageBytes > 0 && maxWaitingBytes > 0)) {
      throw new RangeError(`Limits must be positive: ${maxMessageBytes}, ${maxWaitingBytes}`);
    }
    this.#limits.maxMessageBytes = maxMessageBytes;
    this.#options.maxWaitingBytes = maxWaitingBytes;
  }

  /** Changes how many milliseconds a second the peer may take of this thread. */
  setHostShare(msPerSecond: number): void {
    this.#reader.setHostShare(msPerSecond);
  }

  /** Sends a request; rejects with its error, or with the reason for which the connection closed. */
  request(method: string, params: unknown, options: RequestOptions = {}): Promise<unknown> {
    return this.#callsOut.request(method, params, options);
  }

  /** Sends a request that is answered in items, when the first is asked for; leaving early cancels it. */
  stream(method: string, params: unknown, options: RequestOptions = {}): AsyncGenerator<unknown> {
    return this.#callsOut.stream(method, params, options);
  }

  /** The requests of this end in flight: lists them, and fails one at once. */
  get openRequests(): Pick<CallsOut, "open" | "fail"> {
    return this.#callsOut;
  }

  /** Sends a notification; after the end of the connection it is dropped. */
  notify(method: string, params: unknown): void {
    const body = encodeValue(params, "");
    const raw = body.raw && this.#shared.place(body.raw);
    this.#send(notificationLine(method, body.text, raw), raw);
  }

  /** Writes what is queued without waiting for the end of this turn of the event loop. */
  flush(): void {
    this.#outbox.flush();
  }

  /** Whether something could not be written by {@linkcode flush}, for a write that is under way. */
  get isHeldUp(): boolean {
    return this.#outbox.isHeldUp;
  }

  /** Speaks over another duplex from now on, and reads from it as soon as the peer has followed. */
  moveTo(lane: ByteDuplex): void {
    this.#lanes.offer(lane);
    this.#speakOver(lane);
  }

  /** Takes the files that large values travel in, one for each direction. */
  get shared(): Pick<SharedValues, "isWriting" | "readFrom" | "writeTo"> {
    return this.#shared;
  }

  idle(): Promise<void> {
    return this.#outbox.idle();
  }

  /** Writes what is queued, then ends the outgoing direction; reading goes on. */
  async end(): Promise<void> {
    await this.idle();
    if (this.#state === "open") await this.#lanes.end();
  }

  /** Closes the connection and settles every request and stream, with `cancelled` by default. */
  close(reason?: SallyportError): void {
    this.#close(reason, reason ?? new SallyportError("cancelled", "The connection was closed"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  #close(reason: SallyportError | undefined, forCalls: SallyportError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#reader.stop();
    this.#timer.stop();
    this.#callsIn.close();
    this.#outbox.stop();
    this.#shared.close();
    this.#callsOut.close(forCalls);
    void (async () => {
      try {
        await this.#lanes.close();
      } catch {
        // The peer is gone, which is what closing is for
      }
      this.#settleClosed(reason);
    })();
  }

  #resumeCalls(): void {
    // by turns, so that neither takes all the room for ever
    this.#isOutFirst = !this.#isOutFirst;
    if (this.#isOutFirst) this.#callsOut.admit();
    this.#callsIn.resume();
    this.#callsOut.admit();
  }

  #send(line: string, raw?: Part[]): void {
    if (this.#state !== "open") return;
    const { maxMessageBytes } = this.#limits;
    if (tooLong(line, maxMessageBytes)) {
      if (raw !== undefined) this.#shared.takeBack(raw);
      throw tooLongError(maxMessageBytes);
    }
    const { breach } = this.#backlog;
    if (breach !== undefined) return this.#closeWith(breach);
    this.#outbox.push(line, raw && behindLine(raw));
  }

  #speakOver(lane: ByteDuplex): void {
    this.#outbox.push(LANE_LINE);
    this.#outbox.moveTo(lane);
  }

  #expire(now: number): number {
    try {
      const next = Math.min(this.#reader.expire(now), this.#callsOut.expire(now));
      if (this.#brokenDeadline <= now) void this.#ended(new Error("The pipe broke"));
      return this.#state === "open" ? Math.min(next, this.#brokenDeadline) : Infinity;
    } catch (error) {
      this.#closeWith(error);
      return Infinity;
    }
  }

  /** The peer has most likely ended; what it said before is still to be read. */
  #pipeBroke(): void {
    if (this.#state !== "open") return;
    this.#brokenDeadline = clock() + LAST_WORDS_MS;
    this.#timer.arm(this.#brokenDeadline);
  }

  async #ended(error: unknown): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.#callsIn.close();
    const torn = error === undefined && this.#reader.isMidMessage ? tornMessage() : undefined;
    const { reason, isKnown } = await askWhyEnded(this.#options.onEnd, error);
    const crashed = isKnown ? reason : torn ?? reason;
    this.#close(torn ?? (error === undefined ? undefined : crashed), crashed);
  }

  #closeWith(error: unknown): void {
    const reason = asReason(error);
    this.#close(reason, reason);
  }
}
