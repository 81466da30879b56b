import { SallyportError } from "../errors.ts";
import type { ResolvedOptions } from "./calls/options.ts";
import { PeerRates } from "./calls/peer_rates.ts";
import { now as clock } from "./flow/clock.ts";
import { HostTime } from "./flow/host_time.ts";
import { Pause } from "./flow/pause.ts";
import { afterMove, type Lanes } from "./transport/lanes.ts";
import { MessageReader } from "./transport/message_reader.ts";
import type { SharedValues } from "./transport/shared_values.ts";
import type { MessageLimits } from "./wire/limits.ts";
import type { Message } from "./wire/message.ts";
import { violation } from "./wire/violation.ts";

export interface PeerReaderOwner {
  readonly options: ResolvedOptions;
  readonly limits: MessageLimits;
  readonly lanes: Lanes;
  readonly shared: SharedValues;
  isOpen(): boolean;
  /** Makes sure that {@linkcode PeerReader.expire} runs at a moment. */
  arm(at: number): void;
  take(message: Message, bytes: number): boolean;
  failed(error: unknown): void;
  ended(error: unknown): Promise<void>;
}

/** Reads the peer's messages, and leaves them in the pipe once the peer has used its share of this thread. */
export class PeerReader {
  received = 0;
  bytesReceived = 0;
  readonly #owner: PeerReaderOwner;
  readonly #messages: MessageReader;
  readonly #rates: PeerRates;
  readonly #pause = new Pause();
  /** The plugin's end trusts its host, and measures nothing. */
  readonly #hostTime: HostTime | undefined;
  /** When the message that is half here must be whole. */
  #lineDeadline = Infinity;

  constructor(owner: PeerReaderOwner) {
    this.#owner = owner;
    const { options, limits, shared } = owner;
    const now = clock();
    this.#rates = new PeerRates(options, now);
    if (options.role === "host") this.#hostTime = new HostTime(options.maxHostMsPerSecond, now);
    const take = (message: Message, bytes: number) => this.#dispatch(message, bytes);
    this.#messages = new MessageReader(take, limits, shared, this.#hostTime);
  }

  get isMidMessage(): boolean {
    return this.#messages.isMidMessage;
  }

  get stats(): { readonly unasked: number; readonly hostMs: number; readonly hostHeldMs: number } {
    return {
      unasked: this.#rates.unasked,
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
        const chunk = await lanes.read(this.#messages.expected);
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

  /** Counts a request or notification against what the peer may send unasked. */
  countUnasked(): void {
    this.#pause.ask(this.#rates.message());
  }

  /** Counts a notification; throws `protocol-violation` when it is one of a flood. */
  countNotification(bytes: number): void {
    this.#pause.ask(this.#rates.notification(bytes));
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
    this.#messages.stop();
    this.#pause.end();
  }

  /** Takes messages until the slice is used up; returns how many bytes they had. */
  #receive(chunk: Uint8Array): number {
    const { lanes, options, arm, failed } = this.#owner;
    const now = clock();
    this.#hostTime?.begin(now);
    // the time in which reading was held up allows no further messages
    this.#rates.refill(now - (this.#hostTime?.heldMs ?? 0));
    const before = this.received;
    let taken: number;
    try {
      taken = this.#messages.push(chunk);
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

  #dispatch(message: Message, bytes: number): void {
    if (this.#owner.lanes.isMoving) throw afterMove();
    this.received++;
    if (this.#owner.take(message, bytes)) this.charge();
    else this.#hostTime?.skip(clock());
  }
}
