/**
 * Stands in for `@std/encoding/base64`.
 *
 * @module
 */

import { decode } from "./_base64.ts";
import { toBytes, type Uint8Array_ } from "./_bytes.ts";
export type { Uint8Array_ };

/**
 * Encodes bytes (of text: its UTF-8) as base64 with padding.
 *
 * @param data The bytes.
 * @returns The text.
 */
export function encodeBase64(data: ArrayBuffer | Uint8Array | string): string {
  return toBytes(data).toBase64();
}

/**
 * Decodes base64, with or without padding; spare bits at the end are ignored.
 *
 * @param b64 The text.
 * @returns The bytes.
 * @throws {TypeError} When a character is not of the alphabet (whitespace neither).
 * @throws {RangeError} When a single character is left over.
 */
export function decodeBase64(b64: string): Uint8Array_ {
  return decode(b64, "base64");
}
