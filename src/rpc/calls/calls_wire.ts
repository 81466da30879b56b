import type { TokenBucket } from "../flow/token_bucket.ts";
import type { Part } from "../wire/parts.ts";
import type { Backlog } from "./backlog.ts";

export interface CallsWire {
  /** Makes parts of the byte arrays of a message that is sent next; throws `limit-exceeded`. */
  place(raw: Uint8Array[]): Part[];
  /** Sends a line; throws `limit-exceeded` for one that is too long. */
  send(line: string, raw?: Part[]): void;
  /** Makes sure that `CallsOut.expire` runs at a moment. */
  arm(at: number): void;
  /** The time of `performance.now()`, read once in a turn of the event loop. */
  now(): number;
  /** Charges the peer for what was done for it since a moment. */
  charge(since: number): void;
  readonly backlog: Backlog;
  readonly progressBudget: TokenBucket;
}
