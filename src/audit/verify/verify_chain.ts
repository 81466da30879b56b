// Checks one chain of an audit log from its first line to its last.
import { ChainCheck } from "./chain_check.ts";
import { fileName } from "../chain/folder.ts";
import type { ChainReport } from "./report.ts";
import type { Named } from "./vouched.ts";

/** Holds what a chain was found to be. */
export interface CheckedChain {
  readonly report: ChainReport;
  /** What it says of other chains, under a good signature, and where. */
  readonly named: readonly Named[];
  /** The hashes of its signed lines. */
  readonly hashes: ReadonlyMap<number, string>;
}

const MAX_NOTES = 100;

/** Checks a chain; without a key, signatures are not looked at. */
export async function verifyChain(
  dir: string,
  chain: number,
  publicKey: Uint8Array | undefined,
  signal: AbortSignal | undefined,
): Promise<CheckedChain> {
  const check = new ChainCheck(dir, chain, publicKey, signal);
  await check.checkAll();
  const { files, lines, first, to, end, vouched, problems } = check;
  const notes = [...vouched.notes(), ...check.notes];
  const more = notes.length - MAX_NOTES;
  const report: ChainReport = {
    chain,
    id: vouched.id,
    files: files.map(fileName),
    lines,
    fromSeq: first?.parsed?.seq ?? 0,
    toSeq: end.seq,
    from: first?.parsed?.time,
    to,
    signedSeq: vouched.signed?.parsed?.seq ?? 0,
    checkpoints: vouched.hashes.size,
    closed: vouched.closed,
    keyIds: [...vouched.keyIds],
    retainedFrom: vouched.retention?.firstSeq,
    takenOver: vouched.takenOver,
    notWritten: vouched.notWritten,
    notes: more <= 0 ? notes : [...notes.slice(0, MAX_NOTES), `and ${more} more`],
    problems: problems.list,
    problemCount: problems.count,
  };
  return { report, named: vouched.named, hashes: vouched.hashes };
}
