import assert from "node:assert/strict";
import { encodeBase64 } from "@std/encoding/base64";
import fc from "fast-check";
import {
  encodeEnvelope,
  type Envelope,
  MAX_ENVELOPE_BYTES,
  pae,
  parseEnvelope,
  STATEMENT_PAYLOAD_TYPE,
} from "../../../src/bundle/reading/envelope.ts";
import { SallyportError } from "../../../src/errors.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";
import { threadTimeMs } from "../../helpers/process.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const SIGNATURE = { keyid: "0123456789abcdef", sig: encodeBase64(new Uint8Array(64).fill(7)) };
const GOOD = {
  payloadType: STATEMENT_PAYLOAD_TYPE,
  payload: encodeBase64(encode("hello")),
  signatures: [SIGNATURE],
};

function parse(fields: Record<string, unknown>): Envelope {
  return parseEnvelope(encode(JSON.stringify({ ...GOOD, ...fields })));
}

Deno.test("pae() matches the test vector of the DSSE specification", () => {
  // https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md#test-vectors
  assert.deepEqual(
    pae("http://example.com/HelloWorld", encode("hello world")),
    encode("DSSEv1 29 http://example.com/HelloWorld 11 hello world"),
  );
});

Deno.test("pae() counts bytes, not characters", () => {
  assert.deepEqual(pae("é", encode("ü😀")), encode("DSSEv1 2 é 6 ü😀"));
  assert.deepEqual(pae("", new Uint8Array()), encode("DSSEv1 0  0 "));
});

Deno.test("pae() gives different bytes for different pairs", () => {
  const text = fc.string({ unit: fc.constantFrom("a", " ", "1", "2", "DSSEv1"), maxLength: 6 });
  fc.assert(fc.property(text, text, text, text, (typeA, bodyA, typeB, bodyB) => {
    const [a, b] = [pae(typeA, encode(bodyA)), pae(typeB, encode(bodyB))];
    assert.equal(encodeBase64(a) === encodeBase64(b), typeA === typeB && bodyA === bodyB);
  }));
});

Deno.test("parseEnvelope() gives back what encodeEnvelope() wrote", () => {
  const hex = fc.string({
    unit: fc.constantFrom(..."0123456789abcdef"),
    minLength: 16,
    maxLength: 16,
  });
  const sig = fc.uint8Array({ minLength: 64, maxLength: 64 });
  const signature = fc.record({ keyid: hex, sig }, { noNullPrototype: true });
  const signatures = fc.uniqueArray(signature, {
    selector: ({ keyid }) => keyid,
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(fc.property(fc.uint8Array(), signatures, (payload, signatures) => {
    const envelope = { payloadType: STATEMENT_PAYLOAD_TYPE, payload, signatures };
    const text = encodeEnvelope(envelope);
    assert.deepEqual(parseEnvelope(encode(text)), envelope);
    assert.ok(text.endsWith("}\n"));
  }));
});

Deno.test("parseEnvelope() refuses what is not exactly such an envelope", () => {
  assert.equal(parse({}).signatures.length, 1); // the control
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ extra: 1 }, /extra: unknown field/],
    [{ signatures: [{ ...SIGNATURE, cert: "x" }] }, /signatures\[0\]\.cert: unknown field/],
    [{ payloadType: "application/vnd.in-toto+json" }, /payloadType: must be "application\/vnd/],
    [{ payloadType: undefined }, /payloadType: /],
    [{ payload: undefined }, /payload: is missing/],
    [{ payload: 5 }, /payload: must be a string/],
    [{ signatures: [] }, /signatures: /],
    [{ signatures: undefined }, /signatures: is missing/],
    [{ signatures: {} }, /signatures: must be a list/],
    [{ signatures: [null] }, /signatures\[0\]: must be an object/],
    [{ signatures: [{ ...SIGNATURE, keyid: "0123456789ABCDEF" }] }, /keyid: must be 16/],
    [{ signatures: [{ ...SIGNATURE, keyid: "0123" }] }, /keyid: must be 16/],
    [{ signatures: [{ sig: SIGNATURE.sig }] }, /keyid: is missing/],
    [{ signatures: [{ ...SIGNATURE, sig: encodeBase64(new Uint8Array(63)) }] }, /64 bytes/],
    [{ signatures: [{ ...SIGNATURE, sig: encodeBase64(new Uint8Array(65)) }] }, /64 bytes/],
    [{ signatures: [SIGNATURE, SIGNATURE] }, /two signatures of key "0123456789abcdef"/],
    [{
      signatures: Array.from({ length: 65 }, (_, i) => ({
        ...SIGNATURE,
        keyid: i.toString(16).padStart(16, "0"),
      })),
    }, /more than 64 signatures/],
  ];
  for (const [fields, pattern] of cases) {
    const error = assertThrowsWithCode(() => parse(fields), "signature-invalid", pattern);
    assert.ok(error.hint);
  }
});

