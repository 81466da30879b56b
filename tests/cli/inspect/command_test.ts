import assert from "node:assert/strict";
import { scratch, signedBundle, writeBundle, writePolicy } from "../bundles.ts";
import { document, done, failed, inProcess, sallyport } from "../sallyport.ts";

const MANIFEST = {
  author: "Ada \u202eLovelace",
  description: "Counts",
  permissions: { net: ["example.com:443", "example.org:443"], read: ["/etc/hosts"] },
  context: [{ key: "kv", access: "readwrite", reason: "keeps counts" }],
  hooks: [{ name: "on_text", priority: 150 }],
  limits: { callTimeoutMs: 1_000 },
  storage: { quotaBytes: 1_024 },
};

Deno.test("inspect shows all about a trusted bundle", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path, MANIFEST);
  const policy = await writePolicy(dir.path, {
    plugins: {
      sample: {
        grant: {
          net: ["example.com:443", "example.org:443"],
          read: ["/etc/hosts"],
          context: { kv: "read" },
          hooks: ["on_text"],
        },
      },
    },
  });
  const trust = ["--key", pub, "--policy", policy, "--isolation", "plain"];
  const args = ["inspect", bundle, ...trust];
  const outcome = await sallyport([...args, "--json"]);
  const found = document(outcome);
  assert.equal(outcome.stderr, "");
  assert.deepEqual([found.name, found.version, found.trusted, found.wouldLoad], [
    "sample",
    "1.2.3",
    true,
    true,
  ]);
  assert.equal(found.reason, undefined);
  assert.deepEqual(found.files.map((file: { path: string }) => file.path), [
    "main.ts",
    "plugin.json",
  ]);
  assert.deepEqual(found.signatures.map((one: { status: string }) => one.status), ["trusted"]);
  assert.deepEqual(found.requested.hooks, MANIFEST.hooks);
  assert.deepEqual(found.effective.net, ["example.com:443", "example.org:443"]);
  assert.deepEqual(found.effective.context, { kv: "read" });
  assert.equal(found.effective.limits.callTimeoutMs, 1_000);
  assert.deepEqual(found.missing.context, [{ key: "kv", asked: "readwrite", granted: "read" }]);
  assert.deepEqual(found.missing.policy, {
    plugins: { sample: { grant: { context: { kv: "readwrite" } } } },
  });
  assert.deepEqual(found.exposure.hooks, ["on_text (priority 150)"]);
  assert.deepEqual(found.exposure.services, ["kv (read)"]);

  const argv: string[] = found.launch.args;
  assert.ok(argv.includes("--deny-run"));
  const lane = "<data>/run/<run>/1/io/lane";
  assert.ok(argv.includes(`--allow-net=example.com:443,example.org:443,unix:${lane}`));
  assert.deepEqual(found.launch.givenUp, [
    { family: "net", value: `unix:${lane}` },
    { family: "read", value: lane },
    { family: "write", value: lane },
  ]);
  assert.ok(
    argv.some((flag) => flag.startsWith(`--allow-read=<data>/store/${found.bundleHash},`)),
    argv.join("\n"),
  );
  assert.match(argv.at(-1)!, /^<data>\/runtime\/.*\/bootstrap\.js$/);
  assert.deepEqual(found.launch.env, {
    DENO_DIR: "<data>/run/<run>/1/deno",
    DENO_NO_UPDATE_CHECK: "1",
    DENO_WEBGPU_BACKEND: "noop",
    NO_COLOR: "1",
  });
  assert.equal(found.sandbox.launcher, "plain");

  const text = done(await sallyport(args));
  assert.match(text, /^sample 1\.2\.3 {2}trusted, would load\n/);
  assert.match(text, /author +Ada \\u202eLovelace\n/);
  for (const title of ["Signatures", "Files", "It asks for", "Exposure", "Sandbox", "Command"]) {
    assert.match(text, new RegExp(`^${title}$`, "m"));
  }
  assert.match(text, /can send anything it knows to +example\.com:443, example\.org:443\n/);
  assert.match(text, /not in force: no namespaces/);
});

