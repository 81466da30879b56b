import assert from "node:assert/strict";
import { decrypt, encrypt } from "../../src/crypto/xchacha.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";

const bytes = (length: number, start = 0) =>
  Uint8Array.from({ length }, (_, index) => start + index);
const KEY = bytes(32);
const NONCE = bytes(24, 100);
const MESSAGE = new TextEncoder().encode("two gates, one way in");
const ASSOCIATED = bytes(13, 200);

function assertRefused(act: () => unknown): void {
  const error = assertThrowsWithCode(act, "bad-config", /authentication tag does not match/);
  assert.equal(error.details.reason, "damaged");
}

Deno.test("decrypt() refuses every flipped bit of key, nonce, ciphertext, tag and associated data", () => {
  const sealed = encrypt(KEY, NONCE, MESSAGE, ASSOCIATED);
  const parts = [KEY, NONCE, sealed, ASSOCIATED].map((part) => part.slice());
  const open = () => decrypt(...parts as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]);
  let flips = 0;
  for (const part of parts) {
    for (let bit = 0; bit < part.length * 8; bit++) {
      part[bit >> 3]! ^= 1 << (bit & 7);
      assertRefused(open);
      part[bit >> 3]! ^= 1 << (bit & 7);
      flips++;
    }
  }
  assert.equal(flips, 8 * (32 + 24 + MESSAGE.length + 16 + 13));
  assert.deepEqual(open(), MESSAGE);
});

Deno.test("decrypt() refuses every truncation and what is longer", () => {
  const sealed = encrypt(KEY, NONCE, MESSAGE, ASSOCIATED);
  for (let length = 0; length < sealed.length; length++) {
    assertRefused(() => decrypt(KEY, NONCE, sealed.subarray(0, length), ASSOCIATED));
  }
  assertRefused(() => decrypt(KEY, NONCE, new Uint8Array([...sealed, 0]), ASSOCIATED));
  for (let length = 0; length < ASSOCIATED.length; length++) {
    assertRefused(() => decrypt(KEY, NONCE, sealed, ASSOCIATED.subarray(0, length)));
  }
  assert.deepEqual(decrypt(KEY, NONCE, sealed, ASSOCIATED), MESSAGE);
});

Deno.test("encrypt() and decrypt() leave their arguments as they were", () => {
  const args = [KEY, NONCE, MESSAGE, ASSOCIATED].map((part) => part.slice()) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const sealed = encrypt(...args);
  const copy = sealed.slice();
  const opened = decrypt(args[0], args[1], sealed, args[3]);
  opened.fill(0);
  assert.deepEqual(args, [KEY, NONCE, MESSAGE, ASSOCIATED]);
  assert.deepEqual(sealed, copy);
});

Deno.test("encrypt() and decrypt() name the argument that has the wrong length or type", () => {
  const short = new Uint8Array(23);
  for (const act of [encrypt, decrypt]) {
    assert.throws(() => act(new Uint8Array(16), NONCE, MESSAGE, ASSOCIATED), {
      name: "RangeError",
      message: "Key must have 32 bytes: received 16",
    });
    assert.throws(() => act(KEY, short, MESSAGE, ASSOCIATED), {
      name: "RangeError",
      message: "Nonce must have 24 bytes: received 23",
    });
    assert.throws(
      () => act(KEY, NONCE, MESSAGE, undefined as unknown as Uint8Array),
      /^TypeError: Argument associated must be a Uint8Array$/,
    );
    assert.throws(() => act("key" as unknown as Uint8Array, NONCE, MESSAGE, ASSOCIATED), TypeError);
  }
});
