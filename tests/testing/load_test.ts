import assert from "node:assert/strict";
import { loadForTest, signForTest } from "../../src/testing/mod.ts";
import { PluginHost } from "../../src/host/host.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type Scratch, scratch, writeBundle } from "../cli/bundles.ts";

const MODULE = `import { definePlugin } from "@sallyport/host/plugin";

let context: import("@sallyport/host/plugin").PluginContext;
export default definePlugin({
  init(ctx) {
    context = ctx;
  },
  methods: {
    count: ({ text }: { text: string }) => text.split(" ").length,
    read: ({ path }: { path: string }) => Deno.readTextFileSync(path),
    price: ({ id }: { id: string }) => context.get("shop").price(id),
    setting: () => context.get("config").get("greeting"),
  },
  hooks: { on_text: (data: string) => data + " (plugin)" },
});
`;
const MANIFEST = {
  hooks: [{ name: "on_text" }],
  context: [{ key: "shop", access: "read" }, { key: "config", access: "read" }],
};

interface SampleModule {
  default: {
    methods: {
      count(params: { text: string }): number;
      read(params: { path: string }): string;
      price(params: { id: string }): Promise<number>;
      setting(): Promise<string>;
    };
  };
}

async function names(dir: Scratch | string): Promise<string[]> {
  const path = typeof dir === "string" ? dir : dir.path;
  return (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
}

Deno.test("loadForTest() loads an unsigned bundle, typed, and does not touch it", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path, MANIFEST, MODULE);
  {
    await using loaded = await loadForTest<SampleModule>(bundle);
    const count: number = await loaded.plugin.call("count", { text: "to be or" });
    assert.equal(count, 3);
    assert.equal(loaded.plugin.state, "active");
    // @ts-expect-error: there is no such method
    await assertRejectsWithCode(loaded.plugin.call("cuont", {}), "method-not-found");
  }
  assert.deepEqual(await names(bundle), ["main.ts", "plugin.json"]);
});

Deno.test("loadForTest() takes a file URL with a slash at its end", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path, MANIFEST, MODULE);
  await using loaded = await loadForTest(new URL(`file://${bundle}/`));
  assert.equal(loaded.plugin.name, "sample");
});

Deno.test("loadForTest() provides config, services and hooks of the application", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path, MANIFEST, MODULE);
  await using loaded = await loadForTest<SampleModule>(bundle, {
    config: { greeting: "hi" },
    services: {
      shop: { methods: { price: (id: string) => id.length }, access: { price: "read" } },
    },
    hooks: { on_text: (data) => `${data} (host)` },
  });
  assert.equal(await loaded.plugin.call("price", { id: "abc" }), 3);
  assert.equal(await loaded.plugin.call("setting"), "hi");
  assert.equal(await loaded.host.hooks.run("on_text", "text"), "text (host) (plugin)");
});

Deno.test("loadForTest() grants what the manifest asks for, and no more", async () => {
  await using dir = await scratch();
  const readable = `${dir.path}/readable`;
  await Deno.writeTextFile(readable, "yes");
  await Deno.writeTextFile(`${dir.path}/other`, "no");
  const manifest = { ...MANIFEST, permissions: { read: [readable] } };
  const bundle = await writeBundle(dir.path, manifest, MODULE);
  await using loaded = await loadForTest<SampleModule>(bundle);
  assert.equal(await loaded.plugin.call("read", { path: readable }), "yes");
  await assertRejectsWithCode(
    loaded.plugin.call("read", { path: `${dir.path}/other` }),
    "plugin-error",
    /read access/,
  );
});

Deno.test("loadForTest() refuses by the policy given", async () => {
  await using dir = await scratch();
  const manifest = { permissions: { net: ["example.com:443"] } };
  const bundle = await writeBundle(dir.path, manifest, "export default {};");
  await assertRejectsWithCode(loadForTest(bundle, { policy: {} }), "permission-denied");
  await using loaded = await loadForTest(bundle); // the control
  assert.equal(loaded.plugin.state, "active");
});

Deno.test("loadForTest() loads the plugins that it depends on", async () => {
  await using dir = await scratch();
  const base = await writeBundle(dir.path, { name: "base" }, "export default {};");
  const bundle = await writeBundle(
    dir.path,
    { dependencies: { base: "^1.0.0" } },
    "export default {};",
  );
  await assertRejectsWithCode(loadForTest(bundle), "bad-state", /"base"/);
  await using loaded = await loadForTest(bundle, { dependencies: [base] });
  assert.equal(loaded.host.plugin("base")?.state, "active");
});

Deno.test("loadForTest() leaves nothing behind, also when it fails", async () => {
  await using dir = await scratch();
  const good = await writeBundle(dir.path, { name: "good" }, "export default {};");
  const bad = await writeBundle(dir.path, { name: "bad" }, "throw new Error('no');");
  const script = `${dir.path}/script.ts`;
  const kit = new URL("../../src/testing/mod.ts", import.meta.url);
  await Deno.writeTextFile(
    script,
    `import { loadForTest } from ${JSON.stringify(kit.href)};
    { await using loaded = await loadForTest(${JSON.stringify(good)}); }
    try { await loadForTest(${JSON.stringify(bad)}); } catch (error) { console.log(error.code); }`,
  );
  const temporary = `${dir.path}/tmp`;
  await Deno.mkdir(temporary);
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", "--no-check", `--config=${config}`, script],
    env: { TMPDIR: temporary },
  }).output();
  assert.equal(
    new TextDecoder().decode(stdout),
    "launch-failed\n",
    new TextDecoder().decode(stderr),
  );
  assert.deepEqual(await names(temporary), []);
});

Deno.test("signForTest() signs a copy that a host with the key loads", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path, {}, "export default {};");
  await Deno.mkdir(`${bundle}/data/deep`, { recursive: true });
  await Deno.writeTextFile(`${bundle}/data/deep/words.txt`, "words");
  let copy: string;
  {
    await using signed = await signForTest(bundle);
    copy = signed.dir;
    assert.deepEqual(await names(copy), ["data", "main.ts", "plugin.json", "plugin.sig.json"]);
    await using host = await PluginHost.open({ keys: [signed.publicKey] });
    const plugin = await host.load(signed.dir);
    assert.equal(plugin.bundleHash, signed.bundleHash);
    assert.deepEqual(plugin.signers.map(({ keyId }) => keyId), [signed.keyId]);
    await using stranger = await PluginHost.open();
    await assertRejectsWithCode(stranger.load(signed.dir), "untrusted");
  }
  await assert.rejects(Deno.lstat(copy), Deno.errors.NotFound);
  assert.deepEqual(await names(bundle), ["data", "main.ts", "plugin.json"]);
});

Deno.test("signForTest() signs with the key and the expiry given", async () => {
  await using dir = await scratch();
  const bundle = await writeBundle(dir.path, {}, "export default {};");
  const privateKey = new Uint8Array(32).fill(7);
  await using a = await signForTest(bundle, { privateKey });
  await using b = await signForTest(bundle, { privateKey, expiresAt: new Date("2999-01-01") });
  assert.equal(a.publicKey, b.publicKey);
  assert.equal(a.bundleHash, b.bundleHash);
});

Deno.test("signForTest() refuses what is no bundle", async () => {
  await using dir = await scratch();
  await assertRejectsWithCode(signForTest(dir.path), "bundle-invalid");
});
