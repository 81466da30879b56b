import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { getPublicKey, keyId, sign, verify } from "../../../src/crypto/ed25519.ts";
import { decodePrivateKeyPem, decodePublicKeyPem } from "../../../src/crypto/pem.ts";
import { decodeSealedKeyPem, isSealedKeyPem } from "../../../src/crypto/sealed_key.ts";
import { scratch } from "../bundles.ts";
import { document, done, failed, inProcess, sallyport } from "../sallyport.ts";
import { atTerminal } from "../terminal.ts";

const OPENSSL = await new Deno.Command("openssl", { args: ["version"], stdout: "null" }).output()
  .then(({ success }) => success, () => false);

async function openssl(...args: string[]): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command("openssl", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return stdout;
}

async function mode(path: string): Promise<string> {
  return ((await Deno.lstat(path)).mode! & 0o777).toString(8);
}

async function names(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir), ({ name }) => name)).sort();
}

Deno.test("keygen writes both files with safe modes and prints key id and public key", async () => {
  await using dir = await scratch();
  const text = done(await sallyport(["keygen", "author"], { cwd: dir.path }));
  assert.equal(await mode(`${dir.path}/keys`), "700");
  assert.equal(await mode(`${dir.path}/keys/author.key`), "600");
  assert.equal(await mode(`${dir.path}/keys/author.pub`), "644");
  assert.deepEqual(await names(`${dir.path}/keys`), ["author.key", "author.pub"]);
  const raw = decodePublicKeyPem(await Deno.readTextFile(`${dir.path}/keys/author.pub`));
  const hex = raw.toHex();
  assert.match(text, new RegExp(`public key +${hex}\n`));
  const id = createHash("sha3-512").update(raw).digest("hex").slice(0, 16);
  assert.match(text, new RegExp(`key id +${id}\n`));
});

Deno.test("keygen --json prints one document", async () => {
  await using dir = await scratch();
  const outcome = await sallyport(["keygen", "a.b-c_1", "--dir", dir.path, "--json"]);
  const key = document(outcome);
  assert.equal(outcome.stderr, "");
  assert.equal(key.name, "a.b-c_1");
  assert.match(key.publicKey, /^[0-9a-f]{64}$/);
  assert.equal(key.keyId, keyId(Uint8Array.fromHex(key.publicKey)));
  assert.equal(key.privateKeyFile, `${dir.path}/a.b-c_1.key`);
  assert.equal(key.publicKeyFile, `${dir.path}/a.b-c_1.pub`);
});

