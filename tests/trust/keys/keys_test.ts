import assert from "node:assert/strict";
import { decodeHex } from "@std/encoding/hex";
import fc from "fast-check";
import { encodePrivateKeyPem, encodePublicKeyPem } from "../../../src/crypto/pem.ts";
import { SallyportError } from "../../../src/errors.ts";
import { parsePublicKey } from "../../../src/trust/keys/keys.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";
import { makeKeys } from "../../helpers/signing.ts";

Deno.test("parsePublicKey() takes hex in either case and PEM, and gives the same key", async () => {
  const keys = await makeKeys();
  const pem = encodePublicKeyPem(keys.publicKey.raw);
  for (const input of [keys.hex, keys.hex.toUpperCase(), `  ${keys.hex}\n`, pem, `\n${pem}\n`]) {
    const key = parsePublicKey(input);
    assert.deepEqual(key.raw, decodeHex(keys.hex));
    assert.equal(key.id, keys.id);
    assert.equal("name" in key, false);
  }
  assert.equal(parsePublicKey(keys.hex, "alice").name, "alice");
});

Deno.test("parsePublicKey() says what is wrong, and with which key", () => {
  for (
    const input of [
      "",
      "alice",
      "ab".repeat(31),
      "ab".repeat(33),
      "zz".repeat(32),
      "ab ".repeat(32),
    ]
  ) {
    const error = assertThrowsWithCode(
      () => parsePublicKey(input, "ali\u001bce"),
      "bad-config",
      /^Cannot trust public key "ali\\u001bce": .*neither 64 hex digits nor a PEM$/,
    );
    assert.ok(error.hint);
  }
});

Deno.test("parsePublicKey() tells a private key, and never quotes it", async () => {
  const keys = await makeKeys();
  const pem = encodePrivateKeyPem(keys.seed);
  const secret = pem.split("\n")[1]!;
  for (const input of [pem, `x${pem}`, secret, `${secret}!`]) {
    const error = assertThrowsWithCode(() => parsePublicKey(input), "bad-config");
    for (let e: unknown = error; e instanceof Error; e = e.cause) {
      assert.ok(!JSON.stringify([e.message, e]).includes(secret.slice(24)));
    }
  }
  assertThrowsWithCode(() => parsePublicKey(pem), "bad-config", /it is a private key/);
});

Deno.test("parsePublicKey() refuses keys under which anyone can sign", async () => {
  // the eight points whose order divides the cofactor
  const lowOrder = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  ];
  for (const hex of lowOrder) {
    assertThrowsWithCode(() => parsePublicKey(hex), "bad-config", /low order/);
    const pem = encodePublicKeyPem(decodeHex(hex));
    assertThrowsWithCode(() => parsePublicKey(pem), "bad-config", /low order/);
  }
  // not on the curve, and not canonical
  assertThrowsWithCode(() => parsePublicKey(`02${"00".repeat(31)}`), "bad-config");
  assertThrowsWithCode(() => parsePublicKey("ff".repeat(32)), "bad-config");
  assert.ok(parsePublicKey((await makeKeys()).hex)); // the control
});

Deno.test("parsePublicKey() gives a key or a SallyportError for any text", () => {
  const hex = fc.string({
    unit: fc.constantFrom(..."0123456789abcdefABCDEF"),
    minLength: 64,
    maxLength: 64,
  });
  const pem = fc.string().map((body) =>
    `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----`
  );
  fc.assert(fc.property(fc.oneof(hex, pem, fc.string({ unit: "binary" })), (input) => {
    try {
      assert.equal(parsePublicKey(input).raw.length, 32);
    } catch (error) {
      assert.ok(error instanceof SallyportError && error.code === "bad-config", String(error));
    }
  }));
});
