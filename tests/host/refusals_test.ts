import assert from "node:assert/strict";
import { PluginHost } from "../../src/host/host.ts";
import { encodePublicKeyPem } from "../../src/crypto/pem.ts";
import { silentLogger } from "../../src/log.ts";
import { refusedBundle } from "../../src/trust/verify/refusal.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";

const HELLO = "export default { methods: { hello: () => 'hello' } };\n";

Deno.test("a bundle for another version of the host is refused by that version", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("future", HELLO, { sdk: "^99.0.0" });
  const error = await assertRejectsWithCode(
    host.load(dir),
    "manifest-invalid",
    /\^99\.0\.0.*this is \d+\.\d+\.\d+/,
  );
  const { bundleHash, version } = refusedBundle(error)!;
  assert.match(bundleHash, /^[0-9a-f]{128}$/);
  assert.equal(version, "1.0.0");
  assert.equal(host.plugin("future")?.state, "failed");
  const plugin = await host.load(await test.bundle("present", HELLO, { sdk: ">=0.1.0 <1" }));
  assert.equal(plugin.state, "active");
});

Deno.test("a plugin that asks for more than it is granted is refused with the missing lines", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  const dir = await test.bundle("greedy", HELLO, { permissions: { net: ["example.com:443"] } });
  const error = await assertRejectsWithCode(
    host.load(dir),
    "permission-denied",
    /example\.com:443/,
  );
  assert.match(`${error.hint} ${JSON.stringify(error.details)}`, /grant/);
  assert.equal(host.plugin("greedy")?.state, "failed");
  await events.find("denied", "greedy");
});

Deno.test("a plugin whose module lacks a declared hook is not kept running", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: { default: { grant: { hooks: ["on_request"] } } } });
  const dir = await test.bundle("sample", HELLO, { hooks: [{ name: "on_request" }] });
  await assertRejectsWithCode(host.load(dir), "launch-failed", /declares the hook "on_request"/);
  assert.equal(host.plugin("sample")?.pid, undefined);
});

Deno.test("host methods that name an unknown plugin say so", async () => {
  await using test = await hostTest();
  const host = await test.open();
  assert.equal(host.plugin("ghost"), undefined);
  for (
    const act of [
      () => host.loadByName("ghost"),
      () => host.unload("ghost"),
      () => host.reload("ghost"),
      async () => await Promise.resolve(host.violations("ghost")),
    ]
  ) await assertRejectsWithCode(act, "bad-state", /"ghost".*not registered/);
  await assertRejectsWithCode(host.load(test.join("ghost")), "bundle-invalid");
});

Deno.test("a closed host refuses everything but another close", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("sample", HELLO);
  const plugin = await host.load(dir);
  await host.close();
  await host.close();
  for (
    const act of [
      () => host.load(dir),
      () => host.loadByName("sample"),
      () => host.reload("sample"),
      () => host.discover(test.plugins),
    ]
  ) await assertRejectsWithCode(act, "bad-state", /closed/);
  await assertRejectsWithCode(plugin.call("hello"), "bad-state");
  assert.equal(plugin.state, "inactive");
});

Deno.test("PluginHost.open() refuses options that it does not know or cannot use", async () => {
  await using test = await hostTest();
  const open = (options: object) => PluginHost.open({ logger: silentLogger, ...options });
  await assert.rejects(open({ datadir: "x" }), /unknown option "datadir"/);
  await assert.rejects(open({ keys: "abc" }), TypeError);
  await assert.rejects(open({ times: { startTimeoutMs: -1 } }), RangeError);
  await assert.rejects(open({ times: { startTimeoutMs: 0 } }), RangeError);
  await assert.rejects(open({ times: { drainMs: NaN } }), RangeError);
  await assert.rejects(open({ dataDir: new URL("https://example.com/") }), TypeError);
  for (
    const [options, pattern] of [
      [{ keys: ["abcd"] }, /4 hex digits, not 64/],
      [{ keys: [test.join("none.pub")] }, /none\.pub/],
      [{ keys: ["00".repeat(32)] }, /./],
      [{ policy: { grants: {} } }, /grants/],
      [{ policy: test.join("none.json") }, /none\.json/],
      [{ isolation: "bwarp" }, /bwarp/],
      [{ trustedPlugins: [{ name: "a", version: "1.0.0", hash: "abc" }] }, /trustedPlugins\[0\]/],
    ] as const
  ) await assertRejectsWithCode(open(options), "bad-config", pattern);
});

Deno.test("keys may be hex, PEM, or a file with either, with a name", async () => {
  await using test = await hostTest();
  const dir = await test.bundle("sample", HELLO);
  const pem = encodePublicKeyPem(test.keys.publicKey.raw);
  await Deno.writeTextFile(test.join("hex.pub"), `${test.keys.hex}\n`);
  await Deno.writeTextFile(test.join("pem.pub"), pem);
  const forms = [
    [test.keys.hex.toUpperCase(), undefined],
    [pem, undefined],
    [test.join("hex.pub"), "hex"],
    [new URL(`file://${test.join("pem.pub")}`), "pem"],
    [{ publicKey: test.keys.hex, name: "release" }, "release"],
  ] as const;
  for (const [key, name] of forms) {
    const host = await test.open({ keys: [key] });
    const [plugin] = await host.discover(test.plugins);
    assert.equal(plugin?.state, "available", dir);
    assert.deepEqual(plugin?.signers, [{ keyId: test.keys.id, ...(name && { name }) }]);
    await host.close();
  }
});

Deno.test("a grant to write the host's own folder, or what contains it, is refused", async () => {
  await using test = await hostTest();
  for (
    const [permission, path] of [
      ["write", test.dataDir],
      ["write", test.join()],
      ["write", `${test.dataDir}/runtime`],
    ] as const
  ) {
    const host = await test.open({ policy: { default: { grant: { [permission]: [path] } } } });
    const permissions = { [permission]: [path] };
    const dir = await test.bundle("sample", HELLO, { permissions });
    await assertRejectsWithCode(host.load(dir), "permission-denied", /cannot be granted/);
    await host.close();
  }
});

Deno.test("a logger that throws ends neither the host nor the plugin", async () => {
  await using test = await hostTest();
  const fail = () => {
    throw new Error("the disk of the log is full");
  };
  const host = await test.open({ logger: { debug: fail, info: fail, warn: fail, error: fail } });
  const plugin = await host.load(
    await test.bundle(
      "chatty",
      `import { writeSync } from "node:fs";
      export default { methods: { talk() { console.log("hello"); writeSync(2, "on stderr\\n"); return "said"; } } };`,
    ),
  );
  for (let i = 0; i < 3; i++) assert.equal(await plugin.call("talk"), "said");
  Deno.kill(plugin.pid!, "SIGKILL");
  await assertRejectsWithCode(plugin.call("talk"), "crashed");
});

Deno.test("a policy that asks for a containment which is not in force is refused", async () => {
  await using test = await hostTest();
  const dir = await test.bundle("sample", HELLO);
  for (
    const [entry, named] of [
      [{ network: "isolated" }, /network "isolated"/],
      [{ seccomp: "strict" }, /seccomp "strict"/],
    ] as const
  ) {
    const host = await test.open({ policy: { default: entry }, isolation: "plain" });
    const error = await assertRejectsWithCode(host.load(dir), "bad-config", named);
    assert.match(error.hint!, /less containment/);
    await host.close();
  }
  const entry = { isolation: "plain", network: "host", seccomp: "off" } as const;
  const host = await test.open({ policy: { default: entry }, isolation: "plain" });
  assert.equal((await host.load(dir)).state, "active"); // the control
});
