import { SallyportError } from "../../errors.ts";
import type { Call } from "./own_call.ts";

type FailedCall = Pick<Call, "id" | "method" | "options" | "stream">;

export function label(call: FailedCall): string {
  return call.options.label ?? `"${call.method}"`;
}

/** Returns what stands before the peer's own words in the message of an error. */
export function prefix(call: FailedCall): string {
  return call.options.label === undefined ? "" : `${call.options.label} failed: `;
}

export function cancelled(call: FailedCall, reason: unknown): SallyportError {
  return new SallyportError("cancelled", `Cannot finish ${label(call)}: the caller cancelled it`, {
    cause: reason,
    details: { local: true },
  });
}

export function timedOut(call: FailedCall): SallyportError {
  const { timeoutMs } = call.options;
  const what = call.stream ? "item" : "answer";
  const message = `Cannot finish ${label(call)}: no ${what} within ${timeoutMs} ms`;
  return new SallyportError("timeout", message, {
    hint: "Give it more time, or look at what the plugin does",
    details: { local: true, timeoutMs },
  });
}

export function neverAnswered(call: FailedCall, cancelGraceMs: number): SallyportError {
  const late = `was given up and the peer did not answer it within ${cancelGraceMs} ms`;
  return new SallyportError("timeout", `Cannot go on: ${label(call)} ${late}`, {
    hint: "The plugin is stuck; it was cut off",
    details: { cancelGraceMs, id: call.id },
  });
}
