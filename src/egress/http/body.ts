// Bodies of requests, forwarded strictly by their framing.
import type { Framing } from "./http_head.ts";
import { Refusal } from "./refusal.ts";
import type { ConnReader } from "./streams.ts";

const CRLF = new Uint8Array([13, 10]);
const MAX_TRAILERS = 100;
const MAX_TRAILER_BYTES = 8192;

/**
 * Forwards the body of a request and not a byte that follows it.
 *
 * Chunks are written anew, without extensions and trailers, so that the other side reads them as this one did.
 */
export async function forwardBody(
  reader: ConnReader,
  framing: Framing,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  if (framing.kind === "none") return;
  if (framing.kind === "length") return await forwardBytes(reader, framing.bytes, write);
  const encoder = new TextEncoder();
  for (;;) {
    const line = await reader.line(16);
    if (!/^[0-9A-Fa-f]{1,12}$/.test(line)) {
      throw new Refusal(400, "the request has a chunk without a valid size");
    }
    const size = parseInt(line, 16);
    if (size === 0) break;
    await write(encoder.encode(`${size.toString(16)}\r\n`));
    await forwardBytes(reader, size, write);
    if (await reader.line(0) !== "") throw new Refusal(400, "the request has an overlong chunk");
    await write(CRLF);
  }
  for (let count = 0; await reader.line(MAX_TRAILER_BYTES) !== ""; count++) {
    if (count >= MAX_TRAILERS) throw new Refusal(400, "the request has too many trailers");
  }
  await write(encoder.encode("0\r\n\r\n"));
}

async function forwardBytes(
  reader: ConnReader,
  bytes: number,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  for (let left = bytes; left > 0;) {
    const part = await reader.read(left);
    if (part === null) throw new Refusal(400, "the request ended within its body");
    await write(part);
    left -= part.length;
  }
}
