import type { SallyportError } from "../../errors.ts";
import type { ByteDuplex } from "./duplex.ts";
import { violation } from "../wire/violation.ts";

/** The last line that an end writes to the duplex that it moves away from. */
export const LANE_LINE = '{"jsonrpc":"2.0","method":"$/lane"}\n';

/** Microtask turns: more than a stream of the runtime needs to hand over what it has read. */
const CONTROL_TURNS = 16;

/** Makes the error for a peer that goes on where it has announced its last message. */
export function afterMove(): SallyportError {
  return violation("something came on a pipe that the peer had moved away from");
}

export interface LanesEvents {
  /** The lane to which the peer moved first is open. */
  opened(lane: ByteDuplex): void;
  /** Something came on the control duplex after the peer had moved. */
  controlSpoke(): void;
  /** The peer has closed the control duplex. */
  controlEnded(): void;
}

/**
 * The duplexes of one connection: the one it began with, and the lane that it has moved to, if any.
 * Each direction moves by itself, after a last line on the old duplex, so that no message overtakes another.
 */
export class Lanes {
  readonly #control: ByteDuplex;
  readonly #events: LanesEvents;
  #lane: ByteDuplex | undefined;
  #coming: Promise<ByteDuplex> | undefined;
  #in: ByteDuplex;
  #watches = false;
  #closed = false;

  constructor(control: ByteDuplex, events: LanesEvents) {
    this.#control = this.#in = control;
    this.#events = events;
  }

  /** Whether the peer has announced its last message on the control duplex, and nothing was read since. */
  get isMoving(): boolean {
    return this.#coming !== undefined;
  }

  /** Returns the next bytes of the peer, from the duplex that it uses now. */
  read(expected: number): Promise<Uint8Array | null> {
    if (this.#coming !== undefined) return this.#switch(this.#coming);
    return this.#watches ? this.#readBehindControl(expected) : this.#in.read(expected);
  }

  /**
   * What came on the control duplex before is handled first: it ends the connection. Both have come by now,
   * but a stream needs a few turns more of the microtasks than a socket.
   */
  async #readBehindControl(expected: number): Promise<Uint8Array | null> {
    const chunk = await this.#in.read(expected);
    for (let turn = 0; turn < CONTROL_TURNS; turn++) await undefined;
    return chunk;
  }

  async #switch(coming: Promise<ByteDuplex>): Promise<Uint8Array | null> {
    this.#in = await coming;
    this.#coming = undefined;
    return await this.read(0);
  }

  /** Takes the lane that this end moves to first; the peer will follow. */
  offer(lane: ByteDuplex): void {
    if (this.#lane !== undefined) throw new TypeError("A connection moves once");
    this.#lane = lane;
  }

  follow(open: (() => Promise<ByteDuplex> | undefined) | undefined): void {
    if (this.#in !== this.#control || this.isMoving) throw violation("the peer moved twice");
    if (this.#lane !== undefined) {
      this.#coming = Promise.resolve(this.#lane);
      return;
    }
    const opening = open?.();
    if (opening === undefined) throw violation("the peer moved to a lane that was not offered");
    this.#coming = opening.then((lane) => {
      if (this.#closed) {
        lane.close();
        throw violation("the connection was closed while its lane was opened");
      }
      this.#lane = lane;
      this.#events.opened(lane);
      return lane;
    });
    this.#coming.catch(() => {}); // the next read rejects with it
    this.#watches = true;
    void this.#watch();
  }

  async #watch(): Promise<void> {
    try {
      const chunk = await this.#control.read();
      if (this.#closed) return;
      if (chunk === null) this.#events.controlEnded();
      else this.#events.controlSpoke();
    } catch {
      if (!this.#closed) this.#events.controlEnded();
    }
  }

  async end(): Promise<void> {
    await Promise.allSettled([this.#lane?.end?.(), this.#control.end?.()]);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([this.#lane?.close(), this.#control.close()]);
  }
}
