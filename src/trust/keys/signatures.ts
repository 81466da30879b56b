// Signatures of the operator's own keys, over trust lists and their roots, in DSSE form.
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { type EnvelopeSignature, MAX_SIGNATURES, pae } from "../../bundle/reading/envelope.ts";
import { getPublicKey, keyId, sign, verify } from "../../crypto/ed25519.ts";
import { type Check, leaf, listOf, matching, objectOf } from "../../json/json_shape.ts";

/** Signs a payload with each key once. */
export async function signPayload(
  payloadType: string,
  payload: Uint8Array,
  seeds: readonly Uint8Array[],
): Promise<EnvelopeSignature[]> {
  const message = pae(payloadType, payload);
  const signatures = new Map<string, EnvelopeSignature>();
  for (const seed of seeds) {
    const publicKey = await getPublicKey(seed);
    const entry = { keyid: keyId(publicKey), sig: await sign(message, seed) };
    signatures.set(encodeHex(publicKey), entry);
  }
  return [...signatures.values()];
}

/** Counts the distinct keys that signed a payload; signatures that do not hold say nothing. */
export async function countKeys(
  payloadType: string,
  payload: Uint8Array,
  signatures: readonly EnvelopeSignature[],
  keys: readonly string[],
): Promise<number> {
  const message = pae(payloadType, payload);
  const counted = new Set<string>();
  for (const key of new Set(keys)) {
    const raw = Uint8Array.fromHex(key);
    const id = keyId(raw);
    for (const { keyid, sig } of signatures) {
      if (keyid !== id || !await verify(sig, message, raw)) continue;
      counted.add(key);
      break;
    }
  }
  return counted.size;
}

/** Is the JSON form of a signature. */
export interface JsonSignature {
  readonly keyid: string;
  readonly sig: string;
}

/** Checks the JSON form of signatures. */
export const jsonSignatures: Check = listOf(
  objectOf({
    keyid: matching(/^[0-9a-f]{16}$/, "must be 16 lower-case hex digits"),
    sig: leaf((value) => decode(value)?.length === 64 ? undefined : "must be 64 bytes in base64"),
  }),
  MAX_SIGNATURES,
);

/** Checks bytes in base64. */
export const jsonBytes: Check = leaf((value) =>
  decode(value) === undefined ? "must be base64" : undefined
);

/** Puts signatures into JSON. */
export function toJsonSignatures(signatures: readonly EnvelopeSignature[]): JsonSignature[] {
  return signatures.map(({ keyid, sig }) => ({ keyid, sig: encodeBase64(sig) }));
}

/** Takes signatures from JSON that was checked. */
export function fromJsonSignatures(signatures: readonly JsonSignature[]): EnvelopeSignature[] {
  return signatures.map(({ keyid, sig }) => ({ keyid, sig: decodeBase64(sig) }));
}

/** Decodes base64 that has one spelling only. */
function decode(value: unknown): Uint8Array | undefined {
  if (typeof value !== "string") return undefined;
  try {
    const bytes = decodeBase64(value);
    return encodeBase64(bytes) === value ? bytes : undefined;
  } catch {
    return undefined; // not base64 is the answer, not a failure
  }
}
