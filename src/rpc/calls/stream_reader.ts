import { SallyportError } from "../../errors.ts";
import { violation } from "../wire/violation.ts";

/** Credit to begin with, before the size of the items is known. */
export const FIRST_CREDIT = 8;
const MAX_CREDIT = 256;
/** Bytes of items that may wait for the consumer, as far as credit can steer it. */
const BUFFER_BYTES = 4 * 1024 * 1024;

export interface StreamCall {
  start(): void;
  grant(count: number): void;
  cancel(): void;
  /** Says that the consumer waits, or no longer waits, for the next item. */
  waiting(waits: boolean): void;
}

type Outcome = { done: false } | { done: true; value: unknown } | {
  done: true;
  error: SallyportError;
};

/**
 * The consumer's end of a stream: grants credit while items are consumed, counted so that many small
 * items travel at once and few large ones.
 */
export class StreamReader implements AsyncGenerator<unknown, unknown, undefined> {
  readonly #call: StreamCall;
  readonly #maxBufferedBytes: number;
  #items: unknown[] = [];
  /** About how many bytes each waiting item took on the wire. */
  #costs: number[] = [];
  #bufferedBytes = 0;
  #at = 0;
  #outcome: Outcome = { done: false };
  #waiters: PromiseWithResolvers<IteratorResult<unknown, unknown>>[] = [];
  #started = false;
  #left = false;
  #credit = FIRST_CREDIT;
  #window = FIRST_CREDIT;

  constructor(call: StreamCall, maxBufferedBytes: number) {
    this.#call = call;
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  /** Takes what the producer sent, also after the consumer has left. */
  receive(items: readonly unknown[], bytes: number): void {
    if (items.length > this.#credit) {
      throw violation(`${items.length} stream items came where ${this.#credit} were allowed`);
    }
    this.#credit -= items.length;
    if (this.#left) return;
    const perItem = Math.max(1, bytes / items.length);
    const fitting = Math.floor(BUFFER_BYTES / perItem);
    // Grows step by step, so that one small item does not open the door for many large ones
    this.#window = Math.max(1, Math.min(MAX_CREDIT, fitting, this.#window * 2));
    for (const item of items) {
      this.#items.push(item);
      this.#costs.push(perItem);
    }
    this.#bufferedBytes += bytes;
    this.#call.waiting(false);
    while (this.#waiters.length > 0 && this.#at < this.#items.length) {
      this.#waiters.shift()!.resolve({ done: false, value: this.#takeItem() });
    }
    if (this.#waiters.length > 0) this.#call.waiting(true);
    if (this.#bufferedBytes > this.#maxBufferedBytes) this.#overflow();
  }

  finish(value: unknown): void {
    this.#settle({ done: true, value });
  }

  /** Ends the stream with an error, after the items that came before it. */
  fail(error: SallyportError): void {
    this.#settle({ done: true, error });
  }

  next(): Promise<IteratorResult<unknown, unknown>> {
    if (this.#left) return Promise.resolve({ done: true, value: undefined });
    if (!this.#started) {
      this.#started = true;
      try {
        this.#call.start();
      } catch (error) {
        this.#left = true;
        return Promise.reject(error);
      }
    }
    if (this.#at < this.#items.length) {
      return Promise.resolve({ done: false, value: this.#takeItem() });
    }
    if (this.#outcome.done) return this.#end(this.#outcome);
    const waiter = Promise.withResolvers<IteratorResult<unknown, unknown>>();
    this.#waiters.push(waiter);
    this.#call.waiting(true);
    return waiter.promise;
  }

  /** Leaves the stream early, which cancels its call. */
  return(value?: unknown): Promise<IteratorResult<unknown, unknown>> {
    this.#leave();
    return Promise.resolve(value).then((value) => ({ done: true, value }));
  }

  throw(error?: unknown): Promise<IteratorResult<unknown, unknown>> {
    this.#leave();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#drop();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ done: true, value: undefined });
    if (this.#started && !this.#outcome.done) this.#call.cancel();
  }

  #takeItem(): unknown {
    const item = this.#items[this.#at];
    this.#bufferedBytes -= this.#costs[this.#at]!;
    this.#items[this.#at++] = undefined;
    if (this.#at === this.#items.length) this.#drop();
    const waiting = this.#items.length - this.#at;
    const missing = this.#window - waiting - this.#credit;
    // In halves of the window, so that grants do not outnumber items
    if (!this.#outcome.done && missing * 2 >= this.#window) {
      this.#credit += missing;
      this.#call.grant(missing);
    }
    return item;
  }

  #drop(): void {
    this.#items = [];
    this.#costs = [];
    this.#at = 0;
    this.#bufferedBytes = 0;
  }

  #overflow(): void {
    const max = this.#maxBufferedBytes;
    this.#drop();
    this.#call.cancel();
    this.fail(
      new SallyportError(
        "limit-exceeded",
        `Cannot go on with a stream: more than ${max} bytes wait`,
        {
          hint: "Consume the items faster, or let the plugin send smaller ones",
          details: { maxBufferedBytes: max },
        },
      ),
    );
  }

  #settle(outcome: Outcome): void {
    if (this.#outcome.done) return;
    this.#outcome = outcome;
    // Only the first one gets the end, as with any generator
    const [first, ...others] = this.#waiters.splice(0);
    if (first) this.#end(outcome).then(first.resolve, first.reject);
    for (const waiter of others) waiter.resolve({ done: true, value: undefined });
  }

  #end(outcome: Outcome): Promise<IteratorResult<unknown, unknown>> {
    this.#left = true;
    if ("error" in outcome) return Promise.reject(outcome.error);
    return Promise.resolve({ done: true, value: "value" in outcome ? outcome.value : undefined });
  }
}
