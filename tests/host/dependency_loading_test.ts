import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";

const HELLO = "export default { methods: { hello: () => 'hello' } };\n";

Deno.test("load() starts what a plugin depends on first, each once", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  await test.bundle("base", HELLO, { version: "2.3.0" });
  await test.bundle("left", HELLO, { dependencies: { base: "^2.0.0" } });
  await test.bundle("right", HELLO, { dependencies: { base: ">=2.1 <3" } });
  const top = await test.bundle("top", HELLO, { dependencies: { right: "*", left: "1.x" } });
  await host.discover(test.plugins);
  await host.load(top);
  const order = events.seen.flatMap((event) => event.type === "loaded" ? [event.plugin] : []);
  assert.deepEqual(order, ["base", "left", "right", "top"]);
  assert.equal(host.counts().active, 4);
});

Deno.test("load() refuses a missing, unsuitable or circular dependency by name", async () => {
  await using test = await hostTest();
  const host = await test.open();
  await test.bundle("old", HELLO, { version: "1.0.0" });
  await test.bundle("needs-ghost", HELLO, { dependencies: { ghost: "^1.0.0" } });
  await test.bundle("needs-new", HELLO, { dependencies: { old: "^2.0.0" } });
  await test.bundle("chicken", HELLO, { dependencies: { egg: "*" } });
  await test.bundle("egg", HELLO, { dependencies: { chicken: "*" } });
  await host.discover(test.plugins);
  for (
    const [name, pattern] of [
      ["needs-ghost", /"needs-ghost" depends on "ghost" \^1\.0\.0.*not registered/],
      ["needs-new", /"old" \^2\.0\.0, but version 1\.0\.0/],
      ["chicken", /cycle "chicken" → "egg" → "chicken"/],
    ] as const
  ) {
    await assertRejectsWithCode(host.loadByName(name), "bad-state", pattern);
    await assertRejectsWithCode(host.loadByName(name, { lazy: true }), "bad-state", pattern);
  }
  assert.equal(host.counts().active, 0);
});

Deno.test("an untrusted plugin does not satisfy a dependency", async () => {
  await using test = await hostTest();
  const host = await test.open({ keys: [test.keys.hex] });
  const base = await test.bundle("base", HELLO);
  await Deno.remove(`${base}/plugin.sig.json`);
  await test.bundle("top", HELLO, { dependencies: { base: "*" } });
  await host.discover(test.plugins);
  await assertRejectsWithCode(host.loadByName("top"), "bad-state", /not registered or not trusted/);
});

Deno.test("a dependency that cannot start fails the load with its own error", async () => {
  await using test = await hostTest();
  const host = await test.open();
  await test.bundle("base", "throw new Error('the base is broken');");
  await test.bundle("top", HELLO, { dependencies: { base: "*" } });
  await host.discover(test.plugins);
  await assertRejectsWithCode(host.loadByName("top"), "launch-failed", /the base is broken/);
  assert.deepEqual(host.plugins({ state: "active" }), []);
});

Deno.test("unload() keeps what others depend on, unless it is to take them along", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  await test.bundle("base", HELLO);
  await test.bundle("middle", HELLO, { dependencies: { base: "*" } });
  await test.bundle("top", HELLO, { dependencies: { middle: "*" } });
  await host.discover(test.plugins);
  await host.loadByName("top");
  const error = await assertRejectsWithCode(
    host.unload("base"),
    "bad-state",
    /"middle" depends on it/,
  );
  assert.match(error.hint ?? "", /cascade/);
  await host.unload("base", { cascade: true });
  const order = () =>
    events.seen.flatMap((event) => event.type === "unloaded" ? [event.plugin] : []);
  assert.deepEqual(order(), ["top", "middle", "base"]);

  await host.loadByName("top");
  await host.unloadAll();
  assert.deepEqual(order().slice(3), ["top", "middle", "base"]);
});

Deno.test("a lazy plugin loads its dependencies when it is first used", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  await test.bundle("base", HELLO);
  await test.bundle("top", HELLO, { dependencies: { base: "*" } });
  await host.discover(test.plugins);
  const top = await host.loadByName("top", { lazy: true });
  assert.equal(host.counts().active, 0);
  assert.equal(await top.call("hello"), "hello");
  const order = events.seen.flatMap((event) => event.type === "loaded" ? [event.plugin] : []);
  assert.deepEqual(order, ["base", "top"]);
});

Deno.test("plugins that share a dependency can be loaded at the same time", async () => {
  await using test = await hostTest();
  const host = await test.open();
  await test.bundle("base", HELLO);
  for (const name of ["one", "two", "three"]) {
    await test.bundle(name, HELLO, { dependencies: { base: "*" } });
  }
  await host.discover(test.plugins);
  const loaded = await Promise.all(["one", "two", "three"].map((name) => host.loadByName(name)));
  assert.ok(loaded.every(({ state }) => state === "active"));
  assert.equal(host.plugin("base")?.state, "active");
});

Deno.test("plugins that share a lazy dependency can be used at the same time", async () => {
  await using test = await hostTest();
  const host = await test.open();
  await test.bundle("base", HELLO);
  for (const name of ["one", "two"]) {
    await test.bundle(name, HELLO, { dependencies: { base: "*" } });
  }
  await host.discover(test.plugins);
  const one = await host.loadByName("one", { lazy: true });
  const two = await host.loadByName("two", { lazy: true });
  assert.deepEqual(await Promise.all([one.call("hello"), two.call("hello")]), ["hello", "hello"]);
  assert.equal(host.plugin("base")?.state, "active");
});
