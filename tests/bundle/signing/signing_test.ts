import assert from "node:assert/strict";
import { encodePublicKeyPem } from "../../../src/crypto/pem.ts";
import { encodeEnvelope, pae, parseEnvelope } from "../../../src/bundle/reading/envelope.ts";
import { bytesOf, readBundle } from "../../../src/bundle/reading/reading.ts";
import { signBundle } from "../../../src/bundle/signing/signing.ts";
import { parseStatement, type Statement } from "../../../src/bundle/reading/statement.ts";
import { verify } from "../../../src/crypto/ed25519.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { makeBundle, makeKeys, tempDir } from "../../helpers/signing.ts";

async function readEnvelope(dir: string): Promise<ReturnType<typeof parseEnvelope>> {
  return parseEnvelope(await Deno.readFile(`${dir}/plugin.sig.json`));
}

async function statementOf(dir: string): Promise<Statement> {
  return parseStatement((await readEnvelope(dir)).payload);
}

async function names(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map((entry) => entry.name).sort();
}

Deno.test("signBundle() writes an envelope whose signature covers the bundle", async () => {
  await using temp = await tempDir();
  const keys = await makeKeys();
  const dir = await makeBundle(temp.path);
  const result = await signBundle(dir, [keys.seed]);
  const contents = await readBundle(dir);
  assert.equal(result.bundleHash, contents.bundleHash);
  assert.deepEqual(result.keyIds, [keys.id]);
  assert.equal(result.added, 1);
  assert.equal(result.replaced, undefined);

  const envelope = parseEnvelope(contents.envelopeBytes!);
  assert.deepEqual(envelope, result.envelope);
  const message = pae(envelope.payloadType, envelope.payload);
  assert.equal(await verify(envelope.signatures[0]!.sig, message, keys.publicKey.raw), true);
  const statement = parseStatement(envelope.payload);
  assert.equal(statement.bundleHash, contents.bundleHash);
  assert.equal(statement.files.length, contents.files.length);
  assert.deepEqual(await names(dir), ["main.ts", "plugin.json", "plugin.sig.json"]);
});

Deno.test("signBundle() makes signatures that openssl verifies", async () => {
  await using temp = await tempDir();
  const keys = await makeKeys();
  const { envelope } = await signBundle(await makeBundle(temp.join("bundle")), [keys.seed]);
  await Deno.writeTextFile(temp.join("key.pub"), encodePublicKeyPem(keys.publicKey.raw));
  await Deno.writeFile(temp.join("message"), pae(envelope.payloadType, envelope.payload));
  await Deno.writeFile(temp.join("sig"), envelope.signatures[0]!.sig);
  const { success } = await new Deno.Command("openssl", {
    args: ["pkeyutl", "-verify", "-pubin", "-rawin"].concat(
      ["-inkey", temp.join("key.pub"), "-in", temp.join("message"), "-sigfile", temp.join("sig")],
    ),
  }).output();
  assert.ok(success);
});

Deno.test("signBundle() adds to the signatures when the bundle is unchanged", async () => {
  await using temp = await tempDir();
  const [a, b, c] = [await makeKeys(), await makeKeys(), await makeKeys()];
  const dir = await makeBundle(temp.path);
  const first = await signBundle(dir, [a.seed], { createdAt: new Date("2026-01-01") });
  const second = await signBundle(dir, [b.seed, c.seed]);
  assert.equal(second.added, 2);
  assert.equal(second.replaced, undefined);
  const envelope = await readEnvelope(dir);
  assert.deepEqual(envelope.payload, first.envelope.payload);
  assert.deepEqual(envelope.signatures.map(({ keyid }) => keyid), [a.id, b.id, c.id]);
  const message = pae(envelope.payloadType, envelope.payload);
  for (const [index, keys] of [a, b, c].entries()) {
    assert.ok(await verify(envelope.signatures[index]!.sig, message, keys.publicKey.raw));
  }
});

