import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";

const GRANT = { default: { grant: { hooks: ["on_request"] } } };
const appending = (word: string) =>
  `export default { hooks: { on_request: (words) => [...words, "${word}"] } };`;
const hooks = (priority?: number) => ({ hooks: [{ name: "on_request", priority }] });

Deno.test("a chain runs through plugins and the host by priority", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: GRANT });
  await host.load(await test.bundle("late", appending("late"), hooks(400)));
  await host.load(await test.bundle("usual", appending("usual"), hooks()));
  await host.load(await test.bundle("early", appending("early"), hooks(100)));
  host.hooks.register("on_request", (words) => [...words as string[], "critical"], { priority: 0 });
  const order = ["critical", "early", "usual", "late"];
  assert.deepEqual(await host.hooks.run("on_request", []), order);
  const results = await host.hooks.broadcast("on_request", []);
  assert.deepEqual(results.map(({ owner }) => owner), ["host", "early", "usual", "late"]);
  await host.unload("usual");
  assert.deepEqual(await host.hooks.run("on_request", []), ["critical", "early", "late"]);
});

Deno.test("a plugin that crashes in a hook fails the run with what happened, and is out of the next", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: GRANT });
  const events = recordEvents(host);
  await host.load(await test.bundle("good", appending("good"), hooks(300)));
  const crashing = "export default { hooks: { on_request() { Deno.exit(5); } } };";
  await host.load(await test.bundle("bad", crashing, hooks(200)));
  const error = await assertRejectsWithCode(
    host.hooks.run("on_request", []),
    "crashed",
    /exit code 5/,
  );
  assert.match(JSON.stringify(error), /"bad"/);
  await events.find("crashed", "bad");
  assert.equal((await events.find("hook-failed", "bad")).hook, "on_request");
  assert.deepEqual(await host.hooks.run("on_request", []), ["good"]);

  await host.reload("bad");
  const words = await host.hooks.run("on_request", [], { onFailure: "fail-open" });
  assert.deepEqual(words, ["good"]);
});

Deno.test("a handler of the host that fails is not taken for a plugin", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: GRANT });
  const events = recordEvents(host);
  host.hooks.register("on_request", () => {
    throw new Error("the application's own mistake");
  });
  await assert.rejects(host.hooks.run("on_request", []), /own mistake/);
  assert.equal((await events.find("hook-failed")).plugin, undefined);
});

Deno.test("a hook has a deadline of its own", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: GRANT });
  const never = "export default { hooks: { on_request: () => new Promise(() => {}) } };";
  await host.load(await test.bundle("never", never, hooks()));
  await assertRejectsWithCode(host.hooks.run("on_request", [], { timeoutMs: 50 }), "timeout");
});

Deno.test("a hook that is not granted, or in the host's own band, is refused", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("sample", appending("x"), hooks());
  await assertRejectsWithCode(host.load(dir), "permission-denied", /on_request/);
  await Deno.writeTextFile(
    `${dir}/plugin.json`,
    JSON.stringify({ name: "sample", version: "1.0.0", entry: "main.ts", ...hooks(99) }),
  );
  await assertRejectsWithCode(host.load(dir), "manifest-invalid", /priority/);
});

Deno.test("a service that is not granted is denied to the plugin, and the host is told", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  host.services.provide("vault", { open: () => "the secret" }, { access: { open: "read" } });
  const plugin = await host.load(
    await test.bundle(
      "curious",
      `let ctx;
      export default { init(given) { ctx = given; }, methods: {
        peek: () => ctx.get("vault").open().then(String, (error) => "refused: " + error.code),
      } };`,
      { context: [{ key: "vault", access: "read" }] },
    ),
  );
  assert.equal(await plugin.call("peek"), "refused: service-denied");
  const { error } = await events.find("denied", "curious");
  assert.equal(error.code, "service-denied");
  assert.match(`${error.message} ${error.hint}`, /vault/);
});
