import assert from "node:assert/strict";
import { parseEnvelope } from "../../../src/bundle/reading/envelope.ts";
import { generateKeyPair } from "../../../src/crypto/ed25519.ts";
import { encodeSealedKeyPem } from "../../../src/crypto/sealed_key.ts";
import { scratch, signedBundle, writeBundle } from "../bundles.ts";
import { document, done, failed, inProcess, sallyport } from "../sallyport.ts";
import { atTerminal } from "../terminal.ts";

async function makeKeys(dir: string, ...names: string[]): Promise<string[]> {
  for (const name of names) done(await inProcess(["keygen", name, "--dir", dir]));
  return names.map((name) => `${dir}/${name}.key`);
}

async function envelopeOf(bundle: string) {
  return parseEnvelope(await Deno.readFile(`${bundle}/plugin.sig.json`));
}

Deno.test("sign says what it signed, and writes the envelope", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const [key] = await makeKeys(dir.path, "a");
  const outcome = await sallyport(["sign", bundle, "--key", key!]);
  const text = done(outcome);
  assert.equal(outcome.stderr, "");
  assert.match(text, /^Signed sample 1\.2\.3 with 1 key\n/);
  const hash = done(await inProcess(["hash", bundle])).trim();
  assert.ok(text.includes(hash));
  const [signature] = (await envelopeOf(bundle)).signatures;
  assert.ok(text.includes(signature!.keyid));
});

Deno.test("sign adds to the signatures when the bundle is unchanged", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const [a, b] = await makeKeys(dir.path, "a", "b");
  const first = document(await sallyport(["sign", bundle, "--key", a!, "--json"]));
  assert.deepEqual([first.name, first.version, first.added, first.signatures], [
    "sample",
    "1.2.3",
    1,
    1,
  ]);
  const second = document(await sallyport(["sign", bundle, "--key", b!, "--json"]));
  assert.deepEqual([second.added, second.signatures], [1, 2]);
  assert.equal(second.bundleHash, first.bundleHash);
  const again = document(await inProcess(["sign", bundle, "--key", a!, "--json"]));
  assert.deepEqual([again.added, again.signatures], [0, 2]);
  const keyIds = (await envelopeOf(bundle)).signatures.map(({ keyid }) => keyid).sort();
  assert.deepEqual(keyIds, [...first.keyIds, ...second.keyIds].sort());
});

Deno.test("sign drops the signatures of a bundle that has changed, and warns", async () => {
  await using dir = await scratch();
  const { dir: bundle } = await signedBundle(dir.path);
  await Deno.writeTextFile(`${bundle}/main.ts`, "export default {};\n");
  const [b] = await makeKeys(dir.path, "b");
  const outcome = await inProcess(["sign", bundle, "--key", b!, "--json"]);
  const signed = document(outcome);
  assert.deepEqual([signed.added, signed.signatures, signed.replaced], [1, 1, "changed"]);
  assert.match(outcome.stderr, /^warning: .*changed since\n$/);
});

for (
  const [form, args] of [
    ["--key A --key B DIR", (a, b, dir) => ["--key", a, "--key", b, dir]],
    ["DIR --key A B", (a, b, dir) => [dir, "--key", a, b]],
  ] satisfies [string, (a: string, b: string, dir: string) => string[]][]
) {
  Deno.test(`sign takes several keys as ${form}`, async () => {
    await using dir = await scratch();
    const bundle = await writeBundle(dir.path);
    const [a, b] = await makeKeys(dir.path, "a", "b");
    const signed = document(await inProcess(["sign", ...args(a!, b!, bundle), "--json"]));
    assert.equal(signed.signatures, 2);
  });
}

Deno.test("sign --expires puts the date into the statement", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const [key] = await makeKeys(dir.path, "a");
  const sign = (date: string) =>
    inProcess(["sign", bundle, "--key", key!, "--expires", date, "--json"]);
  assert.equal(document(await sign("2999-01-31")).expiresAt, "2999-01-31T00:00:00.000Z");
  const other = document(await sign("2999-01-31T12:00:00+02:00"));
  assert.equal(other.expiresAt, "2999-01-31T10:00:00.000Z");
  assert.equal(other.replaced, "expiry");
  for (const bad of ["tomorrow", "2999-02-30", "2999-1-1", "2020-01-01", "2999-01-31T12:00"]) {
    failed(await sign(bad), "usage", 2);
  }
});

Deno.test("sign warns of a private key that others may read", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const [key] = await makeKeys(dir.path, "a");
  await Deno.chmod(key!, 0o640);
  const outcome = await sallyport(["sign", bundle, "--key", key!]);
  done(outcome);
  assert.match(outcome.stderr, /^warning: others may use .*a\.key" \(mode 0640\)/);
});

Deno.test("sign refuses what is not a private key, and names the file", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  await makeKeys(dir.path, "a");
  const sign = (key: string) => inProcess(["sign", bundle, "--key", key, "--json"]);
  assert.match(failed(await sign(`${dir.path}/a.pub`), "bad-config").message, /a\.pub.*public key/);
  assert.match(failed(await sign(`${dir.path}/none`), "bad-config").message, /none/);
  await Deno.writeTextFile(`${dir.path}/large`, "x".repeat(5_000));
  assert.match(failed(await sign(`${dir.path}/large`), "bad-config").message, /larger than 4096/);
  await assert.rejects(Deno.lstat(`${bundle}/plugin.sig.json`), Deno.errors.NotFound);
});

