/**
 * Stands in for `@std/encoding/base64url`.
 *
 * @module
 */

import { decode } from "./_base64.ts";
import { toBytes, type Uint8Array_ } from "./_bytes.ts";
export type { Uint8Array_ };

/**
 * Encodes bytes (of text: its UTF-8) as base64url without padding.
 *
 * @param data The bytes.
 * @returns The text.
 */
export function encodeBase64Url(data: ArrayBuffer | Uint8Array | string): string {
  return toBytes(data).toBase64({ alphabet: "base64url", omitPadding: true });
}

/**
 * Decodes base64url, with or without padding; spare bits at the end are ignored.
 *
 * @param b64url The text.
 * @returns The bytes.
 * @throws {TypeError} When a character is not of the alphabet (whitespace neither).
 * @throws {RangeError} When a single character is left over.
 */
export function decodeBase64Url(b64url: string): Uint8Array_ {
  return decode(b64url, "base64url");
}
