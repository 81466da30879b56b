import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generateKeyPairSync } from "node:crypto";
import { findPrivateKey } from "../../../src/bundle/signing/private_keys.ts";
import { encodePrivateKeyPem, encodePublicKeyPem } from "../../../src/crypto/pem.ts";
import { encodeSealedKeyPem } from "../../../src/crypto/sealed_key.ts";
import { makeKeys } from "../../helpers/signing.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const find = (content: string | Uint8Array, known?: Uint8Array[]) =>
  findPrivateKey(typeof content === "string" ? bytes(content) : content, known);

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed = generateKeyPairSync("ed25519");
const cipher = "aes-256-cbc";

Deno.test("findPrivateKey() finds keys in PEM and DER, encrypted ones too", () => {
  const secret = { cipher, passphrase: "x" };
  for (
    const [key, type, form] of [
      [ed, "pkcs8", "PKCS#8"],
      [ec, "pkcs8", "PKCS#8"],
      [rsa, "pkcs8", "PKCS#8"],
      [ec, "sec1", "SEC1"],
      [rsa, "pkcs1", "PKCS#1"],
    ] as const
  ) {
    const options = { type } as { type: "pkcs8" };
    assert.equal(find(key.privateKey.export({ ...options, format: "pem" }) as string), form);
    assert.equal(find(key.privateKey.export({ ...options, format: "der" })), form);
  }
  const pkcs8 = { type: "pkcs8", ...secret } as const;
  assert.equal(
    find(ed.privateKey.export({ ...pkcs8, format: "pem" }) as string),
    "encrypted PKCS#8",
  );
  assert.equal(find(ed.privateKey.export({ ...pkcs8, format: "der" })), "encrypted PKCS#8");
});

Deno.test("findPrivateKey() finds a key within a module, a JSON file and between other text", async () => {
  const { seed } = await makeKeys();
  const pem = encodePrivateKeyPem(seed);
  const crlf = pem.replaceAll("\n", "\r\n");
  for (
    const text of [
      crlf,
      `the key:\n${pem}and more`,
      `\ufeff${pem}`,
      JSON.stringify({ type: "service_account", private_key: pem }),
      `export const KEY = ${JSON.stringify(pem)};`,
      pem.trim().split("\n").map((line) => `  "${line}\\n" +`).join("\n"),
    ]
  ) assert.equal(find(text), "PKCS#8", text);
  const sealed = await encodeSealedKeyPem(seed, { passphrase: "five random words" });
  assert.equal(find(sealed), "SALLYPORT SEALED PRIVATE KEY");
});

Deno.test("findPrivateKey() finds the keys of other tools", () => {
  const base64 = (content: string) => Buffer.from(content, "latin1").toString("base64");
  const armor = (label: string, body: string, headers = "") =>
    `-----BEGIN ${label}-----\n${headers}${body}\n-----END ${label}-----\n`;
  const body = base64(`openssh-key-v1\0${"x".repeat(60)}`);
  assert.match(find(armor("OPENSSH PRIVATE KEY", body))!, /OPENSSH/);
  assert.equal(find(Buffer.from(body, "base64")), "OpenSSH");
  const legacy = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n";
  assert.equal(find(armor("EC PRIVATE KEY", base64("\x99".repeat(60)), legacy)), "SEC1");
  assert.match(
    find(
      `---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n${body}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----`,
    )!,
    /SSH2/,
  );
  // tag 5, a length of 88, version 4, a time, algorithm 22
  const packet = `\x94\x58\x04\x6b\x0e\x3a\x5c\x16${"x".repeat(90)}`;
  assert.equal(find(Buffer.from(packet, "latin1")), "OpenPGP");
  const pgp = armor("PGP PRIVATE KEY BLOCK", `${base64(packet)}\n=abcd`, "Version: 1\n\n");
  assert.equal(find(pgp), "OpenPGP");
  assert.equal(find(`PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n`), "PuTTY");
  assert.equal(find(`# created\nAGE-SECRET-KEY-1${"Q".repeat(58)}\n`), "age");
  assert.equal(
    find(`untrusted comment: minisign encrypted secret key\n${"RWRTY0Iy".repeat(9)}\n`),
    "minisign",
  );
  assert.equal(find(JSON.stringify(ed.privateKey.export({ format: "jwk" }))), "JWK");
  assert.equal(
    find(JSON.stringify({ keys: [{ kty: "oct", k: "c2VjcmV0" }] }, null, 2)),
    "JWK",
  );
});

