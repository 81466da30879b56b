import assert from "node:assert/strict";
import { PluginHost } from "../../src/host/host.ts";
import { verifyAuditLog } from "../../src/audit/verify/verify_log.ts";
import type { PluginHostOptions } from "../../src/host/settings/plugin_host_options.ts";
import { acceptBundle, revokePlugin, setExpiry, setMinimum } from "../../src/trust/list/changes.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { recordEvents } from "../helpers/host.ts";
import { makeKeys, signDir } from "../helpers/signing.ts";
import { until } from "../helpers/process.ts";
import { type ListTest, listTest, WAITER, YEAR_MS } from "./trust_kit.ts";

type Line = Record<string, unknown> & { type: string };

/** Reads all lines of a log, in order. */
async function linesOf(dir: string): Promise<Line[]> {
  const lines: Line[] = [];
  for (const path of await filesOf(dir)) {
    const text = await Deno.readTextFile(path);
    for (const line of text.split("\n")) if (line !== "") lines.push(JSON.parse(line));
  }
  return lines;
}

async function filesOf(dir: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(dir)) {
    if (entry.isDirectory) paths.push(...await filesOf(`${dir}/${entry.name}`));
    else if (entry.name.endsWith(".jsonl")) paths.push(`${dir}/${entry.name}`);
  }
  return paths.sort();
}

Deno.test("the audit log tells a host's whole story, and verifies", async () => {
  await using test = await listTest();
  const dir = await test.bundle(
    "sample",
    `export default { methods: {
      async asks(_params, call) { return 1; },
      dies: () => Deno.exit(5),
      hostname: () => Deno.hostname(),
    } };`,
  );
  const strange = await test.bundle("strange", WAITER);
  await Deno.remove(`${strange}/plugin.sig.json`);
  await signDir(strange, await makeKeys());
  const greedy = await test.bundle("greedy", WAITER, { permissions: { sys: ["uid"] } });
  {
    await using host = await test.openByList();
    const plugin = await host.load(dir);
    await assertRejectsWithCode(host.load(strange), "untrusted");
    await assertRejectsWithCode(host.load(greedy), "permission-denied");
    await assertRejectsWithCode(plugin.call("hostname"), "plugin-error");
    await assertRejectsWithCode(plugin.call("dies"), "crashed");
    await host.load(dir);
    await host.reload("sample");
    const revoked = await host.load(await test.bundle("bad", WAITER));
    await test.change((list) => revokePlugin(list, { name: "bad" }, { reason: "it leaks" }));
    await host.refreshTrust();
    assert.equal(revoked.state, "untrusted");
    await test.change((list) => setExpiry(list, new Date(Date.now() - 1)));
    await host.refreshTrust();
  }
  const audit = `${test.dataDir}/audit`;
  const lines = await linesOf(audit);
  const story = lines.filter(({ type }) => !["checkpoint", "started", "stopped"].includes(type))
    .map((line) => `${line.type} ${line.plugin ?? ""} ${line.code ?? ""}`.trim());
  assert.deepEqual(story, [
    "trust",
    "verdict sample",
    "granted sample",
    "loaded sample",
    "verdict strange untrusted",
    "verdict greedy",
    "denied greedy permission-denied",
    "denied sample permission-denied",
    "crashed sample crashed",
    "verdict sample",
    "granted sample",
    "loaded sample",
    "verdict sample",
    "granted sample",
    "loaded sample",
    "verdict bad",
    "granted bad",
    "loaded bad",
    "trust",
    "unloaded bad revoked",
    "trust",
    "trust",
    "unloaded sample",
  ]);
  const [accepted, granted, loaded] = lines.filter(({ plugin }) => plugin === "sample");
  assert.deepEqual([accepted!.accepted, loaded!.bundleHash], [true, accepted!.bundleHash]);
  assert.deepEqual(accepted!.signers, [{ keyId: test.keys.id, name: "tests" }]);
  assert.match(String(granted!.commandHash), /^[0-9a-f]{128}$/);
  const grants = lines.filter(({ type, plugin }) => type === "granted" && plugin === "sample");
  assert.equal(new Set(grants.map(({ commandHash }) => commandHash)).size <= 2, true);
  const trust = lines.filter(({ type }) => type === "trust");
  assert.deepEqual(trust.map(({ status, revision }) => [status, revision]), [
    ["opened", 1],
    ["updated", 2],
    ["updated", 3],
    ["expired", 3],
  ]);
  assert.match(JSON.stringify(trust[1]!.changes), /bad/);
  const report = await verifyAuditLog(audit);
  assert.deepEqual(report.chains.flatMap(({ problems }) => problems), []);
});

