/**
 * Files that an application or an operator names: paths, URLs, and reads that are bounded.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";

/**
 * Turns a path or `file:` URL into a path.
 *
 * @param path The path or URL.
 * @returns The path, or the text as it is.
 */
export function toPath(path: string | URL): string {
  if (typeof path !== "string" && !(path instanceof URL)) {
    throw new TypeError(`Cannot use ${String(path)} as a path: it is neither a string nor a URL`);
  }
  const url = path instanceof URL ? path : path.startsWith("file:") ? new URL(path) : undefined;
  if (url === undefined) return path as string;
  if (url.protocol !== "file:") {
    throw new TypeError(`Cannot use "${url.href}": only file: URLs name a folder`);
  }
  const name = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? name.replace(/^\/(?=[A-Za-z]:)/, "") : name;
}

/**
 * Reads a file of known purpose, but no more than its limit.
 *
 * @param path The file.
 * @param maxBytes The limit.
 * @param what What it is, for the message.
 * @returns Its text.
 * @throws {SallyportError} `bad-config` when it cannot be read or is larger.
 */
export async function readSmallFile(path: string, maxBytes: number, what: string): Promise<string> {
  try {
    using file = await Deno.open(path);
    const bytes = new Uint8Array(maxBytes + 1);
    let length = 0;
    while (length < bytes.length) {
      const read = await file.read(bytes.subarray(length));
      if (read === null) break;
      length += read;
    }
    if (length <= maxBytes) {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length));
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError("bad-config", `Cannot read ${what} "${path}": ${reason}`, {
      cause,
      hint: "Check the path and that the host may read it",
    });
  }
  throw new SallyportError(
    "bad-config",
    `Cannot read ${what} "${path}": it is larger than ${maxBytes} bytes`,
    { hint: `Check that this is ${what}` },
  );
}
