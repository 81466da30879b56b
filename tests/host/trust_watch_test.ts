import assert from "node:assert/strict";
import {
  addKey,
  removeKey,
  revokeKey,
  revokePlugin,
  setExpiry,
  setMinimum,
  setThreshold,
} from "../../src/trust/list/changes.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { recordEvents } from "../helpers/host.ts";
import { isAlive, settles, until } from "../helpers/process.ts";
import { makeKeys } from "../helpers/signing.ts";
import { type ListTest, listTest, WAITER, YEAR_MS } from "./trust_kit.ts";

/** Revokes a plugin by name. */
const revoke = (name: string, reason = "it leaks") => (list: Parameters<typeof revokePlugin>[0]) =>
  revokePlugin(list, { name }, { reason });

/** Loads two plugins, of which a test takes down one. */
async function loadTwo(test: ListTest) {
  const host = await test.openByList({ policy: { default: { grant: { hooks: ["*"] } } } });
  const events = recordEvents(host);
  const hooks = [{ name: "on_request" }];
  const bad = await host.load(await test.bundle("bad", WAITER, { hooks }));
  const good = await host.load(await test.bundle("good", WAITER, { hooks }));
  return { host, events, bad, good };
}

Deno.test("a revision that revokes a running plugin takes it down at once, with its calls", async () => {
  await using test = await listTest();
  const { host, events, bad, good } = await loadTwo(test);
  const { pid } = bad;
  const waiting = assertRejectsWithCode(bad.call("wait"), "revoked", /it leaks/);
  const stillWaiting = good.call("wait");
  const cancelled = assertRejectsWithCode(stillWaiting, "cancelled"); // when the host closes
  await test.change(revoke("bad"));
  const error = await settles(waiting, "the end of the call");
  assert.deepEqual([error.details.reason, error.details.plugin], ["revoked", "bad"]);
  const unloaded = await events.find("unloaded", "bad");
  assert.match(unloaded.reason, /it leaks/);
  assert.equal(unloaded.refusal?.code, "revoked");
  assert.equal(isAlive(pid!), false);
  const trust = await events.find("trust");
  assert.deepEqual([trust.status, trust.revision], ["updated", 2]);
  assert.deepEqual(trust.changes.map(({ kind, subject }) => [kind, subject]), [
    ["added", "revocation"],
  ]);
  assert.equal(bad.state, "untrusted");
  assert.equal(bad.error?.code, "revoked");
  await assertRejectsWithCode(bad.call("ping"), "bad-state", /untrusted.*it leaks/);
  await assertRejectsWithCode(host.load(bad.path), "revoked");
  // the control: the other one never noticed
  assert.equal(await good.call("ping"), "pong");
  assert.deepEqual(host.hooks.list("on_request").map(({ plugin }) => plugin), ["good"]);
  await host.close();
  await cancelled;
});

Deno.test("whatever makes a running plugin untrusted takes it down", async () => {
  await using test = await listTest();
  const { id } = test.keys;
  const spare = await makeKeys();
  for (
    const [what, change, code] of [
      ["a revoked key", (list) => revokeKey(list, id, { reason: "lost" }), "revoked"],
      ["a removed key", (list) => removeKey(list, id), "untrusted"],
      ["a higher threshold", (list) => setThreshold(list, 2), "untrusted"],
      ["a minimum version", (list) => setMinimum(list, "sample", "1.0.1"), "rollback"],
    ] as [string, Parameters<ListTest["change"]>[0], string][]
  ) {
    await using own = await listTest((list) =>
      addKey(list, { name: "spare", publicKey: spare.hex })
    );
    // the keys of the outer test, so that each change is of one list
    await own.change((list) => addKey(list, { name: "outer", publicKey: test.keys.hex }));
    const host = await own.openByList();
    const plugin = await host.load(await test.bundle("sample", WAITER));
    const control = await host.load(await own.bundle("control", WAITER));
    await own.change((list) => change(list));
    await host.refreshTrust();
    assert.equal(plugin.state, "untrusted", what);
    assert.equal(plugin.error?.code, code, what);
    assert.equal(control.state, what === "a higher threshold" ? "untrusted" : "active", what);
  }
});

