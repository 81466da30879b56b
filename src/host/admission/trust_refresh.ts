// What becomes of a trust list that is opened again.
import type { SealSecret } from "../../crypto/sealed.ts";
import { SallyportError } from "../../errors.ts";
import { diffRoots, diffTrustLists, type TrustChange } from "../../trust/list/diff.ts";
import type { TrustList } from "../../trust/trust_list.ts";

/** Tells what became of a trust list. */
export interface TrustUpdate {
  /**
   * Whether a new revision is in force, the list has expired (nothing is loaded any more), it cannot be
   * used any more (nothing is loaded either, and the last good revision judges what runs), or it can
   * be used again.
   */
  readonly status: "updated" | "expired" | "unusable" | "restored";
  /** The revision in force. */
  readonly revision: number;
  /** What differs from the revision before. */
  readonly changes: readonly TrustChange[];
  /** Why it cannot be used. */
  readonly problem?: SallyportError;
}

/** Opens a list again; where it was sealed anew, with the secret that is there by then. */
export async function reopen(
  list: TrustList,
  readSecret: (() => Promise<SealSecret>) | undefined,
): Promise<TrustList> {
  try {
    return await list.refresh();
  } catch (error) {
    const sealedAnew = error instanceof SallyportError && error.details.reason === "other-key";
    if (!sealedAnew || readSecret === undefined) throw error;
    // the passphrase was changed, and with it, one hopes, the file that it is in
    return await list.refresh(await readSecret());
  }
}

/** Lists what differs between two revisions of a list, its roots first. */
export function changesOf(before: TrustList, list: TrustList): TrustChange[] {
  if (list === before) return [];
  return [
    ...diffRoots(before.root, list.root),
    ...diffTrustLists(before.content, list.content),
  ];
}

/** Says why nothing can be loaded by a list that cannot be used. */
export function unusableError(cause: unknown): SallyportError {
  const own = cause instanceof SallyportError ? cause : undefined;
  return new SallyportError(
    own?.code ?? "bad-config",
    `Cannot load plugins by the trust list: ${own?.reason ?? String(cause)}`,
    {
      hint: own?.hint ?? "Put the list back; the host notices",
      details: own?.details ?? {},
      cause,
    },
  );
}
