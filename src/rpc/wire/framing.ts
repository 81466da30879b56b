import { mayHoldProto } from "./json_check.ts";
import type { MessageLimits } from "./limits.ts";
import { decodeLine } from "./message.ts";
import { violation } from "./violation.ts";

const NEWLINE = 10;
const EMPTY = new Uint8Array(0);
/** A buffer larger than this is not kept for the next line. */
const KEPT_BUFFER_BYTES = 64 * 1024;

export interface FrameSink {
  line(text: string, harmless: boolean): Uint8Array[] | undefined;
  /** Says that every byte array which the last line announced is filled. */
  filled(): void;
  /** Whether no further frame is to be taken now. */
  readonly isPausing: boolean;
}

/** Cuts a stream of bytes into lines and raw bytes, however the stream was chunked. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** The beginning of a line; grows by doubling, because a peer may send it byte by byte. */
  #part: Uint8Array = EMPTY;
  #partBytes = 0;
  /** Byte arrays still to be filled, and how far the first one is. */
  #targets: Uint8Array[] = [];
  #filledBytes = 0;
  #stopped = false;
  readonly #limits: Pick<MessageLimits, "maxMessageBytes">;

  constructor(sink: FrameSink, limits: Pick<MessageLimits, "maxMessageBytes">) {
    this.#sink = sink;
    this.#limits = limits;
  }

  get midFrame(): boolean {
    return this.#partBytes > 0 || this.#targets.length > 0;
  }

  /** About how many bytes of the frame are still to come: of a line, as many again as there are. */
  get expected(): number {
    if (this.#targets.length === 0) return this.#partBytes;
    let bytes = -this.#filledBytes;
    for (let i = 0; i < this.#targets.length; i++) bytes += this.#targets[i]!.length;
    return bytes;
  }

  /** Drops what was kept and every further frame. */
  stop(): void {
    this.#stopped = true;
    this.#part = EMPTY;
    this.#targets = [];
    this.#partBytes = 0;
  }

  /** Takes the next bytes, and copies what it keeps; once it has thrown, the reader is not used again. */
  push(chunk: Uint8Array): number {
    let at = 0;
    if (this.#targets.length > 0) at = this.#fill(chunk, 0);
    if (this.#partBytes > 0 && at < chunk.length) at = this.#finishLine(chunk, at);
    if (at < chunk.length && !this.#sink.isPausing) {
      const last = chunk.lastIndexOf(NEWLINE);
      if (last >= at) at = this.#manyLines(chunk, at, last);
    }
    if (this.#stopped) return chunk.length;
    if (at < chunk.length) {
      if (this.#sink.isPausing) return at;
      this.#keep(chunk.subarray(at));
    }
    return chunk.length;
  }

  /** Ends the line that earlier chunks began; returns where the next frame begins. */
  #finishLine(chunk: Uint8Array, from: number): number {
    const end = chunk.indexOf(NEWLINE, from);
    if (end < 0) {
      this.#keep(chunk.subarray(from));
      return chunk.length;
    }
    this.#keep(chunk.subarray(from, end));
    const line = this.#part.subarray(0, this.#partBytes);
    this.#partBytes = 0;
    if (this.#part.length > KEPT_BUFFER_BYTES) this.#part = EMPTY;
    return this.#line(line, chunk, end + 1);
  }

  /** Decodes all whole lines in one pass, unless one of them is followed by raw bytes. */
  #manyLines(chunk: Uint8Array, from: number, last: number): number {
    let text: string;
    try {
      text = decodeLine(chunk.subarray(from, last));
    } catch {
      // Raw bytes, or a broken line: the slow way finds out which, and keeps the lines before it
      return this.#lineByLine(chunk, from, last);
    }
    const harmless = !mayHoldProto(text);
    let at = 0;
    let lines = 0;
    while (at <= text.length) {
      let end = text.indexOf("\n", at);
      if (end < 0) end = text.length;
      // A character has at most three bytes for each unit; only a long line is worth counting exactly
      if ((end - at) * 3 > this.#limits.maxMessageBytes) this.#checkLength(chunk, from, lines);
      const targets = this.#sink.line(text.slice(at, end), harmless);
      if (this.#stopped) return chunk.length;
      lines++;
      if (targets !== undefined) {
        const next = this.#begin(targets, chunk, nthLineStart(chunk, from, lines));
        return this.#stopped ? chunk.length : this.#lineByLine(chunk, next, last);
      }
      at = end + 1;
      if (this.#sink.isPausing) return nthLineStart(chunk, from, lines);
    }
    return last + 1;
  }

  #lineByLine(chunk: Uint8Array, from: number, last: number): number {
    let at = from;
    while (at <= last && !this.#stopped && !this.#sink.isPausing) {
      const end = chunk.indexOf(NEWLINE, at);
      if (end < 0) break;
      at = this.#line(chunk.subarray(at, end), chunk, end + 1);
    }
    return at;
  }

  #line(line: Uint8Array, chunk: Uint8Array, next: number): number {
    if (line.length > this.#limits.maxMessageBytes) throw this.#tooLong();
    const targets = this.#sink.line(decodeLine(line), false);
    if (this.#stopped) return chunk.length;
    return targets === undefined ? next : this.#begin(targets, chunk, next);
  }

  #begin(targets: Uint8Array[], chunk: Uint8Array, from: number): number {
    this.#targets = targets;
    this.#filledBytes = 0;
    return this.#fill(chunk, from);
  }

  /** Fills byte arrays from a chunk; returns where the next frame begins. */
  #fill(chunk: Uint8Array, from: number): number {
    let at = from;
    let index = 0;
    while (index < this.#targets.length) {
      const target = this.#targets[index]!;
      const count = Math.min(target.length - this.#filledBytes, chunk.length - at);
      target.set(chunk.subarray(at, at + count), this.#filledBytes);
      at += count;
      this.#filledBytes += count;
      if (this.#filledBytes < target.length) break;
      this.#filledBytes = 0;
      index++;
    }
    this.#targets = this.#targets.slice(index);
    if (this.#targets.length === 0) {
      this.#sink.filled();
      if (this.#stopped) return chunk.length;
    }
    return at;
  }

  #keep(bytes: Uint8Array): void {
    const needed = this.#partBytes + bytes.length;
    if (needed > this.#limits.maxMessageBytes) throw this.#tooLong();
    if (needed > this.#part.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#part.length, 1_024));
      grown.set(this.#part.subarray(0, this.#partBytes));
      this.#part = grown;
    }
    this.#part.set(bytes, this.#partBytes);
    this.#partBytes = needed;
  }

  #checkLength(chunk: Uint8Array, from: number, lines: number): void {
    const start = nthLineStart(chunk, from, lines);
    const end = chunk.indexOf(NEWLINE, start);
    if (end - start > this.#limits.maxMessageBytes) throw this.#tooLong();
  }

  #tooLong(): Error {
    return violation(`a line is longer than ${this.#limits.maxMessageBytes} bytes`, {
      maxMessageBytes: this.#limits.maxMessageBytes,
    });
  }
}

function nthLineStart(bytes: Uint8Array, from: number, lines: number): number {
  let at = from;
  for (let i = 0; i < lines; i++) at = bytes.indexOf(NEWLINE, at) + 1;
  return at;
}