Deno.test("signBundle() leaves the file alone when the keys signed it already", async () => {
  await using temp = await tempDir();
  const keys = await makeKeys();
  const dir = await makeBundle(temp.path);
  await signBundle(dir, [keys.seed]);
  const before = await Deno.readFile(`${dir}/plugin.sig.json`);
  const result = await signBundle(dir, [keys.seed, keys.seed]);
  assert.equal(result.added, 0);
  assert.deepEqual(await Deno.readFile(`${dir}/plugin.sig.json`), before);
});

Deno.test("signBundle() mends a broken signature of its own key", async () => {
  await using temp = await tempDir();
  const keys = await makeKeys();
  const dir = await makeBundle(temp.path);
  const { envelope } = await signBundle(dir, [keys.seed]);
  const broken = { ...envelope, signatures: [{ keyid: keys.id, sig: new Uint8Array(64) }] };
  await Deno.writeTextFile(`${dir}/plugin.sig.json`, encodeEnvelope(broken));
  assert.equal((await signBundle(dir, [keys.seed])).added, 1);
  assert.deepEqual((await readEnvelope(dir)).signatures, envelope.signatures);
});

Deno.test("signBundle() starts anew and says so when the bundle was changed", async () => {
  await using temp = await tempDir();
  const [a, b] = [await makeKeys(), await makeKeys()];
  const dir = await makeBundle(temp.path);
  await signBundle(dir, [a.seed]);
  await Deno.writeTextFile(`${dir}/more.txt`, "");
  const result = await signBundle(dir, [b.seed]);
  assert.equal(result.replaced, "changed");
  assert.deepEqual((await readEnvelope(dir)).signatures.map(({ keyid }) => keyid), [b.id]);
});

Deno.test("signBundle() does not vouch for a statement that claims more than the bundle shows", async () => {
  await using temp = await tempDir();
  const keys = await makeKeys();
  const dir = await makeBundle(temp.path);
  const { envelope } = await signBundle(dir, [keys.seed]);
  // the same bundle hash, but another name: signing this payload would sign the lie
  const lie = { ...parseStatement(envelope.payload), name: "bank" };
  const payload = new TextEncoder().encode(JSON.stringify(lie));
  await Deno.writeTextFile(`${dir}/plugin.sig.json`, encodeEnvelope({ ...envelope, payload }));
  assert.equal((await signBundle(dir, [keys.seed])).replaced, "changed");
  assert.equal((await statementOf(dir)).name, "sample");
});

Deno.test("signBundle() replaces an envelope that cannot be read, and says so", async () => {
  await using temp = await tempDir();
  const keys = await makeKeys();
  const dir = await makeBundle(temp.path, { "plugin.sig.json": "garbage" });
  assert.equal((await signBundle(dir, [keys.seed])).replaced, "unreadable");
  assert.equal((await statementOf(dir)).name, "sample");
});

Deno.test("signBundle() keeps an expiry, and starts anew when it is given another one", async () => {
  await using temp = await tempDir();
  const [a, b] = [await makeKeys(), await makeKeys()];
  const dir = await makeBundle(temp.path);
  const expiresAt = new Date("2999-01-01");
  await signBundle(dir, [a.seed], { expiresAt });
  for (const options of [{}, { expiresAt }]) {
    const result = await signBundle(dir, [b.seed], options);
    assert.equal(result.replaced, undefined);
    assert.equal((await statementOf(dir)).expiresAt, "2999-01-01T00:00:00.000Z");
    assert.equal(result.envelope.signatures.length, 2);
  }
  const result = await signBundle(dir, [a.seed], { expiresAt: new Date("2999-01-02") });
  assert.equal(result.replaced, "expiry");
  assert.equal((await statementOf(dir)).expiresAt, "2999-01-02T00:00:00.000Z");
  assert.deepEqual(result.envelope.signatures.map(({ keyid }) => keyid), [a.id]);
});

