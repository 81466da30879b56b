import { TokenBucket } from "./token_bucket.ts";

/** How long messages of one peer are worked at before others and timers get a turn, in milliseconds. */
const SLICE_MS = 4;
const TURN_MS = 1;

/** Measures what a peer's own requests and notifications take of this thread, and keeps it to a share. */
export class HostTime {
  /** Milliseconds of work for the peer. */
  spentMs = 0;
  /** Milliseconds that the peer was left waiting because it had had its share. */
  heldMs = 0;
  /** Whether the slice is used up: nothing more is taken before a pause. */
  isOver = false;
  #slice = 0;
  #owed = 0;
  #mark: number;
  #bucket: TokenBucket;

  constructor(msPerSecond: number, now: number) {
    this.#bucket = new TokenBucket(msPerSecond, now);
    this.#mark = now;
  }

  setShare(msPerSecond: number, now: number): void {
    this.#bucket = new TokenBucket(msPerSecond, now);
  }

  /** Starts to work on bytes that were read. */
  begin(now: number): void {
    // other work ran in between only if reading had to wait
    if (this.isOver || now - this.#mark >= TURN_MS) this.#slice = 0;
    this.isOver = false;
    this.heldMs += this.#owed;
    this.#owed = 0;
    this.#mark = now;
    this.#bucket.refill(now);
  }

  /** Leaves out the time since the last mark: this end itself needed the message. */
  skip(now: number): void {
    this.#mark = now;
  }

  /** Charges what was done since the last mark, or since a moment after it. */
  charge(now: number, since = 0): number {
    const ms = now - Math.max(since, this.#mark);
    this.#mark = now;
    this.spentMs += ms;
    this.#slice += ms;
    this.#owed = this.#bucket.borrow(ms);
    if (this.#slice < SLICE_MS) return this.#owed;
    this.isOver = true;
    return Math.max(this.#owed, TURN_MS);
  }
}
