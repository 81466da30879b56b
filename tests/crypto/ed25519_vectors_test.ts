// The rule of this project is strict RFC 8032: no cofactor, S < L, canonical encodings, and beyond its
// text, a public key of prime order. Where a file follows another rule, the test says which and counts.
import * as noble from "@noble/ed25519";
import assert from "node:assert/strict";
import { checkPublicKey, getPublicKey, sign, verify } from "../../src/crypto/ed25519.ts";
import { decodePublicKeyPem, encodePublicKeyPem } from "../../src/crypto/pem.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";
import { hex, readJsonVectors, readVectors } from "./vectors.ts";

/** Gives the verdict of WebCrypto without our check of the key, as a control. */
async function verifyWithWebCryptoAlone(
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  publicKey: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  return await crypto.subtle.verify("Ed25519", key, signature, message);
}

Deno.test("verify() gives the verdict of all 151 Wycheproof cases", async () => {
  interface Wycheproof {
    numberOfTests: number;
    testGroups: {
      publicKey: { pk: string };
      publicKeyPem: string;
      tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[];
    }[];
  }
  const file = readJsonVectors<Wycheproof>("wycheproof_ed25519_test.json");
  const counts: Record<string, number> = {};
  for (const group of file.testGroups) {
    const key = hex(group.publicKey.pk);
    assert.deepEqual(decodePublicKeyPem(group.publicKeyPem), key);
    assert.equal(encodePublicKeyPem(key), group.publicKeyPem);
    for (const test of group.tests) {
      const verdict = await verify(hex(test.sig), hex(test.msg), key);
      assert.equal(verdict, test.result === "valid", `case ${test.tcId} ${test.comment}`);
      counts[test.result] = (counts[test.result] ?? 0) + 1;
    }
  }
  assert.deepEqual(counts, { valid: 88, invalid: 63 });
  assert.equal(file.numberOfTests, 151);
});

Deno.test("verify() accepts 2 of the 914 CCTV cases, where WebCrypto alone accepts 172", async () => {
  interface Case {
    number: number;
    key: string;
    sig: string;
    msg: string;
    flags: string[] | null;
  }
  const cases = readJsonVectors<Case[]>("cctv_ed25519vectors.json");
  const accepted: number[] = [];
  let acceptedByWebCrypto = 0;
  let nonCanonicalR = 0;
  for (const each of cases) {
    const flags = each.flags ?? [];
    const args = [hex(each.sig), new TextEncoder().encode(each.msg), hex(each.key)] as const;
    const verdict = await verify(...args);
    // R of low order in its canonical encoding is within RFC 8032: it only means that r = 0
    const expected = flags.every((flag) => flag === "low_order_R");
    assert.equal(verdict, expected, `case ${each.number}: ${flags.join(", ")}`);
    if (verdict) accepted.push(each.number);
    if (await verifyWithWebCryptoAlone(...args)) acceptedByWebCrypto++;
    if (flags.includes("non_canonical_R") && !flags.some((flag) => /_A$/.test(flag))) {
      assert.equal(verdict, false);
      checkPublicKey(args[2]); // the key is in order: only R makes the difference
      nonCanonicalR++;
    }
    if (flags.some((flag) => /_A$/.test(flag))) {
      assertThrowsWithCode(() => checkPublicKey(args[2]), "signature-invalid");
    } else {
      checkPublicKey(args[2]);
    }
  }
  assert.equal(cases.length, 914);
  assert.equal(accepted.length, 2);
  assert.equal(acceptedByWebCrypto, 172);
  assert.equal(nonCanonicalR, 12);
});

