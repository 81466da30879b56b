import { SallyportError } from "../errors.ts";
import type { CallsIn } from "./calls/calls_in.ts";
import type { CallsOut } from "./calls/calls_out.ts";
import type { ResolvedOptions } from "./calls/options.ts";
import { now as clock } from "./flow/clock.ts";
import { HostTime } from "./flow/host_time.ts";
import { Pause } from "./flow/pause.ts";
import { TokenBucket } from "./flow/token_bucket.ts";
import { afterMove, type Lanes } from "./transport/lanes.ts";
import type { SharedValues } from "./transport/shared_values.ts";
import { insertBytes, rawLength } from "./wire/binary.ts";
import { malformed, readId, readParams } from "./wire/control.ts";
import { FrameReader } from "./wire/framing.ts";
import { isShort } from "./wire/json_check.ts";
import { KnownLines } from "./wire/known_lines.ts";
import type { MessageLimits } from "./wire/limits.ts";
import { type Message, parseMessage } from "./wire/message.ts";
import { shownMethod, violation } from "./wire/violation.ts";

export interface PeerReaderOwner {
  readonly options: ResolvedOptions;
  readonly limits: MessageLimits;
  readonly lanes: Lanes;
  readonly shared: SharedValues;
  readonly callsIn: CallsIn;
  readonly callsOut: CallsOut;
  isOpen(): boolean;
  /** Makes sure that {@linkcode PeerReader.expire} runs at a moment. */
  arm(at: number): void;
  /** Goes on with calls that waited for room. */
  freed(): void;
  failed(error: unknown): void;
  ended(error: unknown): Promise<void>;
}

/** Reads the peer's messages, and leaves them in the pipe once the peer has used its share of this thread. */
export class PeerReader {
  received = 0;
  bytesReceived = 0;
  #unasked = 0;
  readonly #owner: PeerReaderOwner;
  readonly #frames: FrameReader;
  readonly #known = new KnownLines();
  /** A message whose byte arrays are still to come. */
  #half: { message: Message; raw: Uint8Array[]; bytes: number } | undefined;
  readonly #messages: TokenBucket;
  readonly #notifications: TokenBucket;
  readonly #notifiedBytes: TokenBucket;
  readonly #pause = new Pause();
  /** The plugin's end trusts its host, and measures nothing. */
  readonly #hostTime: HostTime | undefined;
  /** When the message that is half here must be whole. */
  #lineDeadline = Infinity;

