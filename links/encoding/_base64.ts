import { refuseForeign, toBytes, type Uint8Array_ } from "./_bytes.ts";

const PADDING = 0x3d;

/** Drops the padding as the real package does: up to two signs at the end, needed or not. */
function withoutPadding(bytes: Uint8Array): Uint8Array {
  for (let index = Math.max(0, bytes.length - 2); index < bytes.length; index++) {
    if (bytes[index] !== PADDING) continue;
    refuseForeign(bytes.subarray(index), /[^=]/, "base64");
    return bytes.subarray(0, index);
  }
  return bytes;
}

/** Decodes base64 in one of its alphabets; whitespace is refused, missing padding is not. */
export function decode(
  text: string,
  alphabet: "base64" | "base64url",
): Uint8Array_ {
  const bytes = withoutPadding(toBytes(text));
  if (bytes.length % 4 === 1) {
    throw new RangeError(
      `Cannot decode input as base64: Length (${bytes.length}), excluding padding, must not have a remainder of 1 when divided by 4`,
    );
  }
  const foreign = alphabet === "base64" ? /[^A-Za-z0-9+/]/ : /[^A-Za-z0-9_-]/;
  const bare = new TextDecoder().decode(bytes);
  if (foreign.test(bare)) refuseForeign(bytes, foreign, "base64");
  return Uint8Array.fromBase64(bare, { alphabet, lastChunkHandling: "loose" });
}
