/**
 * What is told of a plugin that is not trusted any more.
 *
 * @module
 */
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

/**
 * Gives the error that a load is to end with: why the host ended it, where it did.
 *
 * @param signal The signal of the load.
 * @param failure What the load itself ended with.
 */
export function reasonOrFailure(signal: AbortSignal, failure: unknown): unknown {
  return signal.reason instanceof SallyportError ? signal.reason : failure;
}

/**
 * Says in an event why a plugin was unloaded.
 *
 * @param refusal The verdict on its bundle.
 * @returns The verdict without its "Cannot load".
 */
export function reasonOf(refusal: SallyportError): string {
  return refusal.message.replace(/^Cannot load plugin "[^"]*": /, "");
}

/**
 * Tells a pending call that its plugin was taken down.
 *
 * @param plugin The plugin's name.
 * @param refusal The verdict on its bundle.
 * @returns A `revoked` error; `details.reason` has the code of the verdict.
 */
export function revokedError(plugin: string, refusal: SallyportError): SallyportError {
  return new SallyportError("revoked", `Plugin "${plugin}" was unloaded: ${reasonOf(refusal)}`, {
    hint: refusal.hint,
    details: { plugin, reason: refusal.code },
    cause: refusal,
  });
}
