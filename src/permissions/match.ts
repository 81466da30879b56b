// Compares the requests of one family with its grants, over sets that are nested or disjoint.
import { escapeText } from "../errors.ts";
import type { Findings, PermissionFamily, ResolvedItem } from "./findings.ts";

export interface Request<T> {
  readonly written: string;
  readonly value: T;
}

export interface Matching<T> {
  readonly family: PermissionFamily;
  /** Where its grants come from, for people. */
  readonly source: string;
  /** Returns what two values have in common: one of the two, or nothing. */
  intersect(grant: T, request: T): T | undefined;
  /** Writes a value in its normal form; equal texts are equal values. */
  format(value: T): string;
  /** Names a request in messages; by its normal form where absent. */
  name?(request: Request<T>): string;
  /** Says why a part that remains of a request can never be given. */
  refuse?(value: T): string | undefined;
}

/** Compares requests with grants; a request is covered when one grant contains all of it. */
export function matchRequests<T>(
  requests: readonly Request<T>[],
  grants: readonly T[],
  matching: Matching<T>,
  found: Findings,
): void {
  const { family, source } = matching;
  for (const request of requests) {
    const requested = request.written;
    const whole = matching.format(request.value);
    const common = new Map<string, T>();
    for (const grant of grants) {
      const part = matching.intersect(grant, request.value);
      if (part !== undefined) common.set(matching.format(part), part);
    }
    if (common.has(whole)) {
      found.items.push({ family, value: whole, requested, source });
      continue;
    }
    const pieces: ResolvedItem[] = [...common]
      .sort(([a], [b]) => a < b ? -1 : 1) // keys of a map: never equal
      .filter(([, part]) => matching.refuse?.(part) === undefined)
      .map(([value]) => ({ family, value, requested, source }));
    const parts = pieces.slice(0, 5).map(({ value }) => `"${escapeText(value, 200)}"`);
    if (pieces.length > parts.length) parts.push("…");
    const reason = pieces.length === 0
      ? "is not granted"
      : `is granted only in part: ${parts.join(", ")}`;
    const value = matching.name?.(request) ?? whole;
    found.uncovered.push({ excess: { family, value, reason, grantable: true }, pieces });
  }
}
