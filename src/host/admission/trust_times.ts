// The dates in a trust list at which plugins that run may have to end.
import type { TrustListContent } from "../../trust/list/content.ts";

/** Finds the next date at which a revocation comes into force. */
export function nextRevocation(list: TrustListContent, after: number): number {
  let next = Infinity;
  const consider = (from: string | undefined) => {
    const time = from === undefined ? NaN : Date.parse(from);
    if (time > after && time < next) next = time;
  };
  for (const { from } of list.revocations) consider(from);
  for (const { revoked } of list.keys) consider(revoked?.from);
  return next;
}
