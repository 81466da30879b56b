import { SallyportError } from "../../errors.ts";

/** Makes the error that closes a connection whose peer broke the protocol. */
export function violation(what: string, details?: SallyportError["details"]): SallyportError {
  return new SallyportError("protocol-violation", `Protocol violation: ${what}`, {
    hint:
      "The peer sent what the wire protocol forbids and was cut off; do not run it again as it is",
    ...(details ? { details } : {}),
  });
}

export function shownMethod(method: string): string {
  return method.replace(/[^\w$/.:-]/g, "?").slice(0, 60);
}
