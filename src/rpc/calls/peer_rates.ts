import type { ResolvedOptions } from "./options.ts";
import { TokenBucket } from "../flow/token_bucket.ts";
import { violation } from "../wire/violation.ts";

/** Keeps what the peer sends unasked within rates: more is read later, or a flood. */
export class PeerRates {
  unasked = 0;
  readonly #messages: TokenBucket;
  readonly #notifications: TokenBucket;
  readonly #notifiedBytes: TokenBucket;
  readonly #maxNotifications: number;

  constructor(options: ResolvedOptions, now: number) {
    this.#maxNotifications = options.maxNotificationsPerSecond;
    this.#messages = new TokenBucket(options.maxMessagesPerSecond, now);
    this.#notifications = new TokenBucket(this.#maxNotifications, now);
    this.#notifiedBytes = new TokenBucket(options.maxNotifiedBytesPerSecond, now);
  }

  /** Notes that time has passed. */
  refill(now: number): void {
    this.#messages.refill(now);
    this.#notifications.refill(now);
    this.#notifiedBytes.refill(now);
  }

  /** Takes a request or notification; returns for how many milliseconds reading should stop. */
  message(): number {
    this.unasked++;
    return this.#messages.borrow();
  }

  /** Takes a notification, which costs the host time that it did not ask for; nothing of it is lost. */
  notification(bytes: number): number {
    if (!this.#notifications.take()) {
      throw violation(`more than ${this.#maxNotifications} notifications a second came`);
    }
    return this.#notifiedBytes.borrow(bytes);
  }
}
