import { SallyportError } from "../../errors.ts";
import { violation } from "./violation.ts";

/** Makes the error for a peer that ended before a message was whole. */
export function tornMessage(): SallyportError {
  return violation("the peer ended in the middle of a message", { torn: true });
}

export async function askWhyEnded(
  ask: (() => SallyportError | undefined | Promise<SallyportError | undefined>) | undefined,
  error: unknown,
): Promise<{ reason: SallyportError; isKnown: boolean }> {
  try {
    const reason = await ask?.();
    if (reason !== undefined) return { reason, isKnown: true };
  } catch (cause) {
    const reason = new SallyportError("bad-state", "Cannot tell why the peer ended", { cause });
    return { reason, isKnown: true };
  }
  return {
    reason: new SallyportError("crashed", "The peer ended before it answered", { cause: error }),
    isKnown: false,
  };
}

/** Returns what a connection is closed with when something was thrown. */
export function asReason(error: unknown): SallyportError {
  if (error instanceof SallyportError) return error;
  return new SallyportError("bad-state", "Cannot go on: a handler failed", { cause: error });
}
