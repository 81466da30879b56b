import assert from "node:assert/strict";
import { bytesEqual, sha3_512, sha3_512Hex } from "../../src/crypto/digest.ts";
import { hex, readVectors } from "./vectors.ts";

function readNist(name: string): { length: number; message: Uint8Array; digest: string }[] {
  const cases = [...readVectors(name).matchAll(/Len = (\d+)\s+Msg = (\w+)\s+MD = (\w+)/g)];
  return cases.map(([, bits, message, digest]) => {
    const length = Number(bits) / 8;
    return { length, message: hex(message!).subarray(0, length), digest: digest! };
  });
}

for (
  const [name, count] of [["nist_SHA3_512ShortMsg.rsp", 73], [
    "nist_SHA3_512LongMsg.rsp",
    100,
  ]] as const
) {
  Deno.test(`sha3_512() agrees with all ${count} cases of ${name}`, () => {
    const cases = readNist(name);
    for (const { length, message, digest } of cases) {
      assert.equal(message.length, length);
      assert.equal(sha3_512Hex(message), digest, `${length} bytes`);
      assert.deepEqual(sha3_512(message), Uint8Array.fromHex(digest));
    }
    assert.equal(cases.length, count);
  });
}

Deno.test("sha3_512() digests a view, not the buffer under it", () => {
  const whole = new Uint8Array([9, 1, 2, 3, 9]);
  assert.equal(sha3_512Hex(whole.subarray(1, 4)), sha3_512Hex(new Uint8Array([1, 2, 3])));
});

Deno.test("bytesEqual() compares content and length", () => {
  const one = new Uint8Array([1, 2, 3]);
  assert.equal(bytesEqual(one, new Uint8Array([1, 2, 3])), true);
  assert.equal(bytesEqual(one, new Uint8Array([1, 2, 4])), false);
  assert.equal(bytesEqual(one, one.subarray(1)), false);
  assert.equal(bytesEqual(new Uint8Array(), new Uint8Array()), true);
});