Deno.test("inspect works for an untrusted bundle and says so", async () => {
  await using dir = await scratch();
  const { dir: bundle } = await signedBundle(dir.path);
  const found = document(await sallyport(["inspect", bundle, "--json"]));
  assert.deepEqual([found.trusted, found.wouldLoad, found.reason.code], [
    false,
    false,
    "untrusted",
  ]);
  assert.deepEqual(found.signatures.map((one: { status: string }) => one.status), ["unknown"]);
  const text = done(await sallyport(["inspect", bundle]));
  assert.match(text, /^sample 1\.2\.3 {2}NOT TRUSTED \(untrusted\)\n/);
  assert.match(text, /unknown key/);
});

Deno.test("inspect works for an unsigned bundle", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path);
  const found = document(await inProcess(["inspect", bundle, "--json"]));
  assert.deepEqual([found.trusted, found.signatures], [false, []]);
  assert.match(done(await inProcess(["inspect", bundle])), /\nSignatures\n {2}none\n/);
});

Deno.test("inspect distinguishes a forged signature from an unknown one", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path);
  const path = `${bundle}/plugin.sig.json`;
  const envelope = JSON.parse(await Deno.readTextFile(path));
  const sig = Uint8Array.fromBase64(envelope.signatures[0].sig);
  sig[0]! ^= 1;
  envelope.signatures[0].sig = sig.toBase64();
  await Deno.writeTextFile(path, JSON.stringify(envelope));
  const found = document(await inProcess(["inspect", bundle, "--key", pub, "--json"]));
  assert.deepEqual(found.signatures.map((one: { status: string }) => one.status), ["invalid"]);
  assert.equal(found.reason.code, "signature-invalid");
});

Deno.test("inspect prints the exact policy lines for what is missing", async () => {
  await using dir = await scratch();
  const { dir: bundle, pub } = await signedBundle(dir.path, MANIFEST);
  const policy = await writePolicy(dir.path, {
    plugins: { sample: { grant: { net: ["example.com:443"] } } },
  });
  const args = ["inspect", bundle, "--key", pub, "--policy", policy];
  const found = document(await inProcess([...args, "--json"]));
  assert.deepEqual([found.trusted, found.wouldLoad], [true, false]);
  assert.equal(found.reason.code, "permission-denied");
  assert.deepEqual(
    found.missing.excess.map((one: { value: string }) => one.value).sort(),
    ["/etc/hosts", "example.org:443", "on_text"],
  );
  // what would be started with the rest
  assert.deepEqual(found.effective.net, ["example.com:443"]);
  const text = done(await inProcess(args));
  assert.match(text, /trusted, but refused \(permission-denied\)/);
  const [, lines] = /write in the policy:\n {4}(.*)\n/.exec(text)!;
  assert.deepEqual(JSON.parse(`{${lines}}`), found.missing.policy);

  // pasted into the policy, it grants it all
  const granted = await writePolicy(dir.path, found.missing.policy);
  const again = document(
    await inProcess(["inspect", bundle, "--key", pub, "--policy", granted, "--json"]),
  );
  assert.equal(again.wouldLoad, true);
  assert.deepEqual(again.missing, { excess: [], context: [] });
});

Deno.test("inspect fails for what is no bundle at all", async () => {
  await using dir = await scratch();
  failed(await inProcess(["inspect", dir.path, "--json"]), "bundle-invalid");
});

Deno.test("inspect starts nothing and leaves nothing behind", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path, {}, `Deno.writeTextFileSync("ran", "");\n`);
  const temporary = `${dir.path}/tmp`;
  await Deno.mkdir(temporary);
  const env = { TMPDIR: temporary };
  done(await sallyport(["inspect", bundle], { env, cwd: dir.path }));
  assert.deepEqual([...Deno.readDirSync(temporary)], []);
  const names = [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort();
  assert.deepEqual(names, ["sample", "tmp"]);
});
