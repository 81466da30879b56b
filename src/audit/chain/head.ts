// `head.json`: the last signed position of a chain, so that a tail that was cut off is missed.
import * as z from "zod";
import { PARSING } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import { HEAD_FILE, readSmall, replaceFile } from "./folder.ts";
import { isSigned, signJsonLater } from "./line.ts";
import type { SigningKey } from "./signing_key.ts";

/** Names the end of a line. */
export interface Position {
  /** The number of the line; 0 before the first. */
  readonly seq: number;
  readonly hash: string;
  readonly file: number;
  /** Where the line ends in the file, its line end included. */
  readonly offset: number;
}

/** Holds what `head.json` says; the line that it names is a signed one. */
export interface Head extends Position {
  /** The random id of the chain. */
  readonly chain: string;
  /** The number of the chain: the name of its folder. */
  readonly number: number;
  /** Whether that line ended a run: but for the start of another, nothing may follow it. */
  readonly closed: boolean;
  readonly time: string;
  readonly key: string;
}

/** Says how one chain stood when a host looked, in a signed line of another. */
export type NamedChain = { readonly chain: number; readonly seq: number; readonly hash: string };

/** Says what is wrong with `head.json`, in words that follow its name. */
export interface HeadProblem {
  readonly problem: "head-missing" | "head-edited" | "bad-signature" | "old-format" | "chain-moved";
  readonly text: string;
}

const MAX_HEAD_BYTES = 4_096;

const HEAD = z.lazy(() =>
  z.strictObject({
    schema: z.literal(2),
    chain: z.string().regex(/^[0-9a-f]{32}$/),
    number: z.int().min(1),
    seq: z.int().min(0),
    hash: z.string().regex(/^[0-9a-f]{128}$/),
    file: z.int().min(1),
    offset: z.int().min(0),
    closed: z.boolean(),
    time: z.iso.datetime(),
    key: z.string().regex(/^[0-9a-f]{16}$/),
    signature: z.string(),
  })
);

/** Writes `head.json`. */
export async function writeHead(
  dir: string,
  head: Omit<Head, "key">,
  key: SigningKey,
): Promise<void> {
  const { chain, number, seq, hash, file, offset, closed, time } = head;
  const body = { schema: 2, chain, number, seq, hash, file, offset, closed, time, key: key.id };
  const text = await signJsonLater("head", JSON.stringify(body), key.signLater);
  await replaceFile(dir, HEAD_FILE, `${text}\n`);
}

/** Reads `head.json` of a chain, and checks that this chain's host signed it. */
export async function readHead(
  dir: string,
  number: number,
  publicKey: Uint8Array,
): Promise<Head | HeadProblem> {
  const edited: HeadProblem = { problem: "head-edited", text: "is not what a host writes" };
  let text: string;
  let value: unknown;
  try {
    const bytes = readSmall(`${dir}/${HEAD_FILE}`, MAX_HEAD_BYTES);
    if (bytes === undefined) {
      return { problem: "head-missing", text: "is missing: lines may have been cut off the end" };
    }
    value = parseStrictJson(bytes);
    text = new TextDecoder().decode(bytes);
  } catch {
    return edited;
  }
  if ((value as { schema?: unknown } | null)?.schema === 1) {
    return {
      problem: "old-format",
      text: "is of the format before this version's: nothing in this chain was checked",
    };
  }
  const parsed = HEAD.safeParse(value, PARSING);
  if (!parsed.success || !text.endsWith("\n")) return edited;
  const { schema: _schema, signature: _signature, ...head } = parsed.data;
  if (!await isSigned("head", text.slice(0, -1), publicKey)) {
    return {
      problem: "bad-signature",
      text: "was not signed by the log's key: it was edited, or comes from elsewhere",
    };
  }
  if (head.number !== number) {
    return {
      problem: "chain-moved",
      text: `is of chain ${head.number}: a chain was copied or moved here`,
    };
  }
  return head;
}
