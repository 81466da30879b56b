import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { isAlive, until } from "../helpers/process.ts";
import { listTest, WAITER } from "./trust_kit.ts";
import { revokePlugin, setMinimum } from "../../src/trust/list/changes.ts";

const stateful = (word: string) =>
  `let sum = 0;
  export default {
    methods: { say: () => "${word}", add: () => ++sum, exit: () => Deno.exit(1) },
    snapshot: () => sum, restore: (state) => { sum = state; },
  };`;

Deno.test("rollback() returns to the version before, with its state, whatever the folder has; and back", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  const dir = await test.bundle("sample", stateful("one"), { version: "1.0.0" });
  const plugin = await host.load(dir);
  await assertRejectsWithCode(plugin.rollback(), "bad-state", /no other version of it ran/);
  await plugin.reload(); // the same version: still nothing to return to
  await assertRejectsWithCode(host.rollback("sample"), "bad-state", /no other version/);
  await test.bundle("sample", stateful("two"), { version: "2.0.0" });
  await plugin.reload();
  await plugin.call("add");
  await Deno.writeTextFile(`${dir}/main.ts`, "neither the one nor the other");
  const { pid } = plugin;
  await plugin.rollback();
  assert.deepEqual([plugin.version, await plugin.call("say")], ["1.0.0", "one"]);
  assert.equal(await plugin.call("add"), 2);
  assert.ok(!isAlive(pid!));
  await until(() => events.seen.some((event) => event.type === "reloaded" && event.rollback), "it");
  await host.rollback("sample");
  assert.deepEqual([plugin.version, await plugin.call("say")], ["2.0.0", "two"]);
  await plugin.rollback();
  assert.deepEqual([plugin.version, await plugin.call("add")], ["1.0.0", 3]);
});

Deno.test("rollback() starts the version before of a plugin that crashed, and of no other that is not there", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.bundle("sample", stateful("one")));
  await test.bundle("sample", stateful("two"), { version: "2.0.0" });
  await plugin.reload();
  await assertRejectsWithCode(plugin.call("exit"), "crashed");
  assert.equal(plugin.state, "failed");
  await plugin.rollback();
  assert.deepEqual([plugin.version, plugin.state, await plugin.call("say")], [
    "1.0.0",
    "active",
    "one",
  ]);
  await plugin.unload();
  await assertRejectsWithCode(plugin.rollback(), "bad-state", /inactive/);
  await assertRejectsWithCode(host.rollback("ghost"), "bad-state", /not registered/);
});

Deno.test("rollback() leaves a version that could not be started at all", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("sample", stateful("one"));
  const plugin = await host.load(dir);
  await plugin.unload();
  await test.bundle("sample", "throw new Error('at import');", { version: "2.0.0" });
  await assertRejectsWithCode(host.load(dir), "launch-failed");
  assert.deepEqual([plugin.state, plugin.version], ["failed", "2.0.0"]);
  await plugin.rollback();
  assert.deepEqual([plugin.version, await plugin.call("say")], ["1.0.0", "one"]);
  await assertRejectsWithCode(plugin.rollback(), "bad-state", /no other version/);
});

Deno.test("rollback() refuses a stored copy that was changed, and the present version serves on", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", stateful("one")));
  const { bundleHash } = plugin;
  await test.bundle("sample", stateful("two"), { version: "2.0.0" });
  await plugin.reload();
  const copy = `${test.dataDir}/store/${bundleHash}/main.ts`;
  await Deno.chmod(copy, 0o644);
  await Deno.writeTextFile(copy, stateful("evil"));
  await assertRejectsWithCode(plugin.rollback(), "hash-mismatch", /main\.ts/);
  assert.deepEqual([plugin.version, await plugin.call("say")], ["2.0.0", "two"]);
  const event = await events.find("reload-failed", "sample");
  assert.deepEqual([event.rollback, event.serving, event.error.code], [
    true,
    "2.0.0",
    "hash-mismatch",
  ]);
});

Deno.test("rollback() passes the rule against lower versions and asks no consent anew; nothing else does", async () => {
  await using test = await listTest();
  const policy = { default: { grant: { sys: ["hostname"] } } };
  const host = await test.openByList({ policy });
  const asks = { permissions: { sys: ["hostname"] } };
  const plugin = await host.load(
    await test.bundle("sample", WAITER, { version: "1.0.0", ...asks }),
  );
  await test.release("sample", { version: "2.0.0" });
  await plugin.reload();
  await host.rollback("sample");
  assert.deepEqual([plugin.version, await plugin.call("ping")], ["1.0.0", "pong"]);
  // the control: from its folder it is refused all the same
  await test.release("sample", { version: "1.0.0", ...asks });
  await assertRejectsWithCode(host.reload("sample"), "rollback");
  assert.equal(plugin.version, "1.0.0");
});

Deno.test("rollback() goes by what is trusted today: revocations and minimum versions", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  const plugin = await host.load(await test.bundle("sample", WAITER, { version: "1.0.0" }));
  const hash = plugin.bundleHash!;
  await test.release("sample", { version: "2.0.0" });
  await plugin.reload();
  await test.change((list) => setMinimum(list, "sample", "2.0.0"));
  await host.refreshTrust();
  await assertRejectsWithCode(plugin.rollback(), "rollback", /minimum/);
  await test.change((list) => revokePlugin(list, { hash }, { reason: "a hole" }));
  await host.refreshTrust();
  await assertRejectsWithCode(plugin.rollback(), "revoked", /a hole/);
  assert.deepEqual([plugin.version, await plugin.call("ping")], ["2.0.0", "pong"]);
});
