import assert from "node:assert/strict";
import { scratch, signedBundle, writeBundle, writePolicy } from "../bundles.ts";
import { document, done, failed, inProcess, sallyport } from "../sallyport.ts";

Deno.test("verify says who signed, and that it would load", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path);
  const outcome = await sallyport(["verify", bundle, "--key", pub]);
  const text = done(outcome);
  assert.match(text, /^sample 1\.2\.3\n/);
  assert.match(text, /signed by +[0-9a-f]{16} \(author\)\n/);
  assert.match(text, /\nIt would load, with nothing but its own bundle\n$/);
  assert.ok(!text.includes("\u001b"));
  assert.equal(outcome.stderr, "");
});

Deno.test("verify --json prints one document", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path);
  const args = ["verify", bundle, "--key", pub, "--isolation", "plain", "--json"];
  const verified = document(await sallyport(args));
  assert.deepEqual(
    [verified.name, verified.version, verified.wouldLoad, verified.isolation],
    ["sample", "1.2.3", true, "plain"],
  );
  assert.equal(verified.signers.length, 1);
  assert.equal(verified.signers[0].name, "author");
  assert.equal(verified.bundleHash, done(await inProcess(["hash", bundle])).trim());
  assert.deepEqual(verified.permissions.net, []);
});

Deno.test("verify takes a key in hex", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const made = document(await inProcess(["keygen", "k", "--dir", dir.path, "--json"]));
  done(await inProcess(["sign", bundle, "--key", `${dir.path}/k.key`]));
  done(await sallyport(["verify", bundle, "--key", made.publicKey]));
});

Deno.test("verify refuses without a key, with another key, and without a signature", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path);
  const bare = await sallyport(["verify", bundle]);
  assert.equal(bare.code, 1);
  assert.equal(bare.stdout, "");
  assert.match(bare.stderr, /^error: .*\n {2}code: untrusted\n {2}hint: .+\n$/);
  done(await inProcess(["keygen", "other", "--dir", dir.path]));
  const other = ["--key", `${dir.path}/other.pub`, "--json"];
  failed(await sallyport(["verify", bundle, ...other]), "untrusted");
  await Deno.remove(`${bundle}/plugin.sig.json`);
  failed(await inProcess(["verify", bundle, "--key", pub, "--json"]), "untrusted");
});

Deno.test("verify names what changed after signing", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path);
  const verify = () => inProcess(["verify", bundle, "--key", pub, "--json"]);
  done(await verify());
  await Deno.writeTextFile(`${bundle}/extra.ts`, "");
  assert.match(failed(await verify(), "bundle-invalid").message, /extra\.ts/);
  await Deno.remove(`${bundle}/extra.ts`);
  await Deno.writeTextFile(`${bundle}/main.ts`, "\n", { append: true });
  assert.match(failed(await verify(), "hash-mismatch").message, /main\.ts/);
});

Deno.test("verify refuses an expired signature", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  done(await inProcess(["keygen", "k", "--dir", dir.path]));
  const soon = new Date(Date.now() + 1_500);
  const { signBundle } = await import("../../../src/bundle/signing/signing.ts");
  const { decodePrivateKeyPem } = await import("../../../src/crypto/pem.ts");
  const seed = decodePrivateKeyPem(await Deno.readTextFile(`${dir.path}/k.key`));
  await signBundle(bundle, [seed], { expiresAt: soon });
  while (new Date() <= soon) await new Promise((next) => setTimeout(next, 20));
  const args = ["verify", bundle, "--key", `${dir.path}/k.pub`, "--json"];
  failed(await inProcess(args), "expired");
});

Deno.test("verify judges by the policy, as the host does", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path, {
    permissions: { net: ["example.com:443"] },
    dependencies: { other: "^1.0.0" },
  });
  const human = await sallyport(["verify", bundle, "--key", pub]);
  assert.equal(human.code, 1);
  assert.match(human.stdout, /signed by +[0-9a-f]{16} \(author\)\n/);
  assert.match(human.stderr, /net "example\.com:443" is not granted/);
  const denied = failed(
    await inProcess(["verify", bundle, "--key", pub, "--json"]),
    "permission-denied",
  );
  assert.match(denied.hint, /"grant": \{ "net": \["example\.com:443"\] \}/);

  const policy = await writePolicy(dir.path, {
    plugins: { sample: { grant: { net: ["example.com:443"] } } },
  });
  const args = ["verify", bundle, "--key", pub, "--policy", policy];
  assert.match(done(await sallyport(args)), /It would load, once "other" \^1\.0\.0/);
  const verified = document(await inProcess([...args, "--json"]));
  assert.deepEqual(verified.permissions.net, ["example.com:443"]);
  assert.deepEqual(verified.dependencies, { other: "^1.0.0" });
});

Deno.test("verify refuses a policy with a mistake, and an isolation that is not there", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path);
  const policy = await writePolicy(dir.path, { plugin: {} });
  const args = ["verify", bundle, "--key", pub, "--json"];
  failed(await inProcess([...args, "--policy", policy]), "bad-config");
  failed(await inProcess([...args, "--policy", `${dir.path}/none.json`]), "bad-config");
  failed(await inProcess([...args, "--key", "abc123"]), "bad-config");
});

Deno.test("verify leaves nothing behind", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path);
  const temporary = `${dir.path}/tmp`;
  await Deno.mkdir(temporary);
  done(await sallyport(["verify", bundle, "--key", pub], { env: { TMPDIR: temporary } }));
  assert.deepEqual([...Deno.readDirSync(temporary)], []);
});
