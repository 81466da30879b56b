import fc from "fast-check";
import { Point } from "@noble/ed25519";
import assert from "node:assert/strict";
import {
  checkPublicKey,
  generateKeyPair,
  getPublicKey,
  keyId,
  sign,
  verify,
} from "../../src/crypto/ed25519.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";
import { hex } from "./vectors.ts";

/** The order of the group, L (RFC 8032, section 5.1). */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const FIELD = 2n ** 255n - 19n;

function littleEndian(value: bigint): Uint8Array<ArrayBuffer> {
  return hex(value.toString(16).padStart(64, "0")).reverse();
}

function toNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x${bytes.slice().reverse().toHex()}`);
}

/** The eight points of low order in canonical encoding, least order first. */
const LOW_ORDER: readonly string[] = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
];

Deno.test("verify() accepts what sign() made and nothing that differs in a bit", async () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
  await fc.assert(
    fc.asyncProperty(bytes, seeds, fc.nat(), async (message, seed, at) => {
      const key = await getPublicKey(seed);
      const signature = await sign(message, seed);
      assert.equal(signature.length, 64);
      assert.equal(await verify(signature, message, key), true);
      const flip = (from: Uint8Array) => {
        const copy = from.slice();
        copy[at % copy.length]! ^= 1 << (at % 8);
        return copy;
      };
      assert.equal(await verify(flip(signature), message, key), false);
      assert.equal(await verify(signature, message, flip(key)), false);
      if (message.length > 0) assert.equal(await verify(signature, flip(message), key), false);
    }),
    { numRuns: 60 },
  );
});

Deno.test("verify() refuses S + L, the malleable twin of a signature", async () => {
  const { privateKey, publicKey } = await generateKeyPair();
  const message = new TextEncoder().encode("one signature, not two");
  const signature = await sign(message, privateKey);
  const s = toNumber(signature.subarray(32));
  assert.ok(s < ORDER);
  for (let times = 1n; s + times * ORDER < 2n ** 256n; times++) {
    const twin = signature.slice();
    twin.set(littleEndian(s + times * ORDER), 32);
    assert.equal(await verify(twin, message, publicKey), false, `S + ${times} L`);
  }
  assert.equal(await verify(signature, message, publicKey), true);
});

Deno.test("verify() refuses signatures and keys of a wrong length without throwing", async () => {
  const { privateKey, publicKey } = await generateKeyPair();
  const message = new Uint8Array(5);
  const signature = await sign(message, privateKey);
  for (
    const wrong of [signature.subarray(1), new Uint8Array(0), new Uint8Array([...signature, 0])]
  ) {
    assert.equal(await verify(wrong, message, publicKey), false);
  }
  for (
    const wrong of [publicKey.subarray(1), new Uint8Array(0), new Uint8Array([...publicKey, 0])]
  ) {
    assert.equal(await verify(signature, message, wrong), false);
  }
  assert.equal(await verify(signature, message, publicKey), true);
});

Deno.test("verify() and sign() throw a TypeError for what is not bytes", async () => {
  const { privateKey, publicKey } = await generateKeyPair();
  const bytes = new Uint8Array(64);
  const wrong = "text" as unknown as Uint8Array;
  await assert.rejects(verify(wrong, bytes, publicKey), TypeError);
  await assert.rejects(verify(bytes, wrong, publicKey), TypeError);
  await assert.rejects(verify(bytes, bytes, wrong), TypeError);
  await assert.rejects(sign(bytes, wrong), TypeError);
  await assert.rejects(sign(bytes, new Uint8Array(64)), RangeError);
  assert.throws(() => checkPublicKey(wrong), TypeError);
  assert.equal((await sign(bytes, privateKey)).length, 64);
});

Deno.test("verify() gives the same verdict once a key is remembered, and after many others", async () => {
  const { privateKey, publicKey } = await generateKeyPair();
  const message = new Uint8Array([1, 2, 3]);
  const signature = await sign(message, privateKey);
  for (let count = 0; count < 300; count++) {
    const other = await getPublicKey(littleEndian(BigInt(count)));
    checkPublicKey(other);
    assert.equal(await verify(signature, message, other), false);
  }
  assert.equal(await verify(signature, message, publicKey), true);
  // the remembered key is a copy: writing over the caller's bytes changes nothing
  const copy = publicKey.slice();
  checkPublicKey(copy);
  copy.fill(7);
  assert.equal(await verify(signature, message, publicKey), true);
  assert.equal(await verify(signature, message, copy), false);
});

Deno.test("checkPublicKey() refuses each point of low order in every encoding", () => {
  for (const encoded of LOW_ORDER) {
    const error = assertThrowsWithCode(() => checkPublicKey(hex(encoded)), "signature-invalid");
    assert.equal(error.details.reason, "low-order");
    assert.match(
      error.message,
      new RegExp(`^Cannot use public key "${encoded}": it is a point of`),
    );
  }
  const nonCanonical = [
    littleEndian(FIELD), // y = 0
    littleEndian(FIELD + 1n), // y = 1
    littleEndian(1n + 2n ** 255n), // x = 0 with the sign bit
    littleEndian(FIELD - 1n + 2n ** 255n), // x = 0 with the sign bit
    littleEndian(2n ** 256n - 1n),
  ];
  for (const raw of nonCanonical) {
    const error = assertThrowsWithCode(() => checkPublicKey(raw), "signature-invalid");
    assert.equal(error.details.reason, "encoding");
  }
});

Deno.test("checkPublicKey() refuses what is no point, and a wrong length by name", () => {
  // y = 2 is on no point of the curve
  assertThrowsWithCode(() => checkPublicKey(littleEndian(2n)), "signature-invalid", /canonical/);
  for (const length of [0, 31, 33, 64, 100_000]) {
    const error = assertThrowsWithCode(
      () => checkPublicKey(new Uint8Array(length).fill(9)),
      "signature-invalid",
      new RegExp(`it has ${length} bytes instead of 32`),
    );
    assert.equal(error.details.reason, "length");
    assert.ok(error.message.length < 200);
    assert.match(error.hint!, /openssl genpkey/);
  }
});

Deno.test("generateKeyPair() makes different keys that pass checkPublicKey()", async () => {
  const seen = new Set<string>();
  for (let count = 0; count < 20; count++) {
    const { privateKey, publicKey } = await generateKeyPair();
    assert.equal(privateKey.length, 32);
    checkPublicKey(publicKey);
    assert.deepEqual(await getPublicKey(privateKey), publicKey);
    seen.add(publicKey.toHex());
  }
  assert.equal(seen.size, 20);
});

Deno.test("keyId() is the first 16 hex digits of the SHA3-512 of the key", () => {
  const key = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  assert.match(keyId(key), /^[0-9a-f]{16}$/);
  assert.equal(keyId(key), KNOWN_ID);
  assert.throws(() => keyId(key.subarray(1)), RangeError);
});

// printf %s <key> | xxd -r -p | openssl dgst -sha3-512
const KNOWN_ID = "17ad50148dd47a91";

Deno.test("a key that comes from a seed is what the check of keys wants, which is left out for it", async () => {
  for (let n = 0; n < 16; n++) {
    const { publicKey } = await generateKeyPair();
    const point = Point.fromBytes(publicKey, false);
    assert.ok(point.isTorsionFree() && !point.isSmallOrder());
    checkPublicKey(publicKey);
  }
});
