/**
 * The quick way to decode gives what the strict one gives, and refuses what that refuses.
 *
 * @module
 */
import assert from "node:assert/strict";
import { decodeUtf8 } from "../../../src/rpc/wire/utf8.ts";

const encoder = new TextEncoder();

function strictly(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

Deno.test("decodeUtf8: text comes back as it was, with marks and replacement characters", () => {
  for (
    const text of ["", "a", "ä€😀", "\ufeffa", "a\ufeff", "\ufffd", "\u0000\u007f", "\ud7ff\ue000"]
  ) {
    for (const length of [1, 1_000, 40_000]) {
      const whole = text.repeat(length);
      assert.equal(decodeUtf8(encoder.encode(whole)), whole);
    }
  }
});

Deno.test("decodeUtf8: malformed bytes are refused wherever they stand", () => {
  const malformed = [
    [0x80], // a continuation without a beginning
    [0xc3], // a beginning without its continuation
    [0xc0, 0xaf], // longer than need be
    [0xed, 0xa0, 0x80], // half of a surrogate pair
    [0xf4, 0x90, 0x80, 0x80], // beyond the last code point
    [0xe2, 0x82], // cut short
    [0xff],
  ];
  for (const bytes of malformed) {
    for (
      const [before, after] of [["", ""], ["a", "b"], ["ä".repeat(9_000), "b"], ["\ufffd", ""]]
    ) {
      const whole = [...encoder.encode(before), ...bytes, ...encoder.encode(after)];
      assert.throws(() => decodeUtf8(Uint8Array.from(whole)), TypeError);
    }
  }
});

Deno.test("decodeUtf8: every pair of bytes is taken or refused as the strict decoder does", () => {
  let taken = 0;
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const bytes = Uint8Array.of(first, second);
      const expected = strictly(bytes);
      if (expected === undefined) assert.throws(() => decodeUtf8(bytes), TypeError);
      else {
        assert.equal(decodeUtf8(bytes), expected);
        taken++;
      }
    }
  }
  assert.equal(taken, 128 * 128 + 30 * 64); // two of one byte, or one of two
});
