import { SallyportError } from "../../errors.ts";
import type { RequestOptions } from "./options.ts";

/** What a message says of a call. */
interface FailedCall {
  readonly id: number;
  readonly method: string;
  readonly options: RequestOptions;
  /** Present where it streams. */
  readonly stream: unknown;
}

/** Names a call in messages. */
export function label(call: FailedCall): string {
  return call.options.label ?? `"${call.method}"`;
}

/** What comes before the peer's own words in the message of an error. */
export function prefix(call: FailedCall): string {
  return call.options.label === undefined ? "" : `${call.options.label} failed: `;
}

/** The caller gave it up. */
export function cancelled(call: FailedCall, reason: unknown): SallyportError {
  return new SallyportError("cancelled", `Cannot finish ${label(call)}: the caller cancelled it`, {
    cause: reason,
    details: { local: true },
  });
}

/** Its answer or next item did not come in time. */
export function timedOut(call: FailedCall): SallyportError {
  const { timeoutMs } = call.options;
  const what = call.stream ? "item" : "answer";
  return new SallyportError(
    "timeout",
    `Cannot finish ${label(call)}: no ${what} within ${timeoutMs} ms`,
    {
      hint: "Give it more time, or look at what the plugin does",
      details: { local: true, timeoutMs },
    },
  );
}

/** It was given up, and the peer did not say that it has stopped either. */
export function neverAnswered(call: FailedCall, cancelGraceMs: number): SallyportError {
  return new SallyportError(
    "timeout",
    `Cannot go on: ${
      label(call)
    } was given up and the peer did not answer it within ${cancelGraceMs} ms`,
    { hint: "The plugin is stuck; it was cut off", details: { cancelGraceMs, id: call.id } },
  );
}
