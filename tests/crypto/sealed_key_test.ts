import assert from "node:assert/strict";
import { generateKeyPair } from "../../src/crypto/ed25519.ts";
import {
  decodePrivateKeyPem,
  decodePublicKeyPem,
  encodePrivateKeyPem,
  encodePublicKeyPem,
} from "../../src/crypto/pem.ts";
import { SealingKey } from "../../src/crypto/sealed.ts";
import {
  decodeSealedKeyPem,
  encodeSealedKeyPem,
  isSealedKeyPem,
} from "../../src/crypto/sealed_key.ts";
import { assertRejectsWithCode, assertThrowsWithCode } from "../helpers/assert_code.ts";

const PASSPHRASE = { passphrase: "two gates and a moat" };
const KEY_FILE = { key: new Uint8Array(32).fill(9) };
const CHEAP = { logN: 10 };
const { privateKey: SEED, publicKey: PUBLIC } = await generateKeyPair();

function pem(bytes: Uint8Array): string {
  const label = "SALLYPORT SEALED PRIVATE KEY";
  return `-----BEGIN ${label}-----\n${bytes.toBase64()}\n-----END ${label}-----\n`;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.fromBase64(text.replace(/-----[^-]*-----|\s/g, ""));
}

Deno.test("decodeSealedKeyPem() gives back the seed, with a passphrase or a key file", async () => {
  for (const secret of [PASSPHRASE, KEY_FILE]) {
    const text = await encodeSealedKeyPem(SEED, secret, CHEAP);
    assert.match(
      text,
      /^-----BEGIN SALLYPORT SEALED PRIVATE KEY-----\n([A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/=]{1,64}\n-----END SALLYPORT SEALED PRIVATE KEY-----\n$/,
    );
    assert.equal(isSealedKeyPem(text), true);
    assert.deepEqual(await decodeSealedKeyPem(text, secret), SEED);
    assert.deepEqual(await decodeSealedKeyPem(text.replaceAll("\n", "\r\n"), secret), SEED);
    assert.ok(!bytesOf(text).toHex().includes(SEED.toHex()));
  }
  assert.equal(isSealedKeyPem(encodePrivateKeyPem(SEED)), false);
});

Deno.test("encodeSealedKeyPem() takes the default cost", async () => {
  const text = await encodeSealedKeyPem(SEED, PASSPHRASE);
  assert.deepEqual([...bytesOf(text).subarray(8, 14)], [1, 2, 1, 17, 8, 1]);
  assert.deepEqual(await decodeSealedKeyPem(text, PASSPHRASE), SEED);
});

Deno.test("decodeSealedKeyPem() refuses every flipped bit and every truncation", async () => {
  const bytes = bytesOf(await encodeSealedKeyPem(SEED, KEY_FILE));
  assert.deepEqual(await decodeSealedKeyPem(pem(bytes), KEY_FILE), SEED);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    await assertRejectsWithCode(decodeSealedKeyPem(pem(flipped), KEY_FILE), "bad-config");
  }
  for (let length = 0; length < bytes.length; length++) {
    const cut = decodeSealedKeyPem(pem(bytes.subarray(0, length)), KEY_FILE);
    const error = await assertRejectsWithCode(cut, "bad-config", /^Cannot read private key: /);
    assert.equal(error.details.reason, "truncated");
    assert.equal(error.hint, "Take it from a backup"); // no .previous is kept of a key
  }
});

Deno.test("decodeSealedKeyPem() says what is wrong, and quotes neither key nor passphrase", async () => {
  const text = await encodeSealedKeyPem(SEED, PASSPHRASE, CHEAP);
  const list = (await SealingKey.create(PASSPHRASE, CHEAP)).seal(SEED, "trust-list");
  const short = (await SealingKey.create(PASSPHRASE, CHEAP)).seal(SEED.slice(1), "private-key");
  const cases: [string, { passphrase: string }, RegExp, string | undefined][] = [
    [text, { passphrase: "three gates" }, /the passphrase is wrong/, "wrong-passphrase"],
    [text.replace(/\n.{8}/, "\n"), PASSPHRASE, /it is not a sealed file/, "not-sealed"],
    [pem(list), PASSPHRASE, /it holds a trust list/, "purpose"],
    [pem(short), PASSPHRASE, /it does not hold 32 bytes/, "damaged"],
    [text.replace(/\n.{4}/, "\n!!!!"), PASSPHRASE, /is not base64/, undefined],
    [text + text, PASSPHRASE, /it holds 2 PEM blocks/, undefined],
    [encodePrivateKeyPem(SEED), PASSPHRASE, /a private key that is not sealed/, undefined],
    [encodePublicKeyPem(PUBLIC), PASSPHRASE, /it is a public key/, undefined],
  ];
  for (const [input, secret, message, reason] of cases) {
    const opening = decodeSealedKeyPem(input, secret);
    const error = await assertRejectsWithCode(opening, "bad-config", message);
    assert.match(error.message, /^Cannot read private key: /);
    assert.equal(error.details.reason, reason);
    assert.ok(error.hint);
    const said = `${JSON.stringify(error)} ${error.stack}`;
    for (const part of ["gates", SEED.toHex(), ...input.matchAll(/^[A-Za-z0-9+/]{12,}/gm)]) {
      assert.ok(!said.includes(String(part)), said);
    }
  }
});

Deno.test("decodePrivateKeyPem() says that a sealed key needs --passphrase-file", async () => {
  const text = await encodeSealedKeyPem(SEED, PASSPHRASE, CHEAP);
  const error = assertThrowsWithCode(
    () => decodePrivateKeyPem(text),
    "bad-config",
    /^Cannot read private key: it is sealed with a passphrase/,
  );
  assert.match(error.hint!, /--passphrase-file FILE/);
  const other = assertThrowsWithCode(() => decodePublicKeyPem(text), "bad-config");
  assert.equal(other.message, "Cannot read public key: it is a sealed private key");
});

Deno.test("encodeSealedKeyPem() refuses what is not 32 bytes", async () => {
  await assert.rejects(encodeSealedKeyPem(new Uint8Array(31), KEY_FILE), RangeError);
  await assert.rejects(encodeSealedKeyPem("key" as unknown as Uint8Array, KEY_FILE), TypeError);
  await assert.rejects(encodeSealedKeyPem(SEED, { passphrase: "" }), RangeError);
});