Deno.test("parseEnvelope() takes base64 in its one standard spelling only", () => {
  const good = ["", "aA==", "aGk=", "aGV5", "+/+/"];
  const bad = [
    "aA",
    "aA=",
    "aGk",
    "aB==",
    "aGl=",
    "-_-_",
    "aG k=",
    "aGk=\n",
    " aGk=",
    "aGk==",
    "a",
    "=",
    "é",
    "aA==aA==",
  ];
  for (const payload of good) assert.equal(encodeBase64(parse({ payload }).payload), payload);
  for (const payload of bad) {
    assertThrowsWithCode(() => parse({ payload }), "signature-invalid", /base64/);
  }
});

Deno.test("parseEnvelope() refuses repeated keys, other encodings and too much", () => {
  const cases: [string | Uint8Array, RegExp][] = [
    [JSON.stringify(GOOD).replace("{", '{"payload":"",'), /has the key "payload" twice/],
    [`\ufeff${JSON.stringify(GOOD)}`, /byte order mark/],
    [new Uint8Array([0xff]), /not UTF-8/],
    ["", /is not JSON/],
    ["[]", /must be an object/],
    ["null", /must be an object/],
    ["7", /must be an object/],
    ["[".repeat(1_000_000), /is not JSON/],
    [" ".repeat(MAX_ENVELOPE_BYTES + 1), /larger than 8388608 bytes/],
  ];
  for (const [input, pattern] of cases) {
    const bytes = typeof input === "string" ? encode(input) : input;
    assertThrowsWithCode(() => parseEnvelope(bytes), "signature-invalid", pattern);
  }
});

Deno.test("parseEnvelope() is quick on the largest inputs", () => {
  const start = threadTimeMs();
  parse({ payload: encodeBase64(new Uint8Array(6_000_000)) });
  const many = `{"signatures":[${"{},".repeat(2_000_000)}{}]}`;
  assertThrowsWithCode(() => parseEnvelope(encode(many)), "signature-invalid");
  const escapes = `{"payload":"${"\\\\".repeat(4_000_000)}"}`;
  assertThrowsWithCode(() => parseEnvelope(encode(escapes)), "signature-invalid");
  assert.ok(threadTimeMs() - start < 10_000);
});

Deno.test("parseEnvelope() gives an envelope or a SallyportError for arbitrary bytes and JSON", () => {
  const part = fc.constantFrom<unknown>(
    GOOD.payload,
    GOOD.payloadType,
    SIGNATURE,
    [SIGNATURE],
    SIGNATURE.sig,
    null,
    1,
    "",
    [],
    {},
  );
  const field = fc.constantFrom(
    "payload",
    "payloadType",
    "signatures",
    "keyid",
    "sig",
    "toString",
    "x",
  );
  const near = fc.dictionary(field, fc.oneof(part, fc.jsonValue())).map((fields) =>
    JSON.stringify({ ...GOOD, ...fields })
  );
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.json().map(encode), near.map(encode)),
      (bytes) => {
        try {
          assert.equal(parseEnvelope(bytes).payloadType, STATEMENT_PAYLOAD_TYPE);
        } catch (error) {
          assert.ok(
            error instanceof SallyportError && error.code === "signature-invalid",
            String(error),
          );
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
