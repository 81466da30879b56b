import assert from "node:assert/strict";
import { assertRejectsWithCode, assertThrowsWithCode } from "../helpers/assert_code.ts";
import { TrustSource } from "../../src/host/admission/trust_source.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { processesNaming, settles, until } from "../helpers/process.ts";
import { makeBundle, signDir } from "../helpers/signing.ts";

const HELLO = "export default { methods: { hello: () => 'hello' } };\n";

Deno.test("two folders with one name that are loaded at once leave one plugin", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const first = await test.bundle("sample", HELLO);
  const second = `${test.plugins}/other`;
  await makeBundle(second, { "main.ts": HELLO }, { name: "sample", version: "2.0.0" });
  await signDir(second, test.keys);
  const results = await Promise.allSettled([host.load(first), host.load(second)]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(processesNaming(test.dataDir).length, 1);
  await host.close();
  assert.deepEqual(processesNaming(test.dataDir), []);
});

Deno.test("a load that is under way when the host closes leaves no process", async () => {
  await using test = await hostTest();
  const dir = await test.bundle("sample", HELLO);
  // at every stage of the load, as far as turns of the event loop tell them apart
  for (const waitMs of [0, 1, 2, 5, 10, 20, 40, 80]) {
    const host = await test.open();
    const load = host.load(dir).then(() => undefined, (error) => error);
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    await host.close();
    const error = await load;
    assert.deepEqual(processesNaming(test.dataDir), [], `after ${waitMs} ms`);
    if (error !== undefined) assert.match(error.code, /^(bad-state|cancelled)$/, String(error));
    assert.deepEqual(host.counts().active, 0);
    assert.deepEqual([...Deno.readDirSync(`${test.dataDir}/run`)], []);
  }
});

Deno.test("a start that hangs does not hold up the close of the host", async () => {
  await using test = await hostTest();
  const host = await test.open({ times: { startTimeoutMs: 600_000 } });
  const load = host.load(await test.fixture("silent")).then(() => undefined, (error) => error);
  await until(() => processesNaming(test.dataDir).length > 0, "the process has begun");
  await settles(host.close(), "the end of the host");
  assert.match((await load).code, /^(bad-state|cancelled)$/);
});

Deno.test("a discovery that is under way when the host closes ends", async () => {
  await using test = await hostTest();
  for (let i = 0; i < 10; i++) await test.bundle(`sample${i}`, HELLO);
  const host = await test.open();
  const discovery = host.discover(test.plugins).then(() => undefined, (error) => error);
  await host.close();
  const error = await discovery;
  assert.ok(error === undefined || /^(bad-state|cancelled)$/.test(error.code), String(error));
});

Deno.test("load() that is cancelled leaves no process, at whatever stage", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.fixture("silent");
  await assertRejectsWithCode(host.load(dir, { signal: AbortSignal.abort() }), "cancelled");
  const abort = new AbortController();
  const load = assertRejectsWithCode(host.load(dir, { signal: abort.signal }), "cancelled");
  while (processesNaming(test.dataDir).length === 0) await new Promise((r) => setTimeout(r, 1));
  abort.abort();
  await load;
  assert.deepEqual(processesNaming(test.dataDir), []);
  assert.equal(host.plugin("silent")?.pid, undefined);
});

Deno.test("calls, reloads and unloads at once keep their order and leave one process", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.bundle("sample", HELLO));
  const steps = await Promise.allSettled([
    plugin.call("hello"),
    host.reload("sample"),
    plugin.call("hello"),
    host.reload("sample"),
    plugin.call("hello"),
  ]);
  assert.deepEqual(steps.map(({ status }) => status), Array(5).fill("fulfilled"));
  assert.equal(processesNaming(test.dataDir).length, 1);

  await Promise.allSettled([host.reload("sample"), host.unload("sample"), host.reload("sample")]);
  const expected = plugin.state === "active" ? 1 : 0;
  assert.equal(processesNaming(test.dataDir).length, expected, plugin.state);
  await host.close();
  assert.deepEqual(processesNaming(test.dataDir), []);
});

Deno.test("a reload that an unload has overtaken does not bring the plugin back", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.bundle("sample", HELLO));
  const reload = host.reload("sample").then(() => undefined, (error) => error);
  await host.unload("sample");
  await reload;
  assert.equal(plugin.state, "inactive");
  assert.deepEqual(processesNaming(test.dataDir), []);
});

