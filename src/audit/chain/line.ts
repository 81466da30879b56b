// The lines of the audit log: JSON that carries the hash of the line before it; some are signed.
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { parseStrictJson } from "../../json/strict_json.ts";
import { sha3_512Hex } from "../../crypto/digest.ts";
import { verify } from "../../crypto/ed25519.ts";

/** The most bytes that a line may have, its end apart. */
export const MAX_LINE_BYTES: number = 65_536;

/** What the first line of a chain carries in place of a hash. */
export const NO_HASH: string = "0".repeat(128);

/** A run begins with a signed line, has signed lines on its way, and ends with one unless it is killed. */
export type SignedType = "started" | "checkpoint" | "stopped";
export const SIGNED_TYPES: ReadonlySet<string> = new Set<SignedType>([
  "started",
  "checkpoint",
  "stopped",
]);

/** Holds what every line has, and all its fields. */
export interface AuditLine {
  /** The number in its chain, from 1. */
  readonly seq: number;
  readonly time: string;
  readonly type: string;
  /** The hash of the line before it, in hex. */
  readonly prev: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Names what a signature is for, so that none can stand in another's place. */
export type SignedKind = "line" | "head";

/** Signs bytes with the key of the log. */
export type Signer = (message: Uint8Array) => Uint8Array;
/** Signs bytes with the key of the log, soon. */
export type LaterSigner = (message: Uint8Array) => Promise<Uint8Array>;

const HASH = /^[0-9a-f]{128}$/;
const SIGNED = /^(\{.*),"signature":"([A-Za-z0-9+/]{86}==)"\}$/s;
const encoder = new TextEncoder();

/** Hashes a line without its end, as the next line carries it. */
export function hashLine(bytes: Uint8Array): string {
  return sha3_512Hex(bytes);
}

/** Writes a line after another, without its end. */
export function formatLine(
  after: { readonly seq: number; readonly hash: string },
  time: Date,
  type: string,
  fields: object,
): string {
  const { seq, hash } = after;
  return JSON.stringify({ seq: seq + 1, time: time.toISOString(), type, ...fields, prev: hash });
}

/** Adds a signature to a JSON object, as its last key. */
export function signJson(kind: SignedKind, json: string, sign: Signer): string {
  return withSignature(json, sign(signedBytes(kind, json)));
}

/** The same, without loading what signs at once. */
export async function signJsonLater(
  kind: SignedKind,
  json: string,
  sign: LaterSigner,
): Promise<string> {
  return withSignature(json, await sign(signedBytes(kind, json)));
}

function withSignature(json: string, signature: Uint8Array): string {
  return `${json.slice(0, -1)},"signature":"${encodeBase64(signature)}"}`;
}

/** Checks the signature of JSON as it stands: nothing is written anew before that. */
export async function isSigned(
  kind: SignedKind,
  json: string,
  publicKey: Uint8Array,
): Promise<boolean> {
  const [, body, base64] = SIGNED.exec(json) ?? [];
  if (body === undefined || base64 === undefined) return false;
  const signature = decodeBase64(base64);
  // one text for one signature
  if (encodeBase64(signature) !== base64) return false;
  return await verify(signature, signedBytes(kind, `${body}}`), publicKey);
}

function signedBytes(kind: SignedKind, json: string): Uint8Array {
  return encoder.encode(`sallyport audit ${kind} v2\n${json}`);
}

/** Reads one line without its end; `undefined` when it is none that the log can have written. */
export function parseLine(bytes: Uint8Array): AuditLine | undefined {
  if (bytes.length > MAX_LINE_BYTES) return undefined;
  let value: unknown;
  try {
    value = parseStrictJson(bytes);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = value as Record<string, unknown>;
  const { seq, time, type, prev } = fields;
  if (!Number.isSafeInteger(seq) || (seq as number) < 1) return undefined;
  if (typeof time !== "string" || Number.isNaN(Date.parse(time))) return undefined;
  if (typeof type !== "string" || typeof prev !== "string" || !HASH.test(prev)) return undefined;
  return { seq: seq as number, time, type, prev, fields };
}