Deno.test("a plugin that waits for its first use is dropped, with its hooks", async () => {
  await using test = await listTest();
  const host = await test.openByList({ policy: { default: { grant: { hooks: ["*"] } } } });
  const events = recordEvents(host);
  const hooks = [{ name: "on_request" }];
  const bad = await host.load(await test.bundle("bad", WAITER, { hooks }), { lazy: true });
  const good = await host.load(await test.bundle("good", WAITER, { hooks }), { lazy: true });
  assert.equal(host.hooks.list("on_request").length, 2);
  await test.change(revoke("bad"));
  await events.find("unloaded", "bad");
  await assertRejectsWithCode(bad.call("ping"), "bad-state", /untrusted/);
  assert.deepEqual(host.hooks.list("on_request").map(({ plugin }) => plugin), ["good"]);
  assert.equal(await good.call("ping"), "pong");
});

Deno.test("a plugin that waits for its first use does not start once the list has expired", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  const plugin = await host.load(await test.bundle("sample", WAITER), { lazy: true });
  const again = await host.load(await test.bundle("again", WAITER), { lazy: true });
  assert.equal(await again.call("ping"), "pong");
  await test.change((list) => setExpiry(list, new Date(Date.now() - 1)));
  await host.refreshTrust();
  await assertRejectsWithCode(plugin.call("ping"), "expired");
  assert.equal(plugin.pid, undefined);
  assert.equal(await again.call("ping"), "pong"); // what runs stays
});

Deno.test("a load that is under way when its plugin is revoked ends with `revoked`", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  const events = recordEvents(host);
  const hangs = "export default { init: () => new Promise(() => setTimeout(() => {}, 1e6)) };";
  const bad = await test.bundle("bad", hangs);
  const loading = assertRejectsWithCode(host.load(bad), "revoked", /it leaks/);
  await until(() => host.plugin("bad")?.state === "starting", "the start");
  await test.change(revoke("bad"));
  await settles(loading, "the end of the load");
  assert.equal(host.plugin("bad")?.state, "untrusted");
  assert.ok(!events.story("bad").includes("loaded"));
  await host.load(await test.bundle("good", WAITER));
});

Deno.test("a plugin that is revoked while what it needs is started never runs", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  const slow = `export default { init: () => new Promise((done) => setTimeout(done, 700)) };`;
  const needs = { dependencies: { slow: "*" } };
  const marks = (name: string) =>
    `console.log("${name} runs"); export default { methods: { ping: () => "pong" } };`;
  await test.bundle("slow", slow);
  await host.discover(test.plugins);
  const bad = host.load(await test.bundle("bad", marks("bad"), needs));
  const refused = assertRejectsWithCode(bad, "revoked");
  await until(() => host.plugin("slow")?.state === "starting", "the start of the other");
  await test.change(revoke("bad"));
  await host.refreshTrust();
  await refused;
  assert.equal(host.plugin("slow")?.state, "active"); // the control
  await host.load(await test.bundle("good", marks("good"), needs));
  await test.logger.find(({ message }) => /good runs/.test(message));
  assert.ok(!test.logger.entries.some(({ message }) => /bad runs/.test(message)));
});

Deno.test("whenever a revision comes, no plugin that it refuses is left loaded", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  let [loaded, rounds] = [0, 0];
  // on a busy machine the first revisions may all come too late
  for (let round = 0; round < 12 || (loaded === round && round < 100); round++) {
    const dir = await test.bundle(`bad${round}`, WAITER);
    const loading = host.load(dir).then(() => loaded++, () => {});
    // from before the bundle is read until after the plugin is ready
    await new Promise((resolve) => setTimeout(resolve, (round % 12) * 10));
    await test.change(revoke(`bad${round}`));
    await host.refreshTrust();
    await loading;
    await until(() => host.plugin(`bad${round}`)?.state === "untrusted", `the end of bad${round}`);
    assert.equal(host.plugin(`bad${round}`)?.pid, undefined);
    rounds++;
  }
  assert.ok(loaded < rounds, "no revision came in time to stop a load");
});