Deno.test({
  name: "keygen's files are read by openssl, and signatures verify both ways",
  ignore: !OPENSSL,
  async fn() {
    await using dir = await scratch();
    done(await sallyport(["keygen", "author", "--dir", dir.path]));
    const [key, pub] = [`${dir.path}/author.key`, `${dir.path}/author.pub`];
    assert.match(
      new TextDecoder().decode(await openssl("pkey", "-in", key, "-noout", "-text")),
      /ED25519 Private-Key/,
    );
    const derived = await openssl("pkey", "-in", key, "-pubout");
    assert.deepEqual(derived, await Deno.readFile(pub));

    const [message, signature] = [`${dir.path}/message`, `${dir.path}/signature`];
    const bytes = crypto.getRandomValues(new Uint8Array(1_000));
    await Deno.writeFile(message, bytes);
    await openssl("pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", message, "-out", signature);
    const raw = decodePublicKeyPem(await Deno.readTextFile(pub));
    assert.ok(await verify(await Deno.readFile(signature), bytes, raw));

    const seed = decodePrivateKeyPem(await Deno.readTextFile(key));
    await Deno.writeFile(signature, await sign(bytes, seed));
    await openssl(
      ...["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pub, "-in", message],
      ...["-sigfile", signature],
    );
  },
});

Deno.test("keygen refuses to overwrite the private key", async () => {
  await using dir = await scratch();
  done(await inProcess(["keygen", "author", "--dir", dir.path]));
  const before = await Deno.readTextFile(`${dir.path}/author.key`);
  const human = await sallyport(["keygen", "author", "--dir", dir.path]);
  assert.equal(human.code, 1);
  assert.equal(human.stdout, "");
  assert.match(
    human.stderr,
    /^error: Cannot write ".*author\.key": it exists\n {2}code: bad-state\n/,
  );
  assert.match(human.stderr, /\n {2}hint: .*--force/);
  failed(await sallyport(["keygen", "author", "--dir", dir.path, "--json"]), "bad-state");
  assert.equal(await Deno.readTextFile(`${dir.path}/author.key`), before);
});

Deno.test("keygen leaves no private key behind when the public one is there", async () => {
  await using dir = await scratch();
  await Deno.writeTextFile(`${dir.path}/author.pub`, "somebody's");
  const error = failed(
    await inProcess(["keygen", "author", "--dir", dir.path, "--json"]),
    "bad-state",
  );
  assert.match(error.message, /author\.pub/);
  assert.deepEqual(await names(dir.path), ["author.pub"]);
  assert.equal(await Deno.readTextFile(`${dir.path}/author.pub`), "somebody's");
});

Deno.test("keygen does not write through a link", async () => {
  await using dir = await scratch();
  await Deno.symlink(`${dir.path}/elsewhere`, `${dir.path}/author.key`);
  failed(await inProcess(["keygen", "author", "--dir", dir.path, "--json"]), "bad-state");
  assert.deepEqual(await names(dir.path), ["author.key"]);
});

Deno.test("keygen --force replaces both files, keeps the modes and leaves nothing else", async () => {
  await using dir = await scratch();
  await Deno.writeTextFile(`${dir.path}/author.key`, "old", { mode: 0o644 });
  await Deno.symlink(`${dir.path}/elsewhere`, `${dir.path}/author.pub`);
  const args = ["keygen", "author", "--dir", dir.path, "--force", "--json"];
  const { publicKey } = document(await inProcess(args));
  const raw = decodePublicKeyPem(await Deno.readTextFile(`${dir.path}/author.pub`));
  assert.equal(raw.toHex(), publicKey);
  assert.equal(await mode(`${dir.path}/author.key`), "600");
  assert.equal(await mode(`${dir.path}/author.pub`), "644");
  assert.deepEqual(await names(dir.path), ["author.key", "author.pub"]);
});

Deno.test("keygen --force keeps the private key when the public one cannot be replaced", async () => {
  await using dir = await scratch();
  await Deno.writeTextFile(`${dir.path}/author.key`, "old");
  await Deno.mkdir(`${dir.path}/author.pub`);
  const args = ["keygen", "author", "--dir", dir.path, "--force", "--json"];
  failed(await inProcess(args), "bad-config");
  assert.equal(await Deno.readTextFile(`${dir.path}/author.key`), "old");
  assert.deepEqual(await names(dir.path), ["author.key", "author.pub"]);
});

Deno.test("keygen says why it cannot write", async () => {
  await using dir = await scratch();
  await Deno.writeTextFile(`${dir.path}/file`, "");
  failed(
    await inProcess(["keygen", "a", "--dir", `${dir.path}/file/keys`, "--json"]),
    "bad-config",
  );
});

for (const name of ["", "../x", "a/b", ".hidden", "-x y", "a\u001b[31m", "x".repeat(65)]) {
  Deno.test(`keygen refuses the name ${JSON.stringify(name)}`, async () => {
    await using dir = await scratch();
    const args = ["keygen", "--dir", dir.path, "--json", "--", name];
    // the form is told by what is before "--"
    failed(await inProcess(args), "usage", 2);
    assert.deepEqual(await names(dir.path), []);
  });
}

Deno.test("keygen --seal writes a private key that only its passphrase opens", async () => {
  await using dir = await scratch();
  await Deno.writeTextFile(`${dir.path}/pass`, "tell nobody\n", { mode: 0o600 });
  const args = ["keygen", "a", "--dir", dir.path, "--seal", "--passphrase-file"];
  const outcome = await inProcess([...args, `${dir.path}/pass`, "--json"]);
  const { sealed, publicKey } = document(outcome);
  assert.equal(sealed, true);
  assert.equal(outcome.stderr, "");
  assert.equal(await mode(`${dir.path}/a.key`), "600");
  const text = await Deno.readTextFile(`${dir.path}/a.key`);
  assert.throws(() => decodePrivateKeyPem(text));
  const seed = await decodeSealedKeyPem(text, { passphrase: "tell nobody" });
  assert.equal((await getPublicKey(seed)).toHex(), publicKey);
});

Deno.test("keygen --seal asks twice at a terminal, and says nothing of the answer", async () => {
  await using dir = await scratch();
  const args = ["keygen", "a", "--dir", dir.path, "--seal"];
  const outcome = await atTerminal(args, "tell nobody\n", "tell nobody\n");
  assert.match(done(outcome), /signs as you, with its passphrase/);
  assert.ok(!(outcome.stderr + outcome.stdout).includes("nobody"));
  assert.ok(isSealedKeyPem(await Deno.readTextFile(`${dir.path}/a.key`)));
  const interrupted = await atTerminal(["keygen", "b", "--dir", dir.path, "--seal"], "abc\u0003");
  assert.equal(interrupted.code, 130);
  assert.deepEqual(await names(dir.path), ["a.key", "a.pub"]);
});

Deno.test("keygen --seal refuses a passphrase that is short, missing or idle", async () => {
  await using dir = await scratch();
  await Deno.writeTextFile(`${dir.path}/pass`, "short\n", { mode: 0o600 });
  const keygen = (...args: string[]) =>
    inProcess(["keygen", "a", "--dir", `${dir.path}/keys`, ...args, "--json"]);
  const file = ["--passphrase-file", `${dir.path}/pass`];
  assert.match(failed(await keygen("--seal", ...file), "bad-config").message, /fewer than 8/);
  failed(await keygen("--seal", "--passphrase-file", `${dir.path}/none`), "bad-config");
  assert.match(failed(await keygen("--seal"), "usage", 2).hint, /--passphrase-file/);
  assert.match(failed(await keygen(...file), "usage", 2).hint, /--seal/);
  await assert.rejects(Deno.lstat(`${dir.path}/keys`), Deno.errors.NotFound);
});

Deno.test("keygen names its own option where no person can be asked for a passphrase", async () => {
  await using dir = await scratch();
  const asked = await sallyport(["keygen", "author", "--seal", "--json"], { cwd: dir.path });
  const { message, hint } = failed(asked, "usage", 2);
  assert.match(message, /not a terminal/);
  assert.equal(hint, "Pass --passphrase-file");
});
