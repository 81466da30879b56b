import assert from "node:assert/strict";
import { PluginHost } from "../../src/host/host.ts";
import { verifyAuditLog } from "../../src/audit/verify_log.ts";
import { revokePlugin, setExpiry } from "../../src/trust/list_changes.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { recordEvents } from "../helpers/host.ts";
import { makeKeys, signDir } from "../helpers/signing.ts";
import { until } from "../helpers/process.ts";
import { listTest, WAITER, YEAR_MS } from "./trust_kit.ts";

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
    ["updated", 2],
    ["updated", 3],
    ["expired", 3],
  ]);
  assert.match(JSON.stringify(trust[0]!.changes), /bad/);
  const report = await verifyAuditLog(audit);
  assert.deepEqual(report.chains.flatMap(({ problems }) => problems), []);
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
