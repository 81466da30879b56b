// What commands say of files that they cannot write, or that others than their owner may use.
import { readThrown, SallyportError } from "../../errors.ts";
import { findOpenToOthers, remedyFor } from "../../io/open_to_others.ts";
import type { Output } from "../terminal/output.ts";

/** Makes the error of a file that cannot be written; what is there is never overwritten. */
export function cannotWrite(path: string, cause: unknown, existsHint: string): SallyportError {
  const exists = cause instanceof Deno.errors.AlreadyExists;
  const reason = exists ? "it exists" : readThrown(cause).message;
  const code = exists ? "bad-state" : "bad-config";
  return new SallyportError(code, `Cannot write "${path}": ${reason}`, {
    hint: exists ? existsHint : "Check the folder, and that you may write there",
    details: { path },
    cause,
  });
}

/**
 * Warns of a file with a secret that others than its owner may use. No refusal: what a container mounts as
 * a secret is often open to its one user.
 */
export async function warnIfOpenToOthers(
  path: string,
  what: string,
  output: Output,
): Promise<void> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info?.isFile) return;
  // Windows has no such mode: there it is null, and access lists decide
  if (info.mode === null || (info.mode & 0o077) === 0) return warnIfChangeable(path, what, output);
  const mode = (info.mode & 0o777).toString(8).padStart(4, "0");
  output.warn(`others may use ${what} "${path}" (mode ${mode}): run chmod 600 on it`);
}

/** Warns of a file that others than its owner may change, or replace by another. */
export function warnIfChangeable(path: string, what: string, output: Output): void {
  const open = findOpenToOthers(path);
  if (open === undefined) return;
  output.warn(
    `others may change ${what}: ${open.who} may write "${open.path}" (mode ${open.mode}): ` +
      `run ${remedyFor(open)} on that`,
  );
}

/** Returns a path without slashes at its end, but for the root. */
export function withoutSlash(path: string): string {
  return path.replace(/(?<=.)\/+$/, "");
}
