// What one connection carries: bytes counted against a cap, and when the last one moved.
import { Refusal } from "./refusal.ts";

export class Meter {
  readonly #maxBytes: number;
  /** Bytes from the plugin to the host that it was granted. */
  sent = 0;
  received = 0;
  #touched: number = performance.now();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** How long no byte has moved, in milliseconds. */
  get idleMs(): number {
    return performance.now() - this.#touched;
  }

  /** Counts bytes that are about to be sent; throws at the cap, so that no byte above it goes out. */
  addSent(bytes: number): void {
    this.#check(bytes);
    this.sent += bytes;
  }

  addReceived(bytes: number): void {
    this.#check(bytes);
    this.received += bytes;
  }

  touch(): void {
    this.#touched = performance.now();
  }

  #check(bytes: number): void {
    if (this.sent + this.received + bytes > this.#maxBytes) {
      throw new Refusal(502, `the connection reached its cap of ${this.#maxBytes} bytes`);
    }
    this.touch();
  }
}