Deno.test("a plugin whose hook cannot be registered is not left running", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: { default: { grant: { hooks: ["crowded"] } } } });
  // fills the hook as far as the registry allows
  assertThrowsWithCode(() => {
    while (true) host.hooks.register("crowded", () => {});
  }, "limit-exceeded");
  const dir = await test.bundle(
    "sample",
    `export default { hooks: { crowded: (data) => data }, methods: { hello: () => 1 } };`,
    { hooks: [{ name: "crowded" }] },
  );
  await assertRejectsWithCode(host.load(dir), "limit-exceeded");
  assert.equal(host.plugin("sample")?.state, "failed");
  assert.equal(host.plugin("sample")?.pid, undefined);
  // the host may be compiling the bundle still
  await until(() => processesNaming(test.dataDir).length === 0, "no process is left");
});

Deno.test("a lazy plugin whose hook cannot be registered is not left half loaded", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: { default: { grant: { hooks: ["crowded"] } } } });
  assertThrowsWithCode(() => {
    while (true) host.hooks.register("crowded", () => {});
  }, "limit-exceeded");
  const dir = await test.bundle(
    "sample",
    `export default { hooks: { crowded: (data) => data }, methods: { hello: () => 1 } };`,
    { hooks: [{ name: "crowded" }] },
  );
  await assertRejectsWithCode(host.load(dir, { lazy: true }), "limit-exceeded");
  assert.equal(host.plugin("sample")?.state, "failed");
  await assertRejectsWithCode(host.plugin("sample")!.call("hello"), "bad-state");
});

Deno.test("a plugin that is taken down in the last step of a reload stays down", async () => {
  await using test = await hostTest();
  const policy = {
    default: {
      monitor: { logLinesPerSecond: 20 },
      violations: {
        responses: [{ at: 1, kind: "log-rate" as const, action: "quarantine" as const }],
      },
    },
  };
  const host = await test.open({ policy, monitor: { intervalMs: 100 } });
  const source = `export default { methods: { flood: async () => {
    for (;;) { console.log("more"); await new Promise((resolve) => setTimeout(resolve, 2)); }
  } } };`;
  const dir = await test.bundle("sample", source);
  const plugin = await host.load(dir);
  await test.bundle("sample", `${source}// 2`, { version: "2.0.0" });
  // stands for a disk that is slow to take the highest version: this is the last step
  const { record } = TrustSource.prototype;
  const { promise: down, resolve: isDown } = Promise.withResolvers<void>();
  TrustSource.prototype.record = async function (verified) {
    plugin.call("flood").catch(() => isDown());
    await down;
    await record.call(this, verified);
  };
  try {
    await assert.rejects(host.reload("sample"));
  } finally {
    TrustSource.prototype.record = record;
  }
  assert.equal(plugin.state, "quarantined");
  assert.equal(plugin.pid, undefined);
});

Deno.test("a plugin that crashes while it is unloaded ends as unloaded, not as failed", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  const plugin = await host.load(
    await test.bundle("sample", `export default { shutdown() { Deno.exit(9); } };`),
  );
  await host.unload("sample");
  assert.equal(plugin.state, "inactive");
  assert.ok(!events.story("sample").includes("crashed"), events.story("sample").join(", "));
});

Deno.test("a call that never ends leaves no timer behind when its plugin is unloaded", async () => {
  await using test = await hostTest();
  const host = await test.open({ times: { drainMs: 20 } });
  const plugin = await host.load(
    await test.bundle(
      "sample",
      `export default { methods: { never: () => new Promise(() => {}) } };`,
    ),
  );
  const never = assertRejectsWithCode(plugin.call("never"), "cancelled");
  await host.unload("sample"); // the sanitizer of this test sees a timer that is left
  await never;
});

Deno.test("two hosts share a folder, and neither takes the other's processes or files", async () => {
  await using test = await hostTest();
  const dir = await test.bundle("sample", HELLO);
  const [first, second] = await Promise.all([test.open(), test.open()]);
  const plugins = await Promise.all([first.load(dir), second.load(dir)]);
  assert.notEqual(plugins[0].pid, plugins[1].pid);
  assert.equal(await plugins[0].call("hello"), "hello");
  await first.close();
  assert.equal(await plugins[1].call("hello"), "hello");
  assert.equal(processesNaming(test.dataDir).length, 1);
});
