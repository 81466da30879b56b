// Opens what a host trusts, and records what has become of its trust list since it last ran.
import { diffRoots, diffTrustLists } from "../../trust/list/diff.ts";
import type { TrustList } from "../../trust/trust_list.ts";
import { SallyportError } from "../../errors.ts";
import type { AuditRecorder, TrustOpening } from "../events/audit_recorder.ts";
import { TrustSource, type TrustSourceSettings } from "./trust_source.ts";

/**
 * Opens what a host trusts.
 *
 * @throws {SallyportError} as `TrustSource.open`.
 */
export async function openTrust(
  settings: TrustSourceSettings,
  markDir: string,
  recorder: AuditRecorder | undefined,
): Promise<TrustSource> {
  try {
    const trust = await TrustSource.open(settings, { markDir });
    const opening = recorder && trust.list && await compareWithSeen(trust.list);
    if (opening !== undefined) recorder?.trustOpened(opening);
    return trust;
  } catch (error) {
    recorder?.trustRefused(error);
    throw error;
  }
}

async function compareWithSeen(list: TrustList): Promise<TrustOpening | undefined> {
  const { revision, hash: listHash, seenBefore } = list;
  if (seenBefore === undefined) return { status: "opened", revision, listHash };
  if (seenBefore.revision === revision) return undefined; // by the mark it is the very same
  const before = { status: "updated", revision, listHash, before: seenBefore.revision } as const;
  const previous = await list.previous();
  if (previous?.hash !== seenBefore.hash) return before;
  try {
    const changes = [
      ...diffRoots(previous.root, list.root),
      ...diffTrustLists(previous.content, list.content),
    ];
    return { ...before, changes };
  } catch (error) {
    // an entry that is not valid is told when somebody needs it
    if (error instanceof SallyportError) return before;
    throw error;
  }
}
