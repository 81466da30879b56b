// What one connection carries: bytes counted against a cap, and when the last one moved.
import { Refusal } from "./refusal.ts";

/** Counts the bytes of a connection. */
export class Meter {
  readonly #maxBytes: number;
  #sent = 0;
  #received = 0;
  #touched: number = performance.now();

  /** Starts counting. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes from the plugin to the host that it was granted. */
  get sent(): number {
    return this.#sent;
  }

  /** Bytes from there to the plugin. */
  get received(): number {
    return this.#received;
  }

  /** How long no byte has moved, in milliseconds. */
  get idleMs(): number {
    return performance.now() - this.#touched;
  }

  /** Counts bytes that are about to be sent; throws at the cap, so that no byte above it goes out. */
  addSent(bytes: number): void {
    this.#add(bytes);
    this.#sent += bytes;
  }

  /** Counts bytes that are about to be handed to the plugin. */
  addReceived(bytes: number): void {
    this.#add(bytes);
    this.#received += bytes;
  }

  /** Notes that a byte moved. */
  touch(): void {
    this.#touched = performance.now();
  }

  #add(bytes: number): void {
    if (this.#sent + this.#received + bytes > this.#maxBytes) {
      throw new Refusal(502, `the connection reached its cap of ${this.#maxBytes} bytes`);
    }
    this.touch();
  }
}
