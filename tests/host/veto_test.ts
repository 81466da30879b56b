// A running version has no say in whether another one takes its place, and a revocation the last word.
import assert from "node:assert/strict";
import { revokePlugin } from "../../src/trust/list/changes.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { until } from "../helpers/process.ts";
import { listTest } from "./trust_kit.ts";

/** A plugin that keeps state, if its `snapshot` lets it. */
const stateful = (word: string, snapshot = "return state;", extra = "") =>
  `let state = "of " + ${JSON.stringify(word)};
  export default {
    ${extra}
    methods: { say: () => ${JSON.stringify(word)}, state: () => state, exit: () => Deno.exit(1) },
    async snapshot() { console.log("snapshot of ${word}"); ${snapshot} },
    restore(given) { state = given; },
  };`;
const HANGS = "await new Promise(() => setTimeout(() => {}, 1e6));";
const revoke = (versions: string, from?: Date) => (list: Parameters<typeof revokePlugin>[0]) =>
  revokePlugin(list, { name: "sample", versions }, { reason: "it leaks", from });

Deno.test("a version whose snapshot() fails or hangs is replaced without its state, when that is asked for", async () => {
  await using test = await hostTest();
  const host = await test.open({ times: { handOverMs: 300 } });
  for (
    const [veto, code] of [["throw new Error('never');", "plugin-error"], [
      HANGS,
      "timeout",
    ]] as const
  ) {
    const dir = await test.bundle("sample", stateful("old", veto), { version: "1.0.0" });
    const plugin = await host.load(dir);
    await test.bundle("sample", stateful("new"), { version: "2.0.0" });
    const error = await assertRejectsWithCode(plugin.reload(), code);
    assert.match(error.hint ?? "", /withoutState: true/);
    assert.deepEqual([plugin.version, await plugin.call("say")], ["1.0.0", "old"]);
    await plugin.reload({ withoutState: true });
    assert.deepEqual([plugin.version, await plugin.call("state")], ["2.0.0", "of new"]);
    await plugin.rollback({ withoutState: true });
    assert.deepEqual([plugin.version, await plugin.call("state")], ["1.0.0", "of old"]);
    await plugin.unload();
  }
});

Deno.test("a revocation while a snapshot hangs ends the old version, and the next one serves", async () => {
  await using test = await listTest();
  const host = await test.openByList({ times: { handOverMs: 60_000 } });
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", stateful("old", HANGS)));
  await test.release("sample", { version: "2.0.0" }, stateful("new"));
  const reload = plugin.reload();
  await test.logger.find(({ message }) => message.includes("snapshot of old"));
  await test.change(revoke("1.x"));
  await host.refreshTrust();
  await reload;
  assert.deepEqual([plugin.state, plugin.version], ["active", "2.0.0"]);
  assert.equal(await plugin.call("state"), "of new");
  await events.find("reloaded", "sample");
  const story = events.story("sample");
  const unloaded = story.indexOf("unloaded");
  assert.ok(unloaded !== -1 && unloaded < story.indexOf("reloaded"), story.join());
  assert.equal(story.lastIndexOf("unloaded"), unloaded, "told once");
});

Deno.test("a rollback that meets a revocation of where it goes serves on, and never serves that", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", stateful("old")));
  await test.release("sample", { version: "2.0.0" }, stateful("new", HANGS));
  await plugin.reload();
  const rollback = plugin.rollback();
  rollback.catch(() => {}); // it may be over before it is looked at below
  await test.logger.find(({ message }) => message.includes("snapshot of new"));
  await test.change(revoke("1.x"));
  await host.refreshTrust();
  await assertRejectsWithCode(rollback, "revoked", /it leaks/);
  assert.deepEqual([plugin.version, await plugin.call("say")], ["2.0.0", "new"]);
  assert.equal((await events.find("reload-failed", "sample")).error.code, "revoked");
  assert.equal(
    events.seen.filter((event) => event.type === "reloaded" && event.rollback).length,
    0,
  );
});