/** Opens a host by the list, closes it, and gives the lines about trust that this wrote. */
async function trustLines(test: ListTest, options: PluginHostOptions = {}): Promise<Line[]> {
  const dir = `${test.dataDir}/audit`;
  const before = (await linesOf(dir).catch(() => [])).length;
  try {
    await using _host = await test.openByList(options);
  } catch {
    // a refusal is what is looked for in the log
  }
  const lines = (await linesOf(dir)).slice(before);
  assert.equal(lines.filter(({ type }) => type === "stopped").length, 1, "closed cleanly");
  assert.equal((await verifyAuditLog(dir)).ok, true);
  assert.equal((await verifyAuditLog(dir)).chains.length, 1);
  return lines.filter(({ type }) => type === "trust")
    .map(({ seq: _seq, time: _time, prev: _prev, ...line }) => line as Line);
}

Deno.test("what became of the trust list while no host ran is recorded by the next", async () => {
  await using test = await listTest();
  const opened = await trustLines(test);
  const first = opened[0]!.listHash;
  assert.match(String(first), /^[0-9a-f]{128}$/);
  assert.deepEqual(opened, [
    { type: "trust", status: "opened", revision: 1, listHash: first },
  ]);
  assert.deepEqual(await trustLines(test), [], "the same again is nothing new");
  await test.change((list) => revokePlugin(list, { name: "bad" }, { reason: "it leaks" }));
  const [updated, ...more] = await trustLines(test);
  assert.deepEqual([updated!.status, updated!.revision, updated!.before, more.length], [
    "updated",
    2,
    1,
    0,
  ]);
  assert.match(String(updated!.changes), /^\+ revocation "bad \*": .*it leaks/);
  assert.notEqual(updated!.listHash, first);
  await test.change((list) => revokePlugin(list, { name: "worse" }, { reason: "it leaks" }));
  await test.change((list) => revokePlugin(list, { name: "worst" }, { reason: "it leaks" }));
  const unknown = async (revision: number, before: number) => {
    const [{ listHash: _hash, ...line } = { type: "" }] = await trustLines(test);
    assert.deepEqual(line, {
      type: "trust",
      status: "updated",
      revision,
      before,
      changesKnown: false,
    });
  };
  await unknown(4, 2); // the revision that is kept is the third
  const previous = await Deno.readFile(`${test.file}.previous`);
  await test.change((list) => setExpiry(list, new Date(Date.now() + YEAR_MS)));
  await Deno.writeFile(`${test.file}.previous`, previous);
  await unknown(5, 4); // another one was put there
  await test.change((list) => setExpiry(list, new Date(Date.now() + 2 * YEAR_MS)));
  await Deno.remove(`${test.file}.previous`);
  await unknown(6, 5);
});

Deno.test("a trust list that a host is not opened with is recorded", async () => {
  await using test = await listTest();
  const old = await Deno.readFile(test.file);
  const list = await test.change((list) => setMinimum(list, "sample", "1.0.0"));
  assert.equal((await trustLines(test))[0]!.status, "opened"); // the control
  const now = await Deno.readFile(test.file);
  const refusal = async (options: PluginHostOptions = {}) => {
    const [line, ...more] = await trustLines(test, options);
    assert.deepEqual([line?.type, line?.status, more.length], ["trust", "refused", 0]);
    return `${line!.code}: ${line!.message}`;
  };
  await Deno.writeFile(test.file, old);
  assert.match(await refusal(), /^rollback: .*revision 1.*revision 2/);
  await Deno.writeFile(test.file, now.with(now.length - 1, now.at(-1)! ^ 1));
  assert.match(await refusal(), /^bad-config: .*damaged/);
  await Deno.writeFile(test.file, now);
  const { file, keyFile } = test;
  const key = new Uint8Array(32);
  assert.match(await refusal({ trustList: { file, key } }), /^bad-config: .*key/);
  const pinnedRoot = { version: 1, hash: "0".repeat(128) };
  const pinned = { trustList: { file, keyFile, pinnedRoot } };
  assert.match(await refusal(pinned), /^signature-invalid: /);
  const mark = `${test.dataDir}/trust/${list.content.id}.mark`;
  const good = await Deno.readFile(mark);
  await Deno.writeFile(mark, good.with(200, good[200]! ^ 1));
  assert.match(await refusal(), /^bad-config: .*rollback mark/);
  await Deno.writeFile(mark, good);
  assert.deepEqual(await trustLines(test), []);
});

