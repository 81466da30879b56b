import assert from "node:assert/strict";
import { hkdfSha512, hmacSha512 } from "../../src/crypto/hkdf.ts";
import { hex } from "./vectors.ts";

Deno.test("hkdfSha512() gives what WebCrypto gives", async () => {
  for (const [length, salt, info] of [[1, 0, ""], [16, 32, "check"], [200, 7, "größer"]] as const) {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const saltBytes = crypto.getRandomValues(new Uint8Array(salt));
    const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
    const algorithm = {
      name: "HKDF",
      hash: "SHA-512",
      salt: saltBytes,
      info: new TextEncoder().encode(info),
    };
    const bits = await crypto.subtle.deriveBits(algorithm, key, length * 8);
    assert.deepEqual(hkdfSha512(secret, saltBytes, info, length), new Uint8Array(bits));
  }
});

Deno.test("hmacSha512() gives what RFC 4231, test case 6, says", () => {
  const message = "Test Using Larger Than Block-Size Key - Hash Key First";
  const mac = hmacSha512(new Uint8Array(131).fill(0xaa), new TextEncoder().encode(message));
  assert.deepEqual(
    mac,
    hex(
      "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352" +
        "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
  );
});

Deno.test("hkdfSha512() and hmacSha512() refuse keys and lengths out of range", () => {
  const key = new Uint8Array(32);
  assert.throws(() => hkdfSha512(new Uint8Array(0), key, "", 32), RangeError);
  assert.throws(() => hkdfSha512("key" as unknown as Uint8Array, key, "", 32), TypeError);
  for (const length of [0, -1, 1.5, 16_321]) {
    assert.throws(() => hkdfSha512(key, key, "", length), RangeError);
  }
  assert.equal(hkdfSha512(key, key, "", 16_320).length, 16_320);
  assert.throws(() => hmacSha512(new Uint8Array(31), key), RangeError);
  assert.throws(() => hmacSha512("key" as unknown as Uint8Array, key), TypeError);
});
