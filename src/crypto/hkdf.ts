// HKDF and HMAC with SHA-512 (RFC 5869, RFC 2104).
import { nodeCrypto } from "../node.ts";

/** RFC 5869, section 2.3: L is at most 255 times the length of the hash. */
const MAX_OUTPUT_BYTES = 255 * 64;

/**
 * Derives a key from a secret that is already uniform, such as another key (RFC 5869, SHA-512).
 *
 * A passphrase is not uniform: stretch it with {@linkcode deriveWithScrypt} first.
 *
 * @throws {TypeError | RangeError} When the secret is no bytes or empty, or the length is out of range.
 */
export function hkdfSha512(
  secret: Uint8Array,
  salt: Uint8Array,
  info: string,
  length: number,
): Uint8Array {
  if (!(secret instanceof Uint8Array)) throw new TypeError("Secret must be a Uint8Array");
  if (secret.length === 0) throw new RangeError("Secret must not be empty");
  if (!Number.isInteger(length) || length < 1 || length > MAX_OUTPUT_BYTES) {
    throw new RangeError(`Length must be from 1 to ${MAX_OUTPUT_BYTES}: received ${length}`);
  }
  return new Uint8Array(nodeCrypto().hkdfSync("sha512", secret, salt, info, length));
}

/**
 * Authenticates bytes (RFC 2104, SHA-512). Compare the result with `bytesEqual`, never with `===`.
 *
 * @throws {TypeError | RangeError} When the key is no bytes or shorter.
 */
export function hmacSha512(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (!(key instanceof Uint8Array)) throw new TypeError("Key must be a Uint8Array");
  if (key.length < 32) {
    throw new RangeError(`Key must have 32 bytes or more: received ${key.length}`);
  }
  return new Uint8Array(nodeCrypto().createHmac("sha512", key).update(bytes).digest());
}
