// The refusals of a bundle that is not trusted, and what a call in flight is told of one.
import { SallyportError, type SallyportErrorCode } from "../../errors.ts";

const REFUSALS: ReadonlySet<SallyportErrorCode> = new Set([
  "untrusted",
  "revoked",
  "expired",
  "rollback",
]);

/** Tells whether an error says that a bundle is not trusted, and not that something failed. */
export function isTrustRefusal(error: unknown): boolean {
  return error instanceof SallyportError && REFUSALS.has(error.code);
}

/** Tells a pending call that its plugin was taken down. */
export function revokedError(plugin: string, refusal: SallyportError): SallyportError {
  return new SallyportError("revoked", `Plugin "${plugin}" was unloaded: ${refusal.reason}`, {
    hint: refusal.hint,
    details: { plugin, reason: refusal.code },
    cause: refusal,
  });
}
