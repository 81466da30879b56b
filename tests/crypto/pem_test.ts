import fc from "fast-check";
import assert from "node:assert/strict";
import { generateKeyPair, getPublicKey } from "../../src/crypto/ed25519.ts";
import {
  decodePrivateKeyPem,
  decodePublicKeyPem,
  encodePrivateKeyPem,
  encodePublicKeyPem,
} from "../../src/crypto/pem.ts";
import { SallyportError } from "../../src/errors.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";
import { hex } from "./vectors.ts";

// RFC 8410, section 10.3 and 10.1
const RFC_PRIVATE = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
`;
const RFC_PUBLIC = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
`;
/** The second example of section 10.3: version 2 with an attribute and the public key. */
const RFC_PRIVATE_V2 = `-----BEGIN PRIVATE KEY-----
MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
Z9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PRIVATE KEY-----
`;
const RFC_SEED = hex("d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842");

function pem(label: string, der: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${der.toBase64()}\n-----END ${label}-----\n`;
}

Deno.test("decodePrivateKeyPem() and decodePublicKeyPem() read the examples of RFC 8410", async () => {
  assert.deepEqual(decodePrivateKeyPem(RFC_PRIVATE), new Uint8Array(RFC_SEED));
  assert.deepEqual(decodePublicKeyPem(RFC_PUBLIC), await getPublicKey(RFC_SEED));
  assert.equal(encodePrivateKeyPem(RFC_SEED), RFC_PRIVATE);
  assert.equal(encodePublicKeyPem(await getPublicKey(RFC_SEED)), RFC_PUBLIC);
});

Deno.test("PEM of any seed comes back as it was, with either kind of line end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom("\n", "\r\n"),
      async (seed, lineEnd) => {
        const text = encodePrivateKeyPem(seed).replaceAll("\n", lineEnd);
        assert.deepEqual(decodePrivateKeyPem(text), new Uint8Array(seed));
        const key = await getPublicKey(seed);
        const publicText = encodePublicKeyPem(key).replaceAll("\n", lineEnd);
        assert.deepEqual(decodePublicKeyPem(`\n${publicText}\n`), key);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("decodePrivateKeyPem() gives bad-config for any garbage and never quotes from it", () => {
  const decoders = [decodePrivateKeyPem, decodePublicKeyPem];
  const inside = fc.oneof(fc.string(), fc.base64String(), fc.constant(RFC_PRIVATE.slice(28, 60)));
  const framed = inside.map((text) => RFC_PRIVATE.replace(/MC4[^-]*/, `${text}\n`));
  const cut = fc.nat({ max: RFC_PRIVATE.length - 2 }).map((end) => RFC_PRIVATE.slice(0, end));
  const flipped = fc.tuple(fc.nat({ max: 91 }), fc.constantFrom(..."!A=\n-é")).map(([at, to]) =>
    RFC_PRIVATE.slice(0, 28 + at) + to + RFC_PRIVATE.slice(29 + at)
  );
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "binary" }), framed, cut, flipped), (text) => {
      for (const decode of decoders) {
        let value: Uint8Array;
        try {
          value = decode(text);
        } catch (error) {
          assert.ok(error instanceof SallyportError, String(error));
          assert.equal(error.code, "bad-config");
          assert.ok(error.hint);
          const said = `${JSON.stringify(error)} ${error.cause ?? ""}`;
          for (const [run] of text.matchAll(/[A-Za-z0-9+/]{12,}/g)) {
            assert.ok(!said.includes(run), said);
          }
          continue;
        }
        // a change within the seed's own characters gives another seed: that cannot be seen
        assert.equal(value.length, 32);
        assert.equal(encodePrivateKeyPem(value).replace(/\s/g, ""), text.replace(/\s/g, ""));
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("decodePrivateKeyPem() says what the file is when it is no private Ed25519 key", () => {
  const rsa = hex(
    "302a020100300d06092a864886f70d0101010500041600112233445566778899aabbccddeeff0011",
  );
  const x25519 = hex(`302e020100300506032b656e04220420${"11".repeat(32)}`);
  const ed448 = hex(`3047020100300506032b6571043b0439${"11".repeat(57)}`);
  const ec = hex(
    `3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420${"22".repeat(32)}`,
  );
  const cases: [string, RegExp, RegExp][] = [
    ["", /it has no "-----BEGIN" line/, /PRIVATE KEY/],
    [RFC_SEED.toHex(), /it has no "-----BEGIN" line/, /PRIVATE KEY/],
    [RFC_PUBLIC, /it is a public key/, /NAME\.key/],
    [pem("ENCRYPTED PRIVATE KEY", new Uint8Array(90)), /an encrypted private key/, /openssl pkey/],
    [
      pem("RSA PRIVATE KEY", new Uint8Array(90)),
      /of kind "RSA PRIVATE KEY", not Ed25519/,
      /keygen/,
    ],
    [pem("EC PRIVATE KEY", new Uint8Array(90)), /of kind "EC PRIVATE KEY", not Ed25519/, /keygen/],
    [pem("OPENSSH PRIVATE KEY", new Uint8Array(90)), /in the format of OpenSSH/, /keygen/],
    [pem("CERTIFICATE", new Uint8Array(90)), /it holds "CERTIFICATE", not a key/, /PRIVATE KEY/],
    [pem("PRIVATE KEY", rsa), /it is an RSA key, not Ed25519/, /keygen/],
    [pem("PRIVATE KEY", x25519), /it is an X25519 key, not Ed25519/, /keygen/],
    [pem("PRIVATE KEY", ed448), /it is an Ed448 key, not Ed25519/, /keygen/],
    [pem("PRIVATE KEY", ec), /it is an EC key, not Ed25519/, /keygen/],
    [RFC_PRIVATE_V2, /an Ed25519 key, but not in the form PKCS#8 version 1/, /Write it again/],
    [pem("PRIVATE KEY", new Uint8Array(48)), /its DER is not that of an Ed25519 key/, /keygen/],
    [pem("PRIVATE KEY", hex("30ff")), /its DER is not/, /keygen/],
    [pem("PRIVATE KEY", hex("3080028080")), /its DER is not/, /keygen/],
    [`note\n${RFC_PRIVATE}`, /not one whole PEM block/, /Remove/],
    [RFC_PRIVATE + RFC_PRIVATE, /it holds 2 PEM blocks/, /one "PRIVATE KEY"/],
    [RFC_PRIVATE + RFC_PUBLIC, /it holds 2 PEM blocks/, /one "PRIVATE KEY"/],
    [RFC_PRIVATE.replace("END PRIVATE", "END PUBLIC"), /not one whole PEM block/, /END line/],
    [RFC_PRIVATE.replace("END PRIVATE KEY-----", ""), /not one whole PEM block/, /END line/],
    [RFC_PRIVATE.replace("MC4", "M!4"), /is not base64/, /Copy the whole file/],
    [`${RFC_PRIVATE}${" ".repeat(4_096)}`, /more than the 4096 that are read/, /PRIVATE KEY/],
  ];
  for (const [text, message, hint] of cases) {
    const error = assertThrowsWithCode(() => decodePrivateKeyPem(text), "bad-config", message);
    assert.match(error.message, /^Cannot read private key: /);
    assert.match(error.hint!, hint);
  }
  assert.equal(decodePrivateKeyPem(RFC_PRIVATE).length, 32);
});

Deno.test("decodePublicKeyPem() says what the file is when it is no public Ed25519 key", () => {
  const x25519 = hex(`302a300506032b656e032100${"11".repeat(32)}`);
  const lowOrder = hex(`302a300506032b6570032100ec${"ff".repeat(30)}7f`);
  const unused = hex(`302a300506032b6570032101${"11".repeat(32)}`);
  const cases: [string, RegExp][] = [
    [RFC_PRIVATE, /it is a private key/],
    [pem("ENCRYPTED PRIVATE KEY", new Uint8Array(90)), /it is an encrypted private key/],
    [pem("PUBLIC KEY", x25519), /it is an X25519 key, not Ed25519/],
    [pem("PUBLIC KEY", unused), /an Ed25519 key, but not in the form SubjectPublicKeyInfo/],
    [pem("PUBLIC KEY", lowOrder), /Cannot use public key "ecff\w+": it is a point of low order/],
    [pem("RSA PUBLIC KEY", x25519), /of kind "RSA PUBLIC KEY", not Ed25519/],
  ];
  for (const [text, message] of cases) {
    const error = assertThrowsWithCode(() => decodePublicKeyPem(text), "bad-config", message);
    assert.match(error.message, /^Cannot read public key: /);
    assert.ok(error.hint);
  }
  assert.equal(decodePublicKeyPem(RFC_PUBLIC).length, 32);
});

Deno.test("decodePrivateKeyPem() escapes a hostile label", () => {
  const text = `-----BEGIN \u001b[2J\u202eKEY-----\n\n-----END X-----\n`;
  const error = assertThrowsWithCode(() => decodePrivateKeyPem(text), "bad-config");
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(error.message, /[\u001b\u202e]/);
});

Deno.test("encodePrivateKeyPem() refuses what is not 32 bytes", async () => {
  const { privateKey, publicKey } = await generateKeyPair();
  assert.throws(() => encodePrivateKeyPem(new Uint8Array(64)), RangeError);
  assert.throws(() => encodePublicKeyPem(new Uint8Array(31)), RangeError);
  assert.throws(() => encodePrivateKeyPem("key" as unknown as Uint8Array), TypeError);
  assert.throws(() => decodePrivateKeyPem(privateKey as unknown as string), TypeError);
  assert.ok(encodePrivateKeyPem(privateKey) && encodePublicKeyPem(publicKey));
});
