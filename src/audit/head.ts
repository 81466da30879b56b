/**
 * `head.json`: the last signed position of a chain, so that a tail that was cut off is missed.
 *
 * @module
 */
import { z } from "zod";
import { parseStrictJson } from "../bundle/strict_json.ts";
import { verify } from "../crypto/ed25519.ts";
import { HEAD_FILE, replaceFile } from "./folder.ts";
import { signJson, splitSigned } from "./line.ts";
import type { SigningKey } from "./signing_key.ts";

/** Names the end of a line. */
export interface Position {
  /** The number of the line; 0 before the first. */
  readonly seq: number;
  /** The hash of the line. */
  readonly hash: string;
  /** The number of the file. */
  readonly file: number;
  /** Where the line ends in the file, its line end included. */
  readonly offset: number;
}

/** Holds what `head.json` says. */
export interface Head extends Position {
  /** The random id of the chain. */
  readonly chain: string;
  /** When it was signed. */
  readonly time: string;
  /** The id of the key that signed it. */
  readonly key: string;
}

const MAX_HEAD_BYTES = 4_096;

const HEAD = z.strictObject({
  schema: z.literal(1),
  chain: z.string().regex(/^[0-9a-f]{32}$/),
  seq: z.int().min(0),
  hash: z.string().regex(/^[0-9a-f]{128}$/),
  file: z.int().min(1),
  offset: z.int().min(0),
  time: z.iso.datetime(),
  key: z.string().regex(/^[0-9a-f]{16}$/),
  signature: z.string(),
});

/**
 * Writes `head.json`.
 *
 * @param dir The folder of the chain.
 * @param head What it says, but for the key.
 * @param key The key of the log.
 */
export async function writeHead(
  dir: string,
  head: Omit<Head, "key">,
  key: SigningKey,
): Promise<void> {
  const { chain, seq, hash, file, offset, time } = head;
  const json = JSON.stringify({ schema: 1, chain, seq, hash, file, offset, time, key: key.id });
  await replaceFile(dir, HEAD_FILE, `${signJson("head", chain, json, key.sign)}\n`);
}

/** Says what is wrong with `head.json`. */
export interface HeadProblem {
  /** Whether it is missing, unreadable, or signed by nobody that counts. */
  readonly problem: "missing" | "unreadable" | "bad-signature";
}

/**
 * Reads `head.json`.
 *
 * @param dir The folder of the chain.
 * @param publicKey The key that must have signed it.
 * @returns What it says, or what is wrong with it.
 */
export async function readHead(dir: string, publicKey: Uint8Array): Promise<Head | HeadProblem> {
  let bytes: Uint8Array;
  try {
    const path = `${dir}/${HEAD_FILE}`;
    if ((await Deno.stat(path)).size > MAX_HEAD_BYTES) return { problem: "unreadable" };
    bytes = await Deno.readFile(path);
  } catch (error) {
    return { problem: error instanceof Deno.errors.NotFound ? "missing" : "unreadable" };
  }
  let value: unknown;
  try {
    value = parseStrictJson(bytes);
  } catch {
    return { problem: "unreadable" };
  }
  const parsed = HEAD.safeParse(value);
  const text = new TextDecoder().decode(bytes);
  if (!parsed.success || !text.endsWith("\n")) return { problem: "unreadable" };
  const { schema: _schema, signature: _signature, ...head } = parsed.data;
  const signed = splitSigned("head", head.chain, text.slice(0, -1));
  if (signed === undefined || !await verify(signed.signature, signed.message, publicKey)) {
    return { problem: "bad-signature" };
  }
  return head;
}