Deno.test("a refusal names the bundle that was read, and not one that runs", async () => {
  await using test = await listTest();
  const policy = { default: { grant: { sys: ["uid" as const] } } };
  const host = await test.openByList({ policy });
  const dir = await test.bundle("sample", WAITER);
  await host.load(dir);
  const greedy = { permissions: { sys: ["uid"] }, version: "1.1.0" };
  const asking = await test.release("sample", greedy);
  await assertRejectsWithCode(host.reload("sample"), "permission-denied", /asks for more/);
  await host.unload("sample");
  await assertRejectsWithCode(host.load(dir), "permission-denied", /asks for more/);
  const denied = await test.release("sample", {
    permissions: { sys: ["hostname"] },
    version: "1.2.0",
  });
  await test.change((list) =>
    acceptBundle(list, { name: "sample", version: "1.2.0", hash: denied })
  );
  await host.refreshTrust();
  await assertRejectsWithCode(host.load(dir), "permission-denied", /hostname/);
  const old = await test.release("sample", { version: "0.9.0" });
  await assertRejectsWithCode(host.load(dir), "rollback");
  await Deno.writeTextFile(`${dir}/main.ts`, "changed");
  await assertRejectsWithCode(host.load(dir), "hash-mismatch");
  await Deno.writeTextFile(`${dir}/plugin.json`, "{");
  await assertRejectsWithCode(host.load(dir), "manifest-invalid");
  await host.close();
  const lines = (await linesOf(`${test.dataDir}/audit`)).filter(({ code }) => code !== undefined);
  const told = lines.map((
    { type, code, version, bundleHash },
  ) => [type, code, version, bundleHash]);
  const changed = lines.find(({ code }) => code === "hash-mismatch")?.bundleHash;
  assert.match(String(changed), /^[0-9a-f]{128}$/);
  assert.notEqual(changed, old);
  assert.deepEqual(told, [
    ["denied", "permission-denied", "1.1.0", asking],
    ["denied", "permission-denied", "1.1.0", asking],
    ["denied", "permission-denied", "1.2.0", denied],
    ["verdict", "rollback", "0.9.0", old],
    ["verdict", "hash-mismatch", "0.9.0", changed],
    ["verdict", "manifest-invalid", undefined, undefined],
  ]);
});

Deno.test("an audit log is kept where there is a folder of one's own, or one is asked for", async () => {
  await using test = await listTest();
  const exists = (path: string) => Deno.stat(path).then(() => true, () => false);
  const open = async (options: Parameters<typeof test.open>[0]) => {
    await using host = await test.open(options);
    await host.load(await test.bundle("sample", WAITER));
    return host.dataDir;
  };
  assert.equal(await exists(`${await open({ dataDir: test.join("on") })}/audit`), true);
  assert.equal(
    await exists(`${await open({ dataDir: test.join("off"), audit: false })}/audit`),
    false,
  );
  const dir = test.join("elsewhere");
  await open({ dataDir: undefined, audit: { dir } });
  assert.ok((await linesOf(dir)).some(({ type }) => type === "loaded"));
  const lost = PluginHost.open({ audit: true });
  await assertRejectsWithCode(lost, "bad-config", /temporary/);
  await assert.rejects(PluginHost.open({ audit: { odd: 1 } as never }), TypeError);
  await assert.rejects(PluginHost.open({ audit: 1 as never }), TypeError);
  await assert.rejects(PluginHost.open({ audit: { dir, keepFiles: 0 } }), RangeError);
});

Deno.test("a log that cannot be written stops no plugin, and that is told", async () => {
  await using test = await listTest((list) => setExpiry(list, new Date(Date.now() + YEAR_MS)));
  await Deno.writeTextFile(test.join("file"), "");
  const opening = test.open({ audit: { dir: test.join("file") } });
  await assertRejectsWithCode(opening, "bad-config", /audit log/);
  const host = await test.open();
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", WAITER));
  await Deno.rename(`${test.dataDir}/audit`, `${test.dataDir}/moved`);
  assert.equal(await plugin.call("ping"), "pong");
  await host.unload("sample");
  await until(() => events.story("sample").includes("unloaded"), "the end");
});