  constructor(owner: PeerReaderOwner) {
    this.#owner = owner;
    const { options, limits } = owner;
    const now = clock();
    this.#messages = new TokenBucket(options.maxMessagesPerSecond, now);
    this.#notifications = new TokenBucket(options.maxNotificationsPerSecond, now);
    this.#notifiedBytes = new TokenBucket(options.maxNotifiedBytesPerSecond, now);
    const hostTime = options.role === "host"
      ? new HostTime(options.maxHostMsPerSecond, now)
      : undefined;
    this.#hostTime = hostTime;
    this.#frames = new FrameReader({
      line: (text, harmless) => this.#line(text, harmless),
      filled: () => this.#filled(),
      get isPausing() {
        return hostTime?.isOver === true;
      },
    }, limits);
  }

  get isMidMessage(): boolean {
    return this.#frames.midFrame;
  }

  get stats(): { readonly unasked: number; readonly hostMs: number; readonly hostHeldMs: number } {
    return {
      unasked: this.#unasked,
      hostMs: this.#hostTime?.spentMs ?? 0,
      hostHeldMs: this.#hostTime?.heldMs ?? 0,
    };
  }

  setHostShare(msPerSecond: number): void {
    this.#hostTime?.setShare(msPerSecond, clock());
  }

  async run(): Promise<void> {
    const { lanes, isOpen, arm, failed, ended } = this.#owner;
    try {
      for (;;) {
        const chunk = await lanes.read(this.#frames.expected);
        if (!isOpen()) return;
        if (chunk === null) break;
        for (let at = 0; at < chunk.length;) {
          at += this.#receive(at === 0 ? chunk : chunk.subarray(at));
          const pause = this.#pause.begin(arm);
          if (pause !== undefined) await pause;
          if (!isOpen()) return;
        }
      }
    } catch (error) {
      return error instanceof SallyportError ? failed(error) : await ended(error);
    }
    await ended(undefined);
  }

  /** Charges what was done for the peer since the last mark, or since a moment after it. */
  charge(since?: number): void {
    if (this.#hostTime !== undefined) this.#pause.ask(this.#hostTime.charge(clock(), since));
  }

  /** Ends a pause that is over; returns the next moment to look, and throws for a message that is late. */
  expire(now: number): number {
    if (this.#lineDeadline <= now) {
      throw violation(`a message was not whole after ${this.#owner.options.lineTimeoutMs} ms`);
    }
    return Math.min(this.#lineDeadline, this.#pause.expire(now));
  }

  stop(): void {
    this.#frames.stop();
    this.#pause.end();
  }

  /** Takes messages until the slice is used up; returns how many bytes they had. */
  #receive(chunk: Uint8Array): number {
    const { lanes, options, arm, failed } = this.#owner;
    const now = clock();
    this.#hostTime?.begin(now);
    // the time in which reading was held up allows no further messages
    const read = now - (this.#hostTime?.heldMs ?? 0);
    this.#messages.refill(read);
    this.#notifications.refill(read);
    this.#notifiedBytes.refill(read);
    const before = this.received;
    let taken: number;
    try {
      taken = this.#frames.push(chunk);
    } catch (error) {
      failed(error);
      return chunk.length;
    }
    this.bytesReceived += taken;
    if (!this.isMidMessage) this.#lineDeadline = Infinity;
    else if (lanes.isMoving) failed(afterMove());
    else if (this.received !== before || this.#lineDeadline === Infinity) {
      this.#lineDeadline = now + options.lineTimeoutMs;
      arm(this.#lineDeadline);
    }
    return taken;
  }

  /** Parses a line; returns the byte arrays that follow it. */
  #line(text: string, harmless: boolean): Uint8Array[] | undefined {
    const { limits, shared } = this.#owner;
    const isKnowable = harmless && isShort(text, limits);
    let message = isKnowable ? this.#known.read(text) : undefined;
    if (message === undefined) {
      message = parseMessage(text, limits, harmless);
      if (isKnowable) this.#known.learn(message);
    }
    const { bin } = message;
    if (bin === undefined) {
      this.#dispatch(message, text.length);
      return undefined;
    }
    const raw = shared.receive(bin);
    this.#half = { message, raw, bytes: text.length + rawLength(raw) };
    const behind = raw.filter((_, i) => typeof bin[i] === "number");
    if (behind.length > 0) return behind;
    this.#filled();
    return undefined;
  }

  #filled(): void {
    const { message, raw, bytes } = this.#half!;
    this.#half = undefined;
    message.value = insertBytes(message.value, raw);
    this.#dispatch(message, bytes);
  }

  #dispatch(message: Message, bytes: number): void {
    if (this.#owner.lanes.isMoving) throw afterMove();
    this.received++;
    if (this.#takeAsked(message, bytes)) return this.#hostTime?.skip(clock());
    this.#unasked++;
    this.#pause.ask(this.#messages.borrow()); // too many messages are read later
    if (message.kind === "request") this.#owner.callsIn.accept(message);
    else this.#notification(message, bytes);
    this.charge();
  }

  /** Takes answers and stream items, which are bounded by what this end asked for, and returned regions. */
  #takeAsked(message: Message, bytes: number): boolean {
    const { kind, method } = message;
    const { callsOut, shared, freed } = this.#owner;
    if (kind === "result" || kind === "error") callsOut.answer(message);
    else if (method === "$/stream" && kind === "notification") {
      const { items } = readParams(message, "items");
      if (!Array.isArray(items) || items.length === 0) throw malformed(method);
      callsOut.items(readId(message), items, bytes);
    } else if (method === "$/free" && kind === "notification") {
      shared.freed(message);
      freed();
    } else return false;
    return true;
  }

  #notification(message: Message, bytes: number): void {
    const { options, lanes, callsIn, callsOut } = this.#owner;
    const { method, value } = message;
    if (method === "$/lane") return lanes.follow(options.onLane);
    if (callsIn.control(message)) return;
    if (!this.#notifications.take()) {
      throw violation(`more than ${options.maxNotificationsPerSecond} notifications a second came`);
    }
    this.#pause.ask(this.#notifiedBytes.borrow(bytes));
    if (method === "$/progress") {
      return callsOut.progress(readId(message), readParams(message, "value").value);
    }
    if (options.accepts(method, "notification")) options.onNotification?.(method, value);
    else if (options.role === "host") {
      throw violation(`a plugin may not notify "${shownMethod(method)}"`);
    }
  }
}
