// Reading and writing of sockets with bounded buffers.
import { MAX_HEAD_BYTES } from "./http_head.ts";
import { Refusal, type RefusalStatus } from "./refusal.ts";

const BUFFER_BYTES = 64 * 1024;
const LF = 10, CR = 13, TAB = 9, SPACE = 32, DEL = 127;

/** Reads a connection through one buffer of 64 KiB, and only when asked. */
export class ConnReader {
  readonly #conn: Deno.Conn;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #start = 0;
  #end = 0;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Reads what is there, waiting for at least one byte. */
  async read(max: number = BUFFER_BYTES): Promise<Uint8Array<ArrayBuffer> | null> {
    if (this.#start === this.#end && !await this.#fill()) return null;
    const bytes = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + max));
    this.#start += bytes.length;
    return bytes;
  }

  /** Reads the head of a message, through its empty line. */
  async head(status: RefusalStatus): Promise<Uint8Array | null> {
    let line = 0; // bytes of the line so far, without its end
    for (let length = 0;; length++) {
      if (length >= MAX_HEAD_BYTES) {
        throw new Refusal(status === 400 ? 431 : status, "the head is over 32 KiB");
      }
      if (this.#start + length >= this.#end && !await this.#fill()) {
        if (length === 0) return null;
        throw new Refusal(status, "the connection ended within a head");
      }
      const byte = this.#buffer[this.#start + length]!;
      const previous = length > 0 ? this.#buffer[this.#start + length - 1] : undefined;
      if ((byte === LF) !== (previous === CR)) {
        throw new Refusal(status, "the head has a bare line end");
      }
      if (byte !== LF && byte !== CR) {
        line++;
        if (byte >= SPACE && byte !== DEL || byte === TAB) continue;
        throw new Refusal(status, "the head has a control character");
      }
      if (byte === CR) continue;
      if (line === 0) {
        const head = this.#buffer.subarray(this.#start, this.#start + length + 1);
        this.#start += head.length;
        return head;
      }
      line = 0;
    }
  }

  async line(maxBytes: number): Promise<string> {
    let text = "";
    for (let previous = 0;;) {
      const byte = (await this.read(1))?.[0];
      if (byte === undefined) throw new Refusal(400, "the connection ended within a line");
      if (byte === LF && previous === CR) return text.slice(0, -1);
      if (byte === LF || previous === CR || byte === DEL || byte < SPACE && byte !== CR) {
        throw new Refusal(400, "a line has a control character or a bare line end");
      }
      if (text.length > maxBytes) throw new Refusal(400, "a line is too long");
      text += String.fromCharCode(previous = byte);
    }
  }

  /** Reads more behind what is buffered; the buffer always has room, as heads are half of it at most. */
  async #fill(): Promise<boolean> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const read = await this.#conn.read(this.#buffer.subarray(this.#end));
    this.#end += read ?? 0;
    return read !== null;
  }
}

/** Writes all bytes; waits where the other side does not read. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await conn.write(bytes.subarray(offset));
}

/**
 * Copies until the end of the input, then ends the output; the other direction stays open.
 *
 * An output that broke ends the copying, quietly: what it sent before it broke is still to be read.
 */
export async function copy(
  from: ConnReader,
  to: Deno.Conn,
  count: (bytes: number) => void,
  moved: () => void,
): Promise<void> {
  for (let bytes = await from.read(); bytes !== null; bytes = await from.read()) {
    count(bytes.length);
    try {
      await writeAll(to, bytes);
    } catch {
      return;
    }
    moved();
  }
  await endWriting(to);
}

/** Passes an end of input on; one that went away meanwhile needs none. */
export async function endWriting(conn: Deno.Conn): Promise<void> {
  try {
    await conn.closeWrite();
  } catch {
    // the other side closed first: the reading direction sees it
  }
}

/** Closes a connection, at once and more than once. */
export function closeQuietly(conn: Deno.Conn | undefined): void {
  try {
    conn?.close();
  } catch {
    // closed already
  }
}
