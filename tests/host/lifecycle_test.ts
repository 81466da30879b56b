import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { isAlive } from "../helpers/process.ts";
import { makeBundle, signDir } from "../helpers/signing.ts";

const HELLO = "export default { methods: { hello: () => 'hello' } };\n";
const saying = (word: string) => `export default { methods: { say: () => "${word}" } };\n`;

Deno.test("a plugin goes through its states, each with an event", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", HELLO));
  const loaded = await events.find("loaded", "sample");
  assert.deepEqual([loaded.version, loaded.bundleHash, loaded.pid], [
    "1.0.0",
    plugin.bundleHash,
    plugin.pid,
  ]);
  await host.reload("sample");
  const reloaded = await events.find("reloaded", "sample");
  assert.equal(reloaded.pid, plugin.pid);
  await host.unload("sample", { reason: "no longer needed" });
  assert.equal((await events.find("unloaded", "sample")).reason, "no longer needed");
  assert.equal(plugin.state, "inactive");
  await host.loadByName("sample");
  assert.deepEqual(events.story("sample"), [
    "state:starting",
    "state:active",
    "loaded",
    "reloaded",
    "state:draining",
    "state:inactive",
    "unloaded",
    "state:starting",
    "state:active",
    "loaded",
  ]);
});

Deno.test("events() ends with the host, and with its signal", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const abort = new AbortController();
  const bySignal = host.events({ signal: abort.signal });
  const byHost = host.events();
  abort.abort();
  assert.equal((await bySignal.next()).done, true);
  await host.load(await test.bundle("sample", HELLO));
  await host.close();
  const types = (await Array.fromAsync(byHost)).map(({ type }) => type);
  assert.deepEqual(types.slice(-2), ["state", "unloaded"]);
});

Deno.test("what a plugin emits is an event of the host under its name", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  await host.load(
    await test.bundle(
      "sample",
      `export default { init(ctx) { ctx.emit("ready", { count: 1 }); } };`,
    ),
  );
  const event = await events.find("emitted", "sample");
  assert.deepEqual([event.event, event.data], ["ready", { count: 1 }]);
});

Deno.test("reload() takes up a new version, and calls in flight finish with the old", async () => {
  await using test = await hostTest();
  const host = await test.open({ times: { drainMs: 5_000 } });
  const slow = (word: string) =>
    `export default { methods: {
      say: () => "${word}",
      async slow() { console.log("begun"); await new Promise((r) => setTimeout(r, 200)); return "${word}"; },
    } };`;
  const dir = await test.bundle("sample", slow("old"), { version: "1.0.0" });
  const plugin = await host.load(dir);
  const oldPid = plugin.pid!;
  const pending = plugin.call("slow");
  await test.logger.find(({ message }) => message === "begun");
  await test.bundle("sample", slow("new"), { version: "1.1.0" });
  await plugin.reload();
  assert.equal(await pending, "old");
  assert.equal(await plugin.call("say"), "new");
  assert.deepEqual([plugin.version, plugin.state], ["1.1.0", "active"]);
  assert.notEqual(plugin.pid, oldPid);
  assert.ok(!isAlive(oldPid));
});

Deno.test("reload() that fails leaves the running plugin as it is", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("sample", saying("old"));
  const plugin = await host.load(dir);
  const { pid } = plugin;
  const failures = {
    "hash-mismatch": () => Deno.writeTextFile(`${dir}/main.ts`, saying("changed")),
    "launch-failed": () => test.bundle("sample", "throw new Error('at import');"),
    "permission-denied": () =>
      test.bundle("sample", saying("greedy"), { permissions: { net: ["example.com:443"] } }),
    "bad-state": async () => {
      await makeBundle(dir, { "main.ts": saying("renamed") }, { name: "renamed" });
      await signDir(dir, test.keys);
    },
  } as const;
  for (const [code, change] of Object.entries(failures)) {
    await change();
    await assertRejectsWithCode(host.reload("sample"), code as keyof typeof failures);
    assert.deepEqual([plugin.state, plugin.pid, plugin.version], ["active", pid, "1.0.0"]);
    assert.equal(await plugin.call("say"), "old");
  }
});

Deno.test("unload() finishes the calls in flight, as long as it may", async () => {
  await using test = await hostTest();
  const host = await test.open({ times: { drainMs: 300 } });
  const plugin = await host.load(
    await test.bundle(
      "sample",
      `export default { methods: {
        async soon() { console.log("soon begun"); await new Promise((r) => setTimeout(r, 100)); return "done"; },
        never() { console.log("never begun"); return new Promise(() => {}); },
      }, async shutdown() { console.log("shutting down"); } };`,
    ),
  );
  const soon = plugin.call("soon");
  const never = plugin.call("never");
  const failed = assertRejectsWithCode(never, "cancelled", /was unloaded/);
  await test.logger.find(({ message }) => message === "never begun");
  await host.unload("sample");
  assert.equal(await soon, "done");
  await failed;
  await test.logger.find(({ message }) => message === "shutting down");
  await assertRejectsWithCode(plugin.call("soon"), "bad-state", /it is inactive/);
  await host.unload("sample"); // again: nothing to do
  assert.deepEqual([plugin.pid, plugin.methods, plugin.sandbox], [undefined, [], undefined]);
});

Deno.test("unloadAll() and disposal end every plugin", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugins = await Promise.all(
    ["a", "b", "c"].map(async (name) => await host.load(await test.bundle(name, HELLO))),
  );
  const pids = plugins.map(({ pid }) => pid!);
  await plugins[0]![Symbol.asyncDispose]();
  assert.deepEqual(plugins.map(({ state }) => state), ["inactive", "active", "active"]);
  await host.unloadAll();
  assert.ok(plugins.every(({ state }) => state === "inactive"));
  assert.ok(!pids.some(isAlive));
  assert.equal(host.counts().inactive, 3);
});

Deno.test("reload() of a plugin that was not started yet takes up the new bundle", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.bundle("sample", saying("old")), { lazy: true });
  await test.bundle("sample", saying("new"), { version: "2.0.0" });
  await plugin.reload();
  assert.equal(await plugin.call("say"), "new");
  assert.equal(plugin.version, "2.0.0");
  assert.equal(host.counts().total, 1);
});

Deno.test("lazy loading starts a plugin when a hook of it runs", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: { default: { grant: { hooks: ["on_request"] } } } });
  const dir = await test.bundle(
    "sample",
    `export default { hooks: { on_request: (data) => ({ ...data, seen: true }) } };`,
    { hooks: [{ name: "on_request" }] },
  );
  const plugin = await host.load(dir, { lazy: true });
  assert.equal(plugin.state, "available");
  assert.deepEqual(await host.hooks.run("on_request", { path: "/" }), { path: "/", seen: true });
  assert.equal(plugin.state, "active");
  await host.unload("sample");
  assert.deepEqual(await host.hooks.run("on_request", { path: "/" }), { path: "/" });
});

Deno.test("a lazy plugin that cannot start fails the call that started it, and then says why", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("init_throws"), { lazy: true });
  await assertRejectsWithCode(plugin.call("any"), "launch-failed", /cannot begin/);
  assert.equal(plugin.state, "failed");
  await assertRejectsWithCode(plugin.call("any"), "bad-state", /cannot begin/);
});