Deno.test("a list that is gone, damaged or set back loads nothing, and what runs runs on", async () => {
  await using test = await listTest();
  const { host, events, good } = await loadTwo(test);
  const first = await Deno.readFile(test.file);
  await test.change((list) => setMinimum(list, "other", "1.0.0"));
  await events.find("trust");
  const current = await Deno.readFile(test.file);
  const told = () => events.seen.filter((event) => event.type === "trust");
  for (
    const [code, act] of [
      ["bad-config", () => Deno.remove(test.file)],
      ["bad-config", () => Deno.writeFile(test.file, current.subarray(0, 200))],
      ["rollback", () => Deno.writeFile(test.file, first)],
    ] as const
  ) {
    const before = told().length;
    await act();
    await until(() => told().length > before, `an event after ${act}`);
    const { status, problem, revision } = told().at(-1)!;
    assert.deepEqual([status, problem?.code, revision], ["unusable", code, 2]);
    await assertRejectsWithCode(host.load(await test.bundle("later", WAITER)), code);
    await assertRejectsWithCode(host.reload("good"), code);
    await assertRejectsWithCode(host.refreshTrust(), code);
    assert.equal(await good.call("ping"), "pong");
    await Deno.writeFile(`${test.file}.new`, current);
    await Deno.rename(`${test.file}.new`, test.file);
    await until(() => told().at(-1)!.status === "restored", "that the list can be used again");
    await host.load(await test.bundle("later", WAITER));
    await host.unload("later");
  }
});

Deno.test("a list that expires is told once, loads nothing, and takes nothing down", async () => {
  await using test = await listTest();
  const { host, events, good } = await loadTwo(test);
  const told = () => events.seen.filter((event) => event.type === "trust");
  await test.change((list) => setExpiry(list, new Date(Date.now() + 1_000)));
  await until(() => told().some(({ status }) => status === "expired"), "that the list has expired");
  await assertRejectsWithCode(host.load(await test.bundle("later", WAITER)), "expired");
  assert.equal(await good.call("ping"), "pong");
  // an expired list revokes all the same
  await test.change(revoke("bad"));
  await events.find("unloaded", "bad");
  await test.change((list) => setExpiry(list, new Date(Date.now() + YEAR_MS)));
  await host.refreshTrust();
  await host.load(await test.bundle("later", WAITER));
});

Deno.test("a revocation with a date takes the plugin down when the date comes", async () => {
  await using test = await listTest();
  const { host, events, good } = await loadTwo(test);
  const from = new Date(Date.now() + 1_000);
  await test.change((list) => revokePlugin(list, { name: "bad" }, { reason: "end of life", from }));
  await host.refreshTrust();
  const { time } = await events.find("unloaded", "bad");
  assert.ok(new Date(time) >= from);
  assert.equal(good.state, "active");
});

Deno.test("a plugin that was taken down loads again once it is trusted again", async () => {
  await using test = await listTest();
  const { host, bad } = await loadTwo(test);
  await test.change(revoke("bad"));
  await host.refreshTrust();
  await assertRejectsWithCode(host.loadByName("bad"), "revoked");
  await test.change((list) => ({ ...list, revocations: [] }));
  await host.refreshTrust();
  const again = await host.load(bad.path);
  assert.equal(await again.call("ping"), "pong");
});

Deno.test("a list that was sealed anew is opened with what its file says now", async () => {
  await using test = await listTest();
  const { host, events } = await loadTwo(test);
  const key = crypto.getRandomValues(new Uint8Array(32));
  const list = await test.change((content) => setMinimum(content, "other", "1.0.0"));
  await Deno.writeFile(test.keyFile, key);
  await list.changeSecret({ key });
  await host.refreshTrust();
  await (await list.refresh({ key })).update(revoke("bad"));
  await events.find("unloaded", "bad");
});

Deno.test("refreshTrust() says so where there is no list, or no host any more", async () => {
  await using test = await listTest();
  const plain = await test.open();
  await assertRejectsWithCode(plain.refreshTrust(), "bad-state", /has none/);
  const host = await test.openByList();
  await host.refreshTrust();
  await host.close();
  await assertRejectsWithCode(host.refreshTrust(), "bad-state", /closed/);
});
