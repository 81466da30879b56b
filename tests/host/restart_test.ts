import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { until } from "../helpers/process.ts";

const CRASHES = `export default {
  methods: { ping: () => "pong", exit: () => Deno.exit(3), pid: () => Deno.pid },
  hooks: { "sample:mark": (data) => [...data, "marked"] },
};`;
const MANIFEST = { hooks: [{ name: "sample:mark" }] };
const HOOKS = { grant: { hooks: ["*"] } };
const QUICK = { backoffMs: 20, maxBackoffMs: 50, jitter: 0 };

Deno.test("a plugin that crashes is started again, with its hooks", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: { default: { ...HOOKS, restart: QUICK } } });
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", CRASHES, MANIFEST));
  const { pid } = plugin;
  await assertRejectsWithCode(plugin.call("exit"), "crashed");
  const { attempt, delayMs } = await events.find("restarting", "sample");
  assert.deepEqual([attempt, delayMs], [1, 20]);
  await until(() => plugin.state === "active", "it runs again");
  assert.notEqual(plugin.pid, pid);
  assert.equal(await plugin.call("ping"), "pong");
  assert.deepEqual(await host.hooks.run<string[]>("sample:mark", []), ["marked"]);
  assert.deepEqual(events.story("sample").filter((type) => !type.startsWith("state")), [
    "loaded",
    "crashed",
    "restarting",
    "loaded",
  ]);
});

Deno.test("without a word of the policy a crashed plugin is started again; with 0 restarts it stays failed", async () => {
  await using test = await hostTest();
  const host = await test.open({
    policy: {
      default: { ...HOOKS, restart: {} },
      plugins: { no: { restart: { maxRestarts: 0 } } },
    },
  });
  const events = recordEvents(host);
  const manifest = { hooks: MANIFEST.hooks };
  const [yes, no] = [
    await host.load(await test.bundle("yes", CRASHES, manifest)),
    await host.load(await test.bundle("no", CRASHES)),
  ];
  await assertRejectsWithCode(no.call("exit"), "crashed");
  await assertRejectsWithCode(yes.call("exit"), "crashed");
  const { attempt, delayMs } = await events.find("restarting", "yes");
  assert.equal(attempt, 1);
  assert.ok(delayMs >= 0 && delayMs <= 500);
  await until(() => yes.state === "active", "it runs again");
  assert.equal(await yes.call("ping"), "pong");
  assert.equal(no.state, "failed");
  assert.ok(!events.seen.some((event) => event.type === "restarting" && event.plugin === "no"));
});

Deno.test("a call while a restart is waited for is refused, and who loads the plugin comes first", async () => {
  await using test = await hostTest();
  const restart = { backoffMs: 3_600_000, maxBackoffMs: 3_600_000, jitter: 0 };
  const host = await test.open({ policy: { default: { ...HOOKS, restart } } });
  const events = recordEvents(host);
  const dir = await test.bundle("sample", CRASHES, MANIFEST);
  const plugin = await host.load(dir);
  for (
    const again of [() => plugin.reload(), () => host.load(dir), () => host.loadByName("sample")]
  ) {
    await assertRejectsWithCode(plugin.call("exit"), "crashed");
    const error = await assertRejectsWithCode(plugin.call("ping"), "bad-state");
    assert.equal(error.details.state, "failed");
    await again();
    assert.equal(await plugin.call("ping"), "pong");
  }
  assert.equal(events.seen.filter(({ type }) => type === "restarting").length, 3);
});

Deno.test("a plugin that crashes in a loop goes into quarantine, and comes back when let out", async () => {
  await using test = await hostTest();
  const restart = { ...QUICK, maxRestarts: 2 };
  const host = await test.open({ policy: { default: { ...HOOKS, restart } } });
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", CRASHES, MANIFEST));
  for (let crash = 1; crash <= 3; crash++) {
    await until(() => plugin.state === "active", "it runs");
    await assertRejectsWithCode(plugin.call("exit"), "crashed");
  }
  const { reason } = await events.find("quarantined", "sample");
  assert.match(reason, /crashed 3 times/);
  await until(() => plugin.state === "quarantined", "it is in quarantine");
  await assertRejectsWithCode(plugin.call("ping"), "bad-state", /quarantined/);
  await assertRejectsWithCode(host.loadByName("sample"), "bad-state", /crashed 3 times/);
  assert.equal(await host.releaseQuarantine("sample"), true);
  assert.equal(await host.releaseQuarantine("sample"), false);
  await host.loadByName("sample");
  assert.equal(await plugin.call("ping"), "pong");
  // and it counts anew
  await assertRejectsWithCode(plugin.call("exit"), "crashed");
  await until(() => plugin.state === "active", "it runs again");
});

Deno.test("a dependency is not unloaded while what needs it waits for its restart", async () => {
  await using test = await hostTest();
  const restart = { backoffMs: 3_600_000, maxBackoffMs: 3_600_000, jitter: 0 };
  const host = await test.open({ policy: { default: { ...HOOKS, restart } } });
  const events = recordEvents(host);
  await host.load(await test.bundle("base", CRASHES));
  const dependencies = { base: "*" };
  const plugin = await host.load(await test.bundle("above", CRASHES, { dependencies }));
  await assertRejectsWithCode(plugin.call("exit"), "crashed");
  await events.find("restarting", "above");
  await assertRejectsWithCode(host.unload("base"), "bad-state", /"above" depends on it/);
  await host.unload("base", { cascade: true });
  assert.equal(host.plugin("base")?.state, "inactive");
  // the control: with nothing to wait for it may go
  await host.load(`${test.plugins}/above`);
  await assertRejectsWithCode(plugin.call("exit"), "crashed");
  await host.unload("above");
  await host.unload("base");
  assert.equal(host.plugin("base")?.state, "inactive");
});
