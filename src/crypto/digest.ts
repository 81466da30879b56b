// SHA3-512, and comparison in constant time.
import { crypto } from "@std/crypto/crypto";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { encodeHex } from "@std/encoding/hex";
import { sha3_512 as sha3InScript } from "@noble/hashes/sha3.js";

/** Up to here the native digest takes longer to be loaded than the other takes to digest. */
const MAX_SCRIPT_BYTES = 32 * 1024;

/** Digests bytes with SHA3-512 (FIPS 202). */
export function sha3_512(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= MAX_SCRIPT_BYTES) return sha3InScript(bytes);
  return new Uint8Array(crypto.subtle.digestSync("SHA3-512", bytes as Uint8Array<ArrayBuffer>));
}

/** Digests bytes with SHA3-512 (FIPS 202). */
export function sha3_512Hex(bytes: Uint8Array): string {
  return encodeHex(sha3_512(bytes));
}

/** Compares bytes in a time that does not depend on where they differ; lengths are no secret. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
