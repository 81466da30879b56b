// The DER of Ed25519 keys (RFC 8410): all but the last 32 bytes of each form is constant.
import { bytesEqual } from "./digest.ts";

/** Holds what comes before the seed in PKCS#8 version 1 (RFC 8410, section 7): version 0, OID 1.3.101.112. */
export const PKCS8_PREFIX: Uint8Array = bytesOf("302e020100300506032b657004220420");

/** Holds what comes before the point in SubjectPublicKeyInfo (RFC 8410, section 4): OID 1.3.101.112. */
export const SPKI_PREFIX: Uint8Array = bytesOf("302a300506032b6570032100");

/** How many bytes a seed and a public key have. */
export const KEY_BYTES = 32;

/** Puts a prefix before 32 bytes. */
export function wrapKey(prefix: Uint8Array, key: Uint8Array): Uint8Array<ArrayBuffer> {
  const der = new Uint8Array(prefix.length + key.length);
  der.set(prefix);
  der.set(key, prefix.length);
  return der;
}

/** Returns the 32 bytes after a prefix, or `undefined` when the DER is anything else. */
export function unwrapKey(prefix: Uint8Array, der: Uint8Array): Uint8Array | undefined {
  if (der.length !== prefix.length + KEY_BYTES) return undefined;
  if (!bytesEqual(der.subarray(0, prefix.length), prefix)) return undefined;
  return der.slice(prefix.length);
}

const ALGORITHMS: Readonly<Record<string, string>> = Object.freeze({
  "2b656e": "X25519",
  "2b656f": "X448",
  "2b6570": "Ed25519",
  "2b6571": "Ed448",
  "2a864886f70d010101": "RSA",
  "2a864886f70d01010a": "RSA-PSS",
  "2a8648ce3d0201": "EC",
  "2a8648ce380401": "DSA",
});

/** Reads the header of one DER element; the tag is 0 where there is none that a key could have. */
function readHeader(der: Uint8Array, at: number): { tag: number; start: number; end: number } {
  const first = der[at + 1] ?? 0;
  const lengthBytes = first > 0x80 ? first - 0x80 : 0;
  const start = at + 2 + lengthBytes;
  let length = lengthBytes === 0 ? first : 0;
  for (let index = at + 2; index < start; index++) length = length * 256 + (der[index] ?? 0);
  const known = lengthBytes <= 2 && first !== 0x80;
  return { tag: known ? der[at] ?? 0 : 0, start, end: Math.min(start + length, der.length) };
}

/** Names the algorithm of a PKCS#8 or SPKI key for an error message, when it is one of the known. */
export function nameAlgorithm(der: Uint8Array): string | undefined {
  const outer = readHeader(der, 0);
  let inner = readHeader(der, outer.start);
  if (inner.tag === 0x02) inner = readHeader(der, inner.end); // the version of PKCS#8
  const oid = readHeader(der, inner.start);
  if (outer.tag !== 0x30 || inner.tag !== 0x30 || oid.tag !== 0x06) return undefined;
  return ALGORITHMS[der.slice(oid.start, oid.end).toHex()];
}

/** Not `decodeHex`, which needs a newer engine: an old Deno must come as far as to be told that it is too old. */
function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g)!, (digits) => parseInt(digits, 16));
}
