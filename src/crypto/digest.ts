// SHA3-512, and comparison in constant time.
import { crypto } from "@std/crypto/crypto";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { encodeHex } from "@std/encoding/hex";

/** Digests bytes with SHA3-512 (FIPS 202). */
export function sha3_512(bytes: Uint8Array): Uint8Array {
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
