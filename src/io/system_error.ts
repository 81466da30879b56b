// What the system refuses, and whatever else is not ours, as errors of ours.
import { escapeText, readThrown, SallyportError, type SallyportErrorCode } from "../errors.ts";

const HINTS: Readonly<Record<string, string>> = {
  EACCES: "Let the host's user read and write it",
  EPERM: "Let the host's user read and write it",
  EROFS: "It is mounted read-only: mount it for writing, or choose another folder",
  ENOSPC: "Free space on its file system, then try again",
  EDQUOT: "Free space within the user's quota, then try again",
  ENOENT: "Something has removed it: keep the host's folder from whatever cleans up",
  EMFILE: "Raise the host's limit of open files (`ulimit -n`, or LimitNOFILE= in its unit)",
  ENFILE: "The machine has no open files left: end what holds them",
  ENAMETOOLONG: "Choose a shorter path",
  ENOMEM:
    "The machine has no memory left: end what holds it, or raise the limit of the host's cgroup",
  EAGAIN: "Raise the host's limit of processes (`ulimit -u`, or pids.max of its cgroup)",
  EIO: "The disk does not work: see the kernel's log (`dmesg`)",
};

/** What the machine may have again the next time. */
const SHORTAGES = new Set(["EMFILE", "ENFILE", "ENOSPC", "EDQUOT", "ENOMEM", "EAGAIN", "EIO"]);

/** Names an error as the system does (`ENOSPC`), or the first of its causes that has such a name. */
export function systemCode(error: unknown): string | undefined {
  for (let depth = 0; depth < 8 && error instanceof Error; depth++) {
    const { code } = error as { code?: unknown };
    if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
    error = error.cause;
  }
  return undefined;
}

/** Tells whether an error says nothing but that the machine is short of something. */
export function isShortage(error: unknown): boolean {
  return SHORTAGES.has(systemCode(error) ?? "");
}

/** Says what to do about an error of the system. */
export function systemHint(error: unknown): string | undefined {
  const code = systemCode(error);
  return code !== undefined && Object.hasOwn(HINTS, code) ? HINTS[code] : undefined;
}

/**
 * Makes an error fit to leave the package: a `SallyportError`, `TypeError` or `RangeError`, as it is where
 * it is one already.
 */
export function ownError(
  error: unknown,
  action: string,
  options: { code?: SallyportErrorCode; signal?: AbortSignal | undefined } = {},
): Error {
  const first = firstOf(error);
  if (first instanceof SallyportError) return first;
  if (first instanceof TypeError || first instanceof RangeError) return first;
  const { code = "bad-config", signal } = options;
  if (signal?.aborted && first === signal.reason) {
    return new SallyportError("cancelled", `Cannot ${action}: it was cancelled`, { cause: first });
  }
  const { message } = readThrown(first);
  return new SallyportError(code, `Cannot ${action}: ${escapeText(message)}`, {
    cause: error,
    hint: systemHint(first) ??
      (first instanceof Deno.errors.NotCapable
        ? "Run it with the permission that it names, or with -A"
        : "See the cause"),
  });
}

/**
 * Does something on behalf of a caller outside the package.
 *
 * @throws {SallyportError} or a `TypeError` or `RangeError`, and nothing else.
 */
export async function asOwn<T>(
  action: string,
  act: () => T | Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw ownError(error, action, { signal });
  }
}

/** Finds what failed first, where clean-up failed after it or several things failed at once. */
function firstOf(error: unknown): unknown {
  for (let depth = 0; depth < 16; depth++) {
    if (error instanceof SuppressedError) error = error.suppressed;
    else if (error instanceof AggregateError && error.errors.length > 0) error = error.errors[0];
    else break;
  }
  return error;
}
