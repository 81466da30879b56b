// Files that an application or an operator names: paths, URLs, and reads that are bounded.
import { SallyportError } from "../../errors.ts";
import { readNamedFile, UnreadableFile, type UnreadableReason } from "../../io/named_file.ts";
import { type OpenToOthers, remedyFor } from "../../io/open_to_others.ts";
import type { Logger } from "../../log.ts";

/** Turns a path or `file:` URL into a path. */
export function toPath(path: string | URL): string {
  if (typeof path !== "string" && !(path instanceof URL)) {
    throw new TypeError(`Cannot use ${String(path)} as a path: it is neither a string nor a URL`);
  }
  const url = path instanceof URL ? path : path.startsWith("file:") ? new URL(path) : undefined;
  if (url === undefined) return path as string;
  if (url.protocol !== "file:") {
    throw new TypeError(`Cannot use "${url.href}": only file: URLs name a folder`);
  }
  let name: string;
  try {
    name = decodeURIComponent(url.pathname);
  } catch (cause) {
    throw new TypeError(`Cannot use "${url.href}" as a path: it has a "%" without two hex digits`, {
      cause,
    });
  }
  return Deno.build.os === "windows" ? name.replace(/^\/(?=[A-Za-z]:)/, "") : name;
}

/**
 * Reads a file of known purpose, but no more than its limit.
 *
 * @throws {SallyportError} `bad-config` when it cannot be read, is no regular file or is larger.
 */
export async function readSmallFile(path: string, maxBytes: number, what: string): Promise<string> {
  try {
    const bytes = await readNamedFile(path, maxBytes);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const reason = cause instanceof UnreadableFile ? cause.message : "it is not UTF-8";
    throw new SallyportError("bad-config", `Cannot read ${what} "${path}": ${reason}`, {
      cause,
      hint: hintFor(cause instanceof UnreadableFile ? cause.reason : undefined, what),
      details: { path },
    });
  }
}

function hintFor(reason: UnreadableReason | undefined, what: string): string {
  if (reason === undefined || reason === "too-large") return `Check that this is ${what}`;
  if (reason === "missing") return "Check the path";
  if (reason === "special") return "Name a regular file, or a link to one";
  return "Let the host's user read it";
}

/** Warns that others may change what the host goes by. */
export function warnOpenToOthers(
  logger: Pick<Logger, "warn">,
  what: string,
  open: OpenToOthers | undefined,
): void {
  if (open === undefined) return;
  logger.warn(`Others may change ${what}`, {
    ...open,
    hint: `Run ${remedyFor(open)} on that path`,
  });
}
