// Reads files that an application or an operator names, whatever lies there: no read waits for a writer
// that never comes, and none is larger than its limit.
import { isAbsolute, resolve } from "node:path";
import { nodeFs } from "../node.ts";
import { readAtMost } from "./plain_file.ts";

/** Why a file cannot be read. */
export type UnreadableReason = "missing" | "denied" | "special" | "too-large" | "other";

/** Says why a file cannot be read, in words that follow "Cannot read …:". */
export class UnreadableFile extends Error {
  /** Which kind of reason it is. */
  readonly reason: UnreadableReason;

  /** Makes the error. */
  constructor(reason: UnreadableReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "UnreadableFile";
    this.reason = reason;
  }
}

// without O_NONBLOCK to open a named pipe waits for its writer, and nothing can end that; Windows has none
function flags(): number {
  const { O_RDONLY, O_NONBLOCK = 0 } = nodeFs().constants;
  return O_RDONLY | O_NONBLOCK;
}

const POLL_MS = 10;

const REASONS: Readonly<Record<string, readonly [UnreadableReason, string]>> = {
  ENOENT: ["missing", "it does not exist"],
  ENOTDIR: ["missing", "a part of its path is not a folder"],
  EACCES: ["denied", "this user may not read it"],
  EPERM: ["denied", "this user may not read it"],
  EISDIR: ["special", "it is a folder"],
  ENXIO: ["special", "it is not a regular file"],
};

/**
 * Reads a whole file: a regular one, or a pipe that the shell has opened for this process, as it does for
 * `<(command)`. Links are followed; a named pipe, a device, a socket and a folder are refused.
 *
 * @throws {UnreadableFile} With the reason.
 */
export async function readNamedFile(path: string, maxBytes: number): Promise<Uint8Array> {
  let descriptor: number;
  try {
    descriptor = nodeFs().openSync(path, flags());
  } catch (cause) {
    throw unreadable(cause);
  }
  try {
    const info = nodeFs().fstatSync(descriptor);
    if (info.isDirectory()) throw new UnreadableFile("special", "it is a folder");
    if (!info.isFile() && !isOwnDescriptor(path)) {
      throw new UnreadableFile("special", "it is not a regular file");
    }
    const bytes = info.isFile() && info.size > maxBytes ? undefined : await readAtMost(
      { info, read: (buffer, at) => readOn(descriptor, buffer, at), [Symbol.dispose]() {} },
      maxBytes,
    );
    if (bytes !== undefined) return bytes;
    throw new UnreadableFile("too-large", `it is larger than ${maxBytes} bytes`);
  } catch (cause) {
    throw unreadable(cause);
  } finally {
    nodeFs().closeSync(descriptor);
  }
}

/** Whether a path names what this process has open: only its starter can have put that there. */
function isOwnDescriptor(path: string): boolean {
  const real = isAbsolute(path) ? resolve(path) : path;
  return /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/.test(real);
}

/** Fills the buffer, or reads to the end; waits for what writes to a pipe without holding a thread. */
async function readOn(descriptor: number, buffer: Uint8Array, at: number): Promise<number> {
  let length = 0;
  while (at + length < buffer.length) {
    const count = await readSome(descriptor, buffer, at + length);
    if (count === 0) break;
    if (count === undefined) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    else length += count;
  }
  return length;
}

function readSome(
  descriptor: number,
  buffer: Uint8Array,
  at: number,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    nodeFs().read(descriptor, buffer, at, buffer.length - at, null, (error, count) => {
      if (!error) resolve(count);
      else if (error.code === "EAGAIN") resolve(undefined);
      else reject(error);
    });
  });
}

function unreadable(cause: unknown): unknown {
  if (cause instanceof UnreadableFile) return cause;
  const [reason, message] = REASONS[(cause as { code?: string }).code ?? ""] ??
    ["other", cause instanceof Error ? cause.message : String(cause)];
  return new UnreadableFile(reason, message, cause);
}
