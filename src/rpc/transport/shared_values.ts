// Large byte arrays beside the pipe: each end has a file that only it writes, and says in its messages where
// in it a value is. The other end returns each region when it has read it.
import { free, rawLength } from "../wire/binary.ts";
import { malformed } from "../wire/control.ts";
import { type MessageLimits, tooLongError } from "../wire/limits.ts";
import { type Message, notificationLine } from "../wire/message.ts";
import { soon } from "../flow/microtask.ts";
import { type Announced, type Part, SharedPart } from "../wire/parts.ts";
import { Regions } from "./regions.ts";
import type { SharedFile } from "./shared_file.ts";
import { violation } from "../wire/violation.ts";

const { isArray } = Array;
const { keys: ownKeys } = Object;

/** Smaller values are faster behind their line: the file costs system calls, whatever the size. */
export const SHARED_MIN_BYTES: number = 256 * 1024;

/** How many regions one message returns: far below the shortest limit of a message. */
const FREED_PER_MESSAGE = 32;

/** The two files of one connection, and which regions of them are lent. */
export class SharedValues {
  readonly #send: (line: string) => void;
  readonly #limits: Pick<MessageLimits, "maxMessageBytes">;
  #in: SharedFile | undefined;
  #out: SharedFile | undefined;
  #lent: Regions | undefined;
  /** Bytes that were read in this turn of the event loop. */
  #readBytes = 0;
  #closed = false;
  bytesSent = 0;
  bytesReceived = 0;

  constructor(send: (line: string) => void, limits: Pick<MessageLimits, "maxMessageBytes">) {
    this.#send = send;
    this.#limits = limits;
  }

  /** Reads from now on what the peer puts into its file; the connection closes it. */
  readFrom(file: SharedFile): void {
    if (this.#closed) return file.close();
    if (this.#in !== undefined) throw new TypeError("A connection reads from one shared file");
    this.#in = file;
  }

  /** Puts large values into a file from now on, which the peer reads from; the connection closes it. */
  writeTo(file: SharedFile): void {
    if (this.#closed) return file.close();
    if (this.#out !== undefined) throw new TypeError("A connection writes to one shared file");
    this.#out = file;
    this.#lent = new Regions(file.bytes);
  }

  get isWriting(): boolean {
    return this.#out !== undefined;
  }

  /** Bytes of the file that the peer has not returned. */
  get lentBytes(): number {
    return this.#lent?.lentBytes ?? 0;
  }

  /** Puts large byte arrays into the file, as far as there is room. */
  place(raw: Uint8Array[]): Part[] {
    const { maxMessageBytes } = this.#limits;
    if (rawLength(raw) > maxMessageBytes) throw tooLongError(maxMessageBytes);
    if (this.#out === undefined) return raw;
    let parts: Part[] | undefined;
    for (let i = 0; i < raw.length; i++) {
      const bytes = raw[i]!;
      if (bytes.length < SHARED_MIN_BYTES) continue;
      const offset = this.#put(bytes);
      if (offset === undefined) continue;
      parts ??= [...raw];
      parts[i] = new SharedPart(bytes.length, offset);
      free(bytes);
    }
    return parts ?? raw;
  }

  /** Takes back what was placed for a message that is not sent. */
  takeBack(parts: readonly Part[]): void {
    for (const part of parts) if (part instanceof SharedPart) this.#lent?.takeBack(part.offset);
  }

  /** Takes a `$/free` notification: the peer has read what is in regions that were lent to it. */
  freed(message: Message): void {
    const params = (message.value ?? {}) as { at?: unknown };
    const { at } = params;
    // no rate limits this notification, so an empty list, which costs its sender nothing, is refused
    if (!isArray(at) || at.length === 0 || ownKeys(params).length !== 1) {
      throw malformed(message.method);
    }
    for (const offset of at) {
      if (typeof offset !== "number" || this.#lent?.takeBack(offset) !== true) {
        throw violation("the peer returned a region of the shared file that was not lent to it");
      }
    }
  }

  /** Makes the byte arrays of a message: those in the peer's file are read, others are still to be filled. */
  receive(announced: readonly Announced[]): Uint8Array[] {
    this.#check(announced);
    const raw: Uint8Array[] = [];
    const read: number[] = [];
    for (const part of announced) {
      if (typeof part === "number") {
        raw[raw.length] = new Uint8Array(part);
        continue;
      }
      const [length, offset] = part;
      const bytes = new Uint8Array(length);
      if (!this.#readPart(offset, bytes)) throw violation("the shared file has no such bytes");
      this.bytesReceived += length;
      raw[raw.length] = bytes;
      read[read.length] = offset;
    }
    if (read.length > 0) this.#giveBack(read);
    return raw;
  }

  close(): void {
    this.#closed = true;
    this.#in?.close();
    this.#out?.close();
    this.#in = this.#out = this.#lent = undefined;
  }

  #put(bytes: Uint8Array): number | undefined {
    const offset = this.#lent?.lend(bytes.length);
    if (offset === undefined) return undefined;
    try {
      this.#out!.write(offset, bytes);
    } catch (error) {
      this.#lent!.takeBack(offset);
      // most likely memory is short: values go over the pipe from now on; a TypeError means a shared buffer
      if (!(error instanceof TypeError)) this.#stopWriting();
      return undefined;
    }
    this.bytesSent += bytes.length;
    return offset;
  }

  /** The peer still reads and returns what is lent. */
  #stopWriting(): void {
    this.#out!.close();
    this.#out = undefined;
  }

  #check(announced: readonly Announced[]): void {
    const places: (readonly [length: number, offset: number])[] = [];
    for (const part of announced) {
      if (typeof part !== "number") places[places.length] = part;
    }
    if (places.length === 0) return;
    if (this.#in === undefined) throw violation("the peer named a shared file that there is not");
    places.sort(([, a], [, b]) => a - b);
    let end = 0;
    for (const [length, offset] of places) {
      if (offset < end) throw violation("regions of the shared file overlap");
      end = offset + length;
      if (end > this.#in.bytes) throw violation("a region is outside of the shared file");
      if (this.#readBytes === 0) soon(() => this.#readBytes = 0);
      this.#readBytes += length;
    }
    // a peer that waits for returned regions cannot lend more than the file; this also bounds the cost of reading
    if (this.#readBytes > this.#in.bytes) {
      throw violation("a region of the shared file was used again before it was returned");
    }
  }

  #readPart(offset: number, into: Uint8Array): boolean {
    try {
      return this.#in!.read(offset, into);
    } catch {
      return false;
    }
  }

  /** Is sent before any answer to the message, so that its sender has room again by then. */
  #giveBack(offsets: readonly number[]): void {
    for (let i = 0; i < offsets.length; i += FREED_PER_MESSAGE) {
      const at = offsets.slice(i, i + FREED_PER_MESSAGE).join();
      this.#send(notificationLine("$/free", `{"at":[${at}]}`));
    }
  }
}
