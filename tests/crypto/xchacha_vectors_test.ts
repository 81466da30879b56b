import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import { decrypt, encrypt } from "../../src/crypto/xchacha.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";
import { hex, readJsonVectors, readVectors } from "./vectors.ts";

interface Wycheproof {
  numberOfTests: number;
  testGroups: {
    ivSize: number;
    tests: {
      tcId: number;
      key: string;
      iv: string;
      aad: string;
      msg: string;
      ct: string;
      tag: string;
      result: string;
    }[];
  }[];
}

interface Stablelib {
  key: string;
  nonce: string;
  aad?: string;
  msg: string;
  result: string;
}

Deno.test("encrypt() and decrypt() give the verdict of all 315 Wycheproof cases", () => {
  const file = readJsonVectors<Wycheproof>("wycheproof_xchacha20_poly1305_test.json");
  const counts = { valid: 0, tag: 0, nonce: 0 };
  for (const { ivSize, tests } of file.testGroups) {
    for (const test of tests) {
      const [key, nonce, aad, message] = [test.key, test.iv, test.aad, test.msg].map(hex) as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ];
      const sealed = hex(test.ct + test.tag);
      if (test.result === "valid") {
        assert.deepEqual(encrypt(key, nonce, message, aad), sealed, `case ${test.tcId}`);
        assert.deepEqual(decrypt(key, nonce, sealed, aad), message, `case ${test.tcId}`);
        counts.valid++;
      } else if (ivSize === 192) {
        const error = assertThrowsWithCode(() => decrypt(key, nonce, sealed, aad), "bad-config");
        assert.equal(error.details.reason, "damaged", `case ${test.tcId}`);
        counts.tag++;
      } else {
        assert.throws(() => decrypt(key, nonce, sealed, aad), RangeError, `case ${test.tcId}`);
        assert.throws(() => encrypt(key, nonce, message, aad), RangeError, `case ${test.tcId}`);
        counts.nonce++;
      }
    }
  }
  assert.deepEqual(counts, { valid: 246, tag: 60, nonce: 9 });
  assert.equal(file.numberOfTests, 315);
});

Deno.test("encrypt() and decrypt() agree with the case of stablelib", () => {
  const cases = readJsonVectors<Stablelib[]>("stablelib_xchacha20poly1305.json");
  for (const each of cases) {
    const [key, nonce, aad] = [hex(each.key), hex(each.nonce), hex(each.aad ?? "")];
    assert.deepEqual(encrypt(key, nonce, hex(each.msg), aad), hex(each.result));
    assert.deepEqual(decrypt(key, nonce, hex(each.result), aad), hex(each.msg));
  }
  assert.equal(cases.length, 1);
});

Deno.test("encrypt() and decrypt() agree with the 52 cases of BoringSSL, made with libsodium", () => {
  const blocks = readVectors("boringssl_xchacha20_poly1305.txt").split(/\n\s*\n/)
    .filter((block) => /^KEY:/m.test(block));
  for (const [index, block] of blocks.entries()) {
    const field = (name: string) =>
      hex(new RegExp(`^${name}: *([0-9a-f]*)$`, "m").exec(block)![1]!);
    const [key, nonce, message, aad] = [field("KEY"), field("NONCE"), field("IN"), field("AD")];
    const sealed = new Uint8Array([...field("CT"), ...field("TAG")]);
    assert.deepEqual(encrypt(key, nonce, message, aad), sealed, `case ${index}`);
    assert.deepEqual(decrypt(key, nonce, sealed, aad), message, `case ${index}`);
    sealed[index % sealed.length]! ^= 1 << (index % 8);
    assertThrowsWithCode(() => decrypt(key, nonce, sealed, aad), "bad-config");
  }
  assert.equal(blocks.length, 52);
});

Deno.test("the runtime's ChaCha20-Poly1305, on which decrypt() rests, agrees with 383 cases", () => {
  const open = (key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array) => {
    const length = sealed.length - 16;
    const decipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
    decipher.setAAD(aad, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    const plaintext = new Uint8Array(decipher.update(sealed.subarray(0, length)));
    decipher.final();
    return plaintext;
  };
  const counts = { valid: 0, invalid: 0 };
  const file = readJsonVectors<Wycheproof>("wycheproof_chacha20_poly1305_test.json");
  for (const { ivSize, tests } of file.testGroups) {
    if (ivSize !== 96) continue; // decrypt() always passes 12 bytes
    for (const test of tests) {
      const act = () => open(hex(test.key), hex(test.iv), hex(test.ct + test.tag), hex(test.aad));
      if (test.result === "valid") assert.deepEqual(act(), hex(test.msg), `case ${test.tcId}`);
      else assert.throws(act, Error, `case ${test.tcId}`);
      counts[test.result as "valid" | "invalid"]++;
    }
  }
  for (const each of readJsonVectors<Stablelib[]>("stablelib_chacha20poly1305.json")) {
    const sealed = hex(each.result);
    assert.deepEqual(
      open(hex(each.key), hex(each.nonce), sealed, hex(each.aad ?? "")),
      hex(each.msg),
    );
    counts.valid++;
  }
  assert.deepEqual(counts, { valid: 256 + 67, invalid: 60 });
});

Deno.test("decrypt() agrees with noble on every length up to some blocks", () => {
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  for (let length = 0; length <= 300; length++) {
    // at an odd place of a larger buffer, as it is when a file is read
    const [key, nonce] = [random(33).subarray(1), random(29).subarray(5)];
    const [message, aad] = [random(length), random(length % 113)];
    const sealed = xchacha20poly1305(key, nonce, aad).encrypt(message);
    assert.deepEqual(encrypt(key, nonce, message, aad), sealed);
    assert.deepEqual(decrypt(key, nonce, sealed, aad), message);
  }
});
