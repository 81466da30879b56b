import { encodeValue } from "../wire/binary.ts";
import { soon } from "../flow/microtask.ts";

/** Text of items that is sent without waiting for more. */
const BATCH_LENGTH = 64 * 1024;
/** Microtasks without a new item after which a batch is sent: a generator needs about four an item. */
const IDLE_MICROTASKS = 12;
const MAX_CREDIT = 2 ** 31;

/** The producer's end of a stream: sends items in batches, never more than it has credit for. */
export class StreamWriter {
  readonly #send: (items: string, raw?: Uint8Array[]) => void;
  readonly #untilRoom: () => Promise<void> | undefined;
  #credit: number;
  #batch = "";
  #pushed = 0;
  #ticking = false;
  #stopped = false;
  #wake: (() => void) | undefined;
  #iterator: AsyncIterator<unknown> | undefined;

  constructor(
    credit: number,
    send: (items: string, raw?: Uint8Array[]) => void,
    untilRoom: () => Promise<void> | undefined,
  ) {
    this.#credit = credit;
    this.#send = send;
    this.#untilRoom = untilRoom;
  }

  /** Takes credit; returns `false` where it adds up to more than a consumer can mean. */
  grant(count: number): boolean {
    this.#credit += count;
    this.#wake?.();
    return this.#credit <= MAX_CREDIT;
  }

  /** Stops at once: returns the iterator early, and drops what it still yields. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#batch = "";
    this.#wake?.();
    // A generator that awaits cannot be interrupted; it sees this when it comes back
    try {
      this.#iterator?.return?.()?.then(undefined, () => {});
    } catch {
      // nothing waits for the stream any more
    }
  }

  /** Sends all that an iterable yields; resolves with what it returns. */
  async run(iterable: AsyncIterable<unknown>): Promise<unknown> {
    const iterator = iterable[Symbol.asyncIterator]();
    this.#iterator = iterator;
    while (!this.#stopped) {
      if (this.#credit === 0) {
        this.#flush();
        await new Promise<void>((resolve) => this.#wake = resolve);
        this.#wake = undefined;
        continue;
      }
      const room = this.#untilRoom();
      if (room !== undefined) {
        await room;
        continue;
      }
      let step: IteratorResult<unknown>;
      try {
        step = await iterator.next();
      } catch (error) {
        this.#flush();
        throw error;
      }
      if (step.done) {
        this.#flush();
        return step.value;
      }
      try {
        this.#push(step.value);
      } catch (error) {
        this.stop();
        throw error;
      }
    }
  }

  #push(item: unknown): void {
    if (this.#stopped) return;
    const { text, raw } = encodeValue(item, "null");
    this.#credit--;
    if (raw !== undefined) {
      this.#flush();
      this.#send(`[${text}]`, raw);
      return;
    }
    this.#batch = this.#batch === "" ? text : `${this.#batch},${text}`;
    this.#pushed++;
    if (this.#batch.length > BATCH_LENGTH) this.#flush();
    else if (!this.#ticking) this.#tick(this.#pushed, IDLE_MICROTASKS);
  }

  #tick(pushed: number, left: number): void {
    this.#ticking = true;
    soon(() => {
      if (this.#batch === "") this.#ticking = false;
      else if (pushed !== this.#pushed) this.#tick(this.#pushed, IDLE_MICROTASKS);
      else if (left > 0) this.#tick(pushed, left - 1);
      else {
        this.#ticking = false;
        this.#flush();
      }
    });
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = "";
    if (batch !== "") this.#send(`[${batch}]`);
  }
}