Deno.test("a plugin that is down since its version was revoked can go back to one that is not", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  const plugin = await host.load(await test.bundle("sample", stateful("old")));
  await test.release("sample", { version: "2.0.0" }, stateful("new"));
  await plugin.reload();
  await test.change(revoke("2.x"));
  await host.refreshTrust();
  assert.equal(plugin.state, "untrusted");
  await plugin.rollback();
  assert.deepEqual([plugin.state, plugin.version, await plugin.call("say")], [
    "active",
    "1.0.0",
    "old",
  ]);
});

Deno.test("a reload that fails after the old version was revoked says that the plugin is down", async () => {
  await using test = await listTest();
  const host = await test.openByList({ times: { handOverMs: 60_000 } });
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", stateful("old", HANGS)));
  const fails = stateful("new").replace("state = given;", "").replace(
    "export default {",
    "export default { health() { throw new Error('not well'); },",
  );
  await test.release("sample", { version: "2.0.0" }, fails);
  await assertRejectsWithCode(plugin.reload(), "launch-failed", /not well/);
  assert.equal(await plugin.call("say"), "old", "the control: what runs serves on");
  const dies = stateful(
    "new",
    undefined,
    "init() { console.log('init'); return new Promise(() => setTimeout(() => {}, 1e6)); },",
  );
  await test.release("sample", { version: "3.0.0" }, dies);
  const aborting = new AbortController();
  const reload = plugin.reload({ signal: aborting.signal });
  reload.catch(() => {});
  await test.logger.find(({ message }) => message === "init");
  await test.change(revoke("1.x"));
  await host.refreshTrust();
  aborting.abort();
  await assertRejectsWithCode(reload, "cancelled");
  const failed = await events.find("failed", "sample");
  assert.equal(failed.error.code, "cancelled");
  assert.equal(plugin.state, "failed");
});

Deno.test("a reload that meets an automatic restart takes its turn, and nothing is logged as an error", async () => {
  await using test = await hostTest();
  const restart = { backoffMs: 1, maxBackoffMs: 1, jitter: 0, maxRestarts: 100 };
  const host = await test.open({ policy: { default: { restart } } });
  const dir = await test.bundle("sample", stateful("old"));
  const plugin = await host.load(dir);
  for (let round = 0; round < 8; round++) {
    await assertRejectsWithCode(plugin.call("exit"), "crashed");
    const before = test.logger.entries.length;
    // at a moment of the restart that is another one each time
    for (let turn = 0; turn < round * 20; turn++) await Promise.resolve();
    if (round % 2 === 1) await until(() => plugin.state !== "failed", "the restart");
    await plugin.reload();
    assert.equal(await plugin.call("say"), "old");
    const errors = test.logger.entries.slice(before)
      .filter(({ level, message }) => level === "error" && !message.includes("exited"));
    assert.deepEqual(errors, []);
  }
});

Deno.test("a crash while a reload fails is followed by a restart all the same", async () => {
  await using test = await hostTest();
  const restart = { backoffMs: 1, maxBackoffMs: 1, jitter: 0 };
  const host = await test.open({
    policy: { default: { restart } },
    times: { startTimeoutMs: 60_000 },
  });
  const plugin = await host.load(await test.bundle("sample", stateful("old")));
  const hangs =
    "init() { console.log('init'); return new Promise(() => setTimeout(() => {}, 1e6)); },";
  await test.bundle("sample", stateful("new", undefined, hangs), { version: "2.0.0" });
  const aborting = new AbortController();
  const reload = plugin.reload({ signal: aborting.signal });
  reload.catch(() => {});
  await test.logger.find(({ message }) => message === "init");
  await assertRejectsWithCode(plugin.call("exit"), "crashed");
  await test.bundle("sample", stateful("third"), { version: "3.0.0" });
  aborting.abort();
  await assertRejectsWithCode(reload, "cancelled");
  await until(() => plugin.state === "active", "the restart");
  assert.equal(await plugin.call("say"), "third");
});