Deno.test("findPrivateKey() finds keys in settings and modules, quoted, commented out, in UTF-16", () => {
  const pem = ed.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const jwk = JSON.stringify(ed.privateKey.export({ format: "jwk" }));
  const each = (mark: string) => pem.replace(/^/gm, mark);
  const wide = Buffer.from(`\ufeff${pem}`, "utf16le");
  for (
    const content of [
      JSON.stringify(JSON.stringify({ key: pem })),
      ...["// ", "# ", " * ", "    "].map(each),
      wide,
      Buffer.from(wide).swap16(),
      `data:\n  tls.key: ${Buffer.from(pem).toString("base64")}\n`,
    ]
  ) assert.equal(find(content), "PKCS#8", String(content).slice(0, 100));
  for (
    const content of [
      `\ufeff${jwk}`,
      `[${jwk}]`,
      `{ "name": "x", "signing": { "key": ${jwk} } }`,
      `// my key\nexport const key = ${jwk.replace(/"(\w+)":/g, "$1: ")};`,
      Buffer.from(jwk, "utf16le"),
    ]
  ) assert.equal(find(content), "JWK", String(content).slice(0, 100));
});

Deno.test("findPrivateKey() finds the key at hand in every spelling", async () => {
  const { seed } = await makeKeys();
  const buffer = Buffer.from(seed);
  for (
    const content of [
      seed,
      Buffer.concat([Buffer.from("before"), buffer, Buffer.from("after")]),
      buffer.toString("hex"),
      `KEY=${buffer.toString("hex").toUpperCase()}\n`,
      buffer.toString("base64"),
      `{"seed":"${buffer.toString("base64url")}"}`,
      // in base64 after something else, as in DER
      `KEY=${Buffer.concat([Buffer.from("before"), buffer]).toString("base64")}`,
      `KEY=${Buffer.concat([Buffer.from("16 bytes of DER."), buffer]).toString("base64")}`,
      `KEY=${Buffer.concat([Buffer.from("17 bytes of that."), buffer]).toString("base64url")}`,
    ]
  ) {
    assert.equal(find(content, [seed]), "the very key that signs");
    assert.equal(find(content), undefined, "32 bytes can be anything");
  }
});

Deno.test("findPrivateKey() leaves alone what only speaks of keys", async () => {
  const { publicKey } = await makeKeys();
  for (
    const content of [
      "",
      encodePublicKeyPem(publicKey.raw),
      ec.publicKey.export({ type: "spki", format: "der" }),
      JSON.stringify(ed.publicKey.export({ format: "jwk" })),
      "`-----BEGIN PRIVATE KEY-----\\n${body.match(/.{1,64}/g).join('\\n')}\\n-----END PRIVATE KEY-----`",
      'if (pem.startsWith("-----BEGIN EC PRIVATE KEY-----") || rest.includes("-----END EC PRIVATE KEY-----")) {}',
      "/-----BEGIN ([A-Z ]*PRIVATE KEY)-----([\\s\\S]+?)-----END \\1-----/",
      "-----BEGIN PRIVATE KEY-----\n(your key here, in base64)\n-----END PRIVATE KEY-----",
      "-----BEGIN PRIVATE KEY-----".repeat(10_000),
      '{"kty":"OKP","d":',
      'interface JsonWebKey { kty: string; d?: string; k?: "none" }',
      'if (jwk.kty === "OKP") return { kty: "OKP", x: jwk.x, id: "k", d: undefined };',
      '{ "kty" '.repeat(10_000),
      "LS0tLS1CRUdJTi".repeat(10_000),
      "łódź",
      crypto.getRandomValues(new Uint8Array(65_536)).with(0, 0x30),
    ]
  ) assert.equal(find(content), undefined, String(content).slice(0, 100));
});
