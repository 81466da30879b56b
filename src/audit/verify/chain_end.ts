// Finds where a chain ends, so that a host can go on writing there, and what of it nobody has signed.
import { ChainCheck } from "./chain_check.ts";
import { fileName } from "../chain/folder.ts";
import type { Head, Position } from "../chain/head.ts";
import { MAX_LINE_BYTES } from "../chain/line.ts";
import type { Unsigned } from "./vouched.ts";
import type { Torn } from "./vouched.ts";

/** Tells where a chain ends. */
export interface ChainEnd extends Position {
  readonly head: Head;
  readonly firstFile: number;
  readonly takenOver: Unsigned | undefined;
  readonly torn: Torn | undefined;
}

/** Says why a chain cannot be continued: a next head would cover up what was done to it. */
export interface ChainDamage {
  readonly damage: string;
  /** Whether another version wrote it, and nothing need be wrong. */
  readonly foreign: boolean;
}

/** Finds the end of a chain by its head; lines before that are for `verifyAuditLog`. */
export async function findChainEnd(
  dir: string,
  number: number,
  publicKey: Uint8Array,
): Promise<ChainEnd | ChainDamage> {
  const check = new ChainCheck(dir, number, publicKey);
  const head = (await check.readHead())!;
  if ("problem" in head) {
    return { damage: `head.json ${head.text}`, foreign: head.problem === "old-format" };
  }
  await check.checkTail(head);
  const { end, files, torn, vouched } = check;
  const cut = torn?.file === fileName(end.file) && torn.bytes <= MAX_LINE_BYTES;
  const wrong = check.problems.list.find(({ kind }) => !(kind === "torn" && cut));
  if (wrong !== undefined) {
    const { kind, file, seq } = wrong;
    const at = seq === undefined ? "" : ` at line number ${seq}`;
    return { damage: `${file} does not follow its head: ${kind}${at}`, foreign: false };
  }
  const { bytes, hash, text } = torn ?? { bytes: 0, hash: "", text: "" };
  return {
    ...end,
    hash: vouched.lastHash,
    head,
    firstFile: files[0] ?? 1,
    takenOver: vouched.unsigned,
    torn: torn === undefined ? undefined : { file: torn.file, bytes, hash, text },
  };
}
