import { type EncodedValue, free, keep, rawLength } from "../wire/binary.ts";
import { now as clock } from "../flow/clock.ts";
import type { ByteDuplex } from "./duplex.ts";
import { soon } from "../flow/microtask.ts";

// Captured, because plugin code shares the realm of its end
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);
const Bytes = Uint8Array;

/**
 * Where a write begins at once, one begins before the end of the turn, so that the peer can work meanwhile:
 * when there is a third of what the last turn had. With less the peer would wait for the second write, as
 * it takes twice as long to answer a message as it takes to make one; with more it begins late.
 */
const EARLY_SHARE = 1 / 3;
const MIN_EARLY_LENGTH = 16 * 1024;
const MAX_EARLY_LENGTH = 64 * 1024;

export interface OutboxEvents {
  failed(error: unknown): void;
  drained(): void;
}

/**
 * Collects what is sent in one turn of the event loop and writes it at once: one write for a thousand
 * messages is worth a factor of two in throughput.
 */
export class Outbox {
  #io: ByteDuplex;
  readonly #events: OutboxEvents;
  #text = "";
  /** What comes before `#text`, where byte arrays are among it, or a duplex that the rest goes to. */
  #segments: (string | Uint8Array | ByteDuplex)[] = [];
  #segmentBytes = 0;
  #scheduled = false;
  #inTurn = false;
  #turnTime: number | undefined;
  #turnLength = 0;
  #earlyLength = MIN_EARLY_LENGTH;
  #writing = false;
  #writingBytes = 0;
  #stopped = false;
  #idle: PromiseWithResolvers<void> | undefined;
  sent = 0;
  bytesSent = 0;

  constructor(io: ByteDuplex, events: OutboxEvents) {
    this.#io = io;
    this.#events = events;
  }

  /** Returns the time of `performance.now()`, read once for all that is sent in one turn. */
  get turnTime(): number {
    this.#beginTurn();
    return this.#turnTime ??= clock();
  }

  /** Returns about how many bytes wait, those of the write under way included. */
  get queuedBytes(): number {
    return this.#text.length + this.#segmentBytes + this.#writingBytes;
  }

  /** Queues a line, with the byte arrays that follow it; those are copied unless written at once. */
  push(line: string, raw?: EncodedValue["raw"]): void {
    if (this.#stopped) return;
    this.#beginTurn();
    this.sent++;
    this.#text += line;
    this.#turnLength += line.length;
    if (raw !== undefined) {
      const copy = this.#io.writeSync === undefined;
      this.#segments.push(this.#text);
      this.#segmentBytes += this.#text.length + rawLength(raw);
      this.#text = "";
      for (const part of raw) if (part.length > 0) this.#segments.push(copy ? keep(part) : part);
      if (!copy) return this.flush();
    }
    // Before the end of the turn, so that the peer can work while this end goes on
    if (
      this.#text.length > this.#earlyLength && !this.#writing &&
      (this.#io.isPrompt === true || this.#io.writeSync !== undefined)
    ) this.flush();
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    soon(() => this.flush());
  }

  /** Sends all that is pushed from now on over another duplex. */
  moveTo(io: ByteDuplex): void {
    if (this.#stopped) return;
    if (this.#text.length > 0) this.#segments.push(this.#text);
    this.#segmentBytes += this.#text.length;
    this.#text = "";
    this.#segments.push(io);
    this.flush();
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#stopped || this.#writing || !this.#hasWork()) return;
    const { writeSync } = this.#io;
    if (writeSync === undefined) {
      void this.#drain();
      return;
    }
    const parts = this.#take();
    try {
      for (let i = 0; i < parts.length; i++) {
        const part = parts[i]!;
        if (!(part instanceof Bytes)) {
          this.#io = part;
          this.#segments = [...parts.slice(i + 1), ...this.#segments];
          return this.flush();
        }
        writeSync(part);
        this.bytesSent += part.length;
        free(part);
      }
    } catch (error) {
      return this.#fail(error);
    }
    this.#events.drained();
  }

  /** Whether something waits behind a write that is under way. */
  get isHeldUp(): boolean {
    return this.#hasWork();
  }

  /** Waits until all that is queued has been written, or the peer is gone. */
  async idle(): Promise<void> {
    this.flush();
    if (!this.#writing) return;
    this.#idle ??= Promise.withResolvers<void>();
    await this.#idle.promise;
  }

  stop(): void {
    this.#stopped = true;
    this.#text = "";
    this.#segments = [];
    this.#segmentBytes = 0;
    this.#idle?.resolve();
  }

  #beginTurn(): void {
    if (this.#inTurn) return;
    this.#inTurn = true;
    soon(() => {
      const share = this.#turnLength * EARLY_SHARE;
      this.#earlyLength = Math.min(MAX_EARLY_LENGTH, Math.max(MIN_EARLY_LENGTH, share));
      this.#turnLength = 0;
      this.#turnTime = undefined;
      this.#inTurn = false;
    });
  }

  #hasWork(): boolean {
    return this.#text.length > 0 || this.#segments.length > 0;
  }

  async #drain(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#hasWork() && !this.#stopped) {
        const parts = this.#take();
        for (const part of parts) if (part instanceof Bytes) this.#writingBytes += part.length;
        for (const part of parts) {
          if (!(part instanceof Bytes)) {
            this.#io = part;
            continue;
          }
          const { length } = part;
          await this.#io.write(part);
          this.#writingBytes -= length;
          this.bytesSent += length;
          free(part);
        }
        if (!this.#stopped) this.#events.drained();
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#writing = false;
      this.#writingBytes = 0;
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  #take(): (Uint8Array | ByteDuplex)[] {
    const text = this.#text;
    this.#text = "";
    if (this.#segments.length === 0) return [encode(text)];
    const segments = this.#segments;
    this.#segments = [];
    this.#segmentBytes = 0;
    if (text.length > 0) segments.push(text);
    return segments.map((part) => typeof part === "string" ? encode(part) : part);
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.stop();
    this.#events.failed(error);
  }
}