Deno.test("signBundle() does not add to a statement that has expired", async () => {
  await using temp = await tempDir();
  const keys = await makeKeys();
  const dir = await makeBundle(temp.path);
  const createdAt = new Date("2020-01-01");
  await signBundle(dir, [keys.seed], { createdAt, expiresAt: new Date("2020-01-02") });
  await assertRejectsWithCode(
    signBundle(dir, [keys.seed]),
    "expired",
    /"2020-01-02T00:00:00\.000Z"/,
  );
  const result = await signBundle(dir, [keys.seed], { expiresAt: new Date("2999-01-01") });
  assert.equal(result.replaced, "expiry");
});

Deno.test("signBundle() refuses a bad bundle and leaves what was there", async () => {
  await using temp = await tempDir();
  const keys = await makeKeys();
  const dir = await makeBundle(temp.path, { "deno.json": "{}", "plugin.sig.json": "{}" });
  await assertRejectsWithCode(signBundle(dir, [keys.seed]), "bundle-invalid", /deno\.json/);
  assert.equal(await Deno.readTextFile(`${dir}/plugin.sig.json`), "{}");
  await Deno.remove(`${dir}/deno.json`);
  await Deno.writeTextFile(`${dir}/plugin.json`, "{}");
  await assertRejectsWithCode(signBundle(dir, [keys.seed]), "manifest-invalid");
});

Deno.test("signBundle() rejects misuse", async () => {
  await using temp = await tempDir();
  const keys = await makeKeys();
  const dir = await makeBundle(temp.path);
  await assert.rejects(signBundle(dir, []), RangeError);
  await assert.rejects(signBundle(dir, [new Uint8Array(31)]), RangeError);
  await assert.rejects(
    signBundle(dir, [keys.seed], { expiresAt: new Date("2020-01-01") }),
    RangeError,
  );
  await assert.rejects(signBundle(dir, [keys.seed], { expiresAt: new Date(NaN) }), RangeError);
  assert.deepEqual(await names(dir), ["main.ts", "plugin.json"]);
});

Deno.test("signBundle() leaves no half-written file when it cannot write", {
  permissions: { read: true, write: false },
}, async () => {
  // no folder can be made in this test, so one of the project's own is signed
  const dir = new URL("../../fixtures/bundles/unsigned", import.meta.url).pathname;
  const keys = await makeKeys();
  const error = await assertRejectsWithCode(
    signBundle(dir, [keys.seed]),
    "bundle-invalid",
    /plugin\.sig\.json cannot be written/,
  );
  assert.ok(error.cause instanceof Deno.errors.NotCapable);
  assert.deepEqual(await names(dir), ["main.ts", "plugin.json"]);
});

Deno.test("bytesOf() finds a file, and rejects a path that is not there", async () => {
  await using temp = await tempDir();
  const { files } = await readBundle(await makeBundle(temp.path, { "a.txt": "hi" }));
  assert.equal(new TextDecoder().decode(bytesOf(files, "a.txt")), "hi");
  assert.throws(() => bytesOf(files, "b.txt"), RangeError);
});

Deno.test("signBundle() loses no signature of somebody who signs at the same time", async () => {
  await using temp = await tempDir();
  const signers = await Promise.all(Array.from({ length: 4 }, () => makeKeys()));
  const dir = await makeBundle(temp.path);
  await Promise.all(signers.map(async ({ seed }) => {
    for (;;) {
      try {
        return await signBundle(dir, [seed]);
      } catch (error) {
        // the other one's envelope was there already, or still under its first name
        assert.match((error as { code: string }).code, /^(?:bad-state|bundle-invalid)$/);
      }
    }
  }));
  const { signatures } = await readEnvelope(dir);
  assert.deepEqual(
    signatures.map(({ keyid }) => keyid).sort(),
    signers.map(({ id }) => id).sort(),
  );
});
