/**
 * Tables of a trust list.
 *
 * @module
 */
import type { Output, Style } from "../terminal/output.ts";
import type { TrustState } from "./states.ts";

const STYLES: Readonly<Record<TrustState, Style>> = {
  valid: "green",
  "not yet": "yellow",
  expired: "red",
  revoked: "red",
  "too old": "red",
};

/** Writes a state in its colour. */
export function stateCell(state: TrustState, output: Output): string {
  return output.style(STYLES[state], state);
}
