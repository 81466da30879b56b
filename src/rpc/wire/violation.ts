import { type ErrorDetails, SallyportError } from "../../errors.ts";

/**
 * Makes the error that closes a connection whose peer broke the protocol.
 *
 * @param what What the peer did, with its values quoted and escaped.
 * @param details Facts as plain JSON values.
 * @returns The error, with code `protocol-violation`.
 */
export function violation(what: string, details?: ErrorDetails): SallyportError {
  return new SallyportError("protocol-violation", `Protocol violation: ${what}`, {
    hint:
      "The peer sent what the wire protocol forbids and was cut off; do not run it again as it is",
    ...(details ? { details } : {}),
  });
}