Deno.test("verify() refuses all 12 edge cases, none of which has a key of prime order and a canonical signature", async () => {
  // "Taming the many EdDSAs", table 5. The letter of RFC 8032 would let a verifier accept cases 0 to 3
  // (keys of low or mixed order that fulfil the equation without cofactor); 4 and 5 need the cofactor,
  // 6 and 7 have S >= L, 8 and 9 R, 10 and 11 the key in non-canonical encoding.
  interface Case {
    message: string;
    pub_key: string;
    signature: string;
  }
  const cases = readJsonVectors<Case[]>("ed25519_edge-cases.json");
  const reasons: string[] = [];
  const webCrypto: number[] = [];
  for (const [index, each] of cases.entries()) {
    const args = [hex(each.signature), hex(each.message), hex(each.pub_key)] as const;
    assert.equal(await verify(...args), false, `case ${index}`);
    if (await verifyWithWebCryptoAlone(...args)) webCrypto.push(index);
    try {
      checkPublicKey(args[2]);
      reasons.push("key in order");
    } catch (error) {
      reasons.push((error as { details: { reason: string } }).details.reason);
    }
  }
  assert.equal(cases.length, 12);
  assert.deepEqual(webCrypto, [0, 1, 2, 3]);
  assert.deepEqual(reasons, [
    ...["low-order", "low-order", "mixed-order", "mixed-order", "mixed-order", "mixed-order"],
    ...["key in order", "key in order", "mixed-order", "mixed-order", "encoding", "encoding"],
  ]);
});

Deno.test("verify() refuses all 196 ZIP-215 cases, whose keys are all of low order", async () => {
  // the file's own verdicts are for ZIP-215 (all valid) and for an old zcashd ("legacy": 3 valid)
  interface Case {
    vk_bytes: string;
    sig_bytes: string;
    valid_legacy: boolean;
    valid_zip215: boolean;
  }
  const cases = readJsonVectors<Case[]>("ed25519_zip215.json");
  const message = new TextEncoder().encode("Zcash");
  const counts = { strict: 0, zip215: 0, legacy: 0, lowOrder: 0, encoding: 0 };
  for (const each of cases) {
    const args = [hex(each.sig_bytes), message, hex(each.vk_bytes)] as const;
    if (await verify(...args)) counts.strict++;
    const zip215 = await noble.verifyAsync(...args, { zip215: true });
    assert.equal(zip215, each.valid_zip215);
    if (zip215) counts.zip215++;
    if (each.valid_legacy) counts.legacy++;
    const error = assertThrowsWithCode(() => checkPublicKey(args[2]), "signature-invalid");
    if (error.details.reason === "low-order") counts.lowOrder++;
    else if (error.details.reason === "encoding") counts.encoding++;
  }
  assert.equal(cases.length, 196);
  assert.deepEqual(counts, { strict: 0, zip215: 196, legacy: 3, lowOrder: 112, encoding: 84 });
});

Deno.test("sign() and verify() agree with RFC 8032, section 7.1", async () => {
  interface Rfc8032 {
    tests: {
      name: string;
      secretKey: string;
      publicKey: string;
      message: string;
      signature: string;
    }[];
  }
  const { tests } = readJsonVectors<Rfc8032>("rfc8032_ed25519.json");
  for (const test of tests) {
    const [seed, key, message] = [hex(test.secretKey), hex(test.publicKey), hex(test.message)];
    assert.deepEqual(await getPublicKey(seed), key, test.name);
    assert.deepEqual(await sign(message, seed), Uint8Array.fromHex(test.signature), test.name);
    assert.equal(await verify(hex(test.signature), message, key), true, test.name);
  }
  assert.equal(tests.length, 4);
});

Deno.test("sign() and verify() agree with 257 lines of sign.input", async () => {
  const lines = readVectors("ed25519_sign_input_subset.txt").trim().split("\n");
  for (const [index, line] of lines.entries()) {
    const [secret, publicHex, messageHex, signed] = line.split(":") as [
      string,
      string,
      string,
      string,
    ];
    const [seed, key, message] = [hex(secret.slice(0, 64)), hex(publicHex), hex(messageHex)];
    const signature = hex(signed.slice(0, 128));
    assert.deepEqual(await getPublicKey(seed), key, `line ${index + 1}`);
    assert.deepEqual(await sign(message, seed), signature, `line ${index + 1}`);
    assert.equal(await verify(signature, message, key), true, `line ${index + 1}`);
    signature[index % 64]! ^= 1 << (index % 8);
    assert.equal(await verify(signature, message, key), false, `line ${index + 1}, a bit flipped`);
  }
  assert.equal(lines.length, 257);
});