Deno.test("sign refuses a bundle that breaks a rule", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const [key] = await makeKeys(dir.path, "a");
  await Deno.symlink("/etc/hostname", `${bundle}/link`);
  const error = failed(
    await sallyport(["sign", bundle, "--key", key!, "--json"]),
    "bundle-invalid",
  );
  assert.match(error.message, /link/);
});

Deno.test("sign without a key is wrong usage", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const outcome = await sallyport(["sign", bundle]);
  assert.equal(outcome.code, 2);
  assert.match(outcome.stderr, /^error: Required option "--key <file>" not specified\n/);
});

/** Makes a sealed key, at little cost. */
async function makeSealedKey(dir: string, name: string, passphrase: string): Promise<string> {
  const { privateKey } = await generateKeyPair();
  const text = await encodeSealedKeyPem(privateKey, { passphrase }, { logN: 10 });
  await Deno.writeTextFile(`${dir}/${name}.key`, text, { mode: 0o600 });
  await Deno.writeTextFile(`${dir}/${name}.pass`, `${passphrase}\n`, { mode: 0o600 });
  return `${dir}/${name}.key`;
}

Deno.test("sign opens sealed keys, each with the passphrase that fits", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const [plain] = await makeKeys(dir.path, "plain");
  const a = await makeSealedKey(dir.path, "a", "first secret");
  const b = await makeSealedKey(dir.path, "b", "second secret");
  const files = ["a", "b"].flatMap((name) => ["--passphrase-file", `${dir.path}/${name}.pass`]);
  const outcome = await inProcess(["sign", bundle, "--key", b, plain!, a, ...files, "--json"]);
  assert.equal(document(outcome).signatures, 3);
  assert.equal(outcome.stderr, "");
});

Deno.test("sign asks for the passphrase of a sealed key at a terminal, three times", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const key = await makeSealedKey(dir.path, "a", "first secret");
  const outcome = await atTerminal(["sign", bundle, "--key", key], "wrong\n", "first secret\n");
  assert.match(done(outcome), /^Signed sample/);
  assert.match(outcome.stderr, /Enter the passphrase of ".*a\.key": \nThat is not its passphrase/);
  assert.ok(!outcome.stderr.includes("secret"));
});

Deno.test("sign says which sealed key it cannot open, and signs nothing", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const key = await makeSealedKey(dir.path, "a", "first secret");
  await Deno.writeTextFile(`${dir.path}/wrong`, "another secret", { mode: 0o640 });
  const sign = (...args: string[]) => inProcess(["sign", bundle, "--key", key, ...args, "--json"]);
  const wrong = await sign("--passphrase-file", `${dir.path}/wrong`);
  assert.match(failed(wrong, "bad-config").message, /a\.key": the passphrase is wrong/);
  assert.match(
    wrong.stderr,
    /^warning: others may use the passphrase file ".*wrong" \(mode 0640\)/,
  );
  assert.match(failed(await sign(), "usage", 2).hint, /--passphrase-file/);
  await assert.rejects(Deno.lstat(`${bundle}/plugin.sig.json`), Deno.errors.NotFound);
});

Deno.test("sign lists by name what it signed and what it left out, a bounded number for people", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const [key] = await makeKeys(dir.path, "a");
  const text = done(await inProcess(["sign", bundle, "--key", key!]));
  assert.match(text, /\n {2}files +2\n {4}main\.ts\n {4}plugin\.json\n$/);
  await Deno.writeTextFile(`${bundle}/.env`, "SECRET=1");
  const { message, hint } = failed(
    await inProcess(["sign", bundle, "--key", key!, "--json"]),
    "bundle-invalid",
  );
  assert.match(message, /"\.env" would be signed and given away$/);
  assert.match(hint, /sign --out DIR/);
  for (let n = 0; n < 50; n++) await Deno.writeTextFile(`${bundle}/${n}.txt`, "");
  const out = `${dir.path}/dist`;
  const copied = done(await inProcess(["sign", bundle, "--key", key!, "--out", out]));
  assert.match(copied, /\n {4}and 12 more: --json names all\n {2}left out: 1\n {4}\.env\n$/);
  const whole = document(
    await inProcess(["sign", bundle, "--key", key!, "--out", `${out}2`, "--json"]),
  );
  assert.equal(whole.files.length, 52);
  assert.deepEqual(whole.leftOut, [".env"]);
  done(await inProcess(["verify", out, "--key", `${dir.path}/a.pub`, "--isolation", "plain"]));
});

Deno.test("sign refuses the very key that it signs with", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const [key] = await makeKeys(bundle, "a");
  const { message } = failed(
    await inProcess(["sign", bundle, "--key", key!, "--json"]),
    "bundle-invalid",
  );
  assert.match(message, /"a\.key" holds a private key \(the very key that signs\)/);
});
