/**
 * Stands in for `@std/encoding/hex`.
 *
 * @module
 */

import { refuseForeign, toBytes, type Uint8Array_ } from "./_bytes.ts";
export type { Uint8Array_ };

/**
 * Encodes bytes (of text: its UTF-8) as lower-case hex.
 *
 * @param src The bytes.
 * @returns Two digits a byte.
 */
export function encodeHex(src: string | Uint8Array | ArrayBuffer): string {
  return toBytes(src).toHex();
}

/**
 * Decodes hex digits of either case.
 *
 * @param src The digits.
 * @returns The bytes.
 * @throws {RangeError} When the length is odd.
 * @throws {TypeError} When a character is not a hex digit.
 */
export function decodeHex(src: string): Uint8Array_ {
  const bytes = toBytes(src);
  if (bytes.length % 2 === 1) {
    throw new RangeError(
      `Cannot decode input as hex: Length (${bytes.length}) must be divisible by 2`,
    );
  }
  if (/[^0-9a-fA-F]/.test(src)) refuseForeign(bytes, /[^0-9a-fA-F]/, "hex");
  return Uint8Array.fromHex(src);
}
