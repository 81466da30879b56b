import assert from "node:assert/strict";
import { PluginHost } from "../../src/host/host.ts";
import {
  acceptBundle,
  addPlugin,
  liftRevocation,
  revokePlugin,
  setExpiry,
  setMinimum,
} from "../../src/trust/list/changes.ts";
import { RollbackMark } from "../../src/trust/mark/rollback_mark.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { recordEvents } from "../helpers/host.ts";
import { makeKeys, signDir } from "../helpers/signing.ts";
import { listTest, WAITER, YEAR_MS } from "./trust_kit.ts";

Deno.test("a host with a trust list loads what it trusts, and nothing else", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  const good = await host.load(await test.bundle("good", WAITER));
  assert.equal(await good.call("ping"), "pong");
  assert.deepEqual(good.signers, [{ keyId: test.keys.id, name: "tests" }]);
  const strange = await test.bundle("strange", WAITER);
  await Deno.remove(`${strange}/plugin.sig.json`);
  await signDir(strange, await makeKeys());
  await assertRejectsWithCode(host.load(strange), "untrusted");
  assert.equal(host.plugin("strange")?.state, "untrusted");
});

Deno.test("a listed name is held to its entries", async () => {
  await using test = await listTest();
  const dir = await test.bundle("sample", WAITER);
  const hash = await signDir(dir, test.keys);
  await test.change((list) => addPlugin(list, { name: "sample", version: "1.0.0", hash }));
  const host = await test.openByList();
  await host.load(dir);
  await host.unload("sample");
  await test.release("sample", { version: "1.1.0" });
  await assertRejectsWithCode(host.load(dir), "untrusted", /1\.1\.0/);
});

Deno.test("PluginHost.open() refuses a trust list that it cannot use", async () => {
  await using test = await listTest();
  const { file, keyFile } = test;
  const wrongKey = test.join("wrong.key");
  await Deno.writeFile(wrongKey, new Uint8Array(32));
  const empty = test.join("empty");
  await Deno.writeTextFile(empty, "\n");
  for (
    const [trustList, pattern] of [
      [{ file: test.join("none"), keyFile }, /none/],
      [{ file, keyFile: wrongKey }, /key/],
      [{ file, keyFile: empty }, /1 bytes/],
      [{ file, passphraseFile: empty }, /empty/],
      [{ file, passphrase: "wrong" }, /key/],
      [{ file }, /nothing opens it/],
      [{ file, keyFile, passphrase: "both" }, /both given/],
    ] as const
  ) {
    const opening = PluginHost.open({ trustList, dataDir: test.dataDir });
    await assertRejectsWithCode(opening, "bad-config", pattern);
  }
  const both = test.open({ trustList: { file, keyFile } }); // the test's hosts have keys
  await assertRejectsWithCode(both, "bad-config", /trustList and keys/);
  for (
    const trustList of [file, { file, keyFile, odd: 1 }, { file, key: new Uint8Array(31) }, {
      file,
      keyFile,
      allowRollback: "yes",
    }]
  ) {
    await assert.rejects(PluginHost.open({ trustList: trustList as never }), TypeError);
  }
  await test.openByList(); // the control
});

Deno.test("an expired list opens, says so, and loads nothing until it is renewed", async () => {
  await using test = await listTest((list) => setExpiry(list, new Date(Date.now() - 1_000)));
  const dir = await test.bundle("sample", WAITER);
  const host = await test.openByList();
  const record = await test.logger.find(({ message }) => /has expired/.test(message));
  assert.equal(record.level, "error");
  await assertRejectsWithCode(host.load(dir), "expired", /trust list expired/);
  await test.change((list) => setExpiry(list, new Date(Date.now() + YEAR_MS)));
  await host.refreshTrust();
  await host.load(dir);
});

Deno.test("a version below the highest that ran on this folder is refused, unless allowed", async () => {
  await using test = await listTest();
  const dir = await test.bundle("sample", WAITER, { version: "2.0.0" });
  {
    await using host = await test.openByList();
    await host.load(dir);
  }
  await test.release("sample", { version: "1.9.9" });
  const host = await test.openByList();
  const error = await assertRejectsWithCode(host.load(dir), "rollback", /1\.9\.9.*2\.0\.0/);
  assert.equal(error.details.plugin, "sample");
  for (const allowRollback of [true, ["sample"]]) {
    const { file, keyFile } = test;
    await using lenient = await test.openByList({ trustList: { file, keyFile, allowRollback } });
    await lenient.load(dir);
  }
  const { file, keyFile } = test;
  const other = await test.openByList({ trustList: { file, keyFile, allowRollback: ["other"] } });
  await assertRejectsWithCode(other.load(dir), "rollback");
  // the highest is remembered still, and the operator's minimum holds whatever is allowed
  await test.change((list) => setMinimum(list, "sample", "1.9.10"));
  const lenient = await test.openByList({ trustList: { file, keyFile, allowRollback: true } });
  await assertRejectsWithCode(lenient.load(dir), "rollback", /minimum/);
});

Deno.test("a poisoned version that is revoked keeps the real ones out no longer", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  const dir = await test.bundle("sample", WAITER, { version: "1.2.0" });
  const load = async (version: string) => {
    const hash = await test.release("sample", { version });
    await host.load(dir);
    await host.unload("sample");
    return hash;
  };
  await load("1.2.0");
  const hash = await load("999.0.0");
  await assertRejectsWithCode(load("1.3.0"), "rollback", /999\.0\.0/);
  const target = { hash };
  await test.change((list) => revokePlugin(list, target, { reason: "signed by a thief" }));
  await host.refreshTrust();
  await assertRejectsWithCode(load("999.0.0"), "revoked");
  await assertRejectsWithCode(load("1.1.0"), "rollback", /1\.2\.0/); // what ran before still counts
  await load("1.3.0");
  await assertRejectsWithCode(load("1.2.0"), "rollback", /1\.3\.0/);
  {
    await using again = await test.openByList();
    await test.release("sample", { version: "1.2.0" });
    await assertRejectsWithCode(again.load(dir), "rollback", /1\.3\.0/);
  }
  await test.change((list) => liftRevocation(list, target));
  await host.refreshTrust();
  await assertRejectsWithCode(load("1.3.0"), "rollback", /999\.0\.0/);
});

Deno.test("a version that another host on the folder ran counts at once", async () => {
  await using test = await listTest();
  const dir = await test.bundle("sample", WAITER, { version: "1.0.0" });
  const first = await test.openByList();
  await first.load(dir);
  await first.unload("sample");
  const second = await test.openByList();
  await test.release("sample", { version: "2.0.0" });
  await second.load(dir);
  await test.release("sample", { version: "1.0.0" });
  await assertRejectsWithCode(first.load(dir), "rollback");
});

Deno.test("a version is remembered when it is up, and only then", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  const list = await test.change((content) => setMinimum(content, "other", "1.0.0"));
  await host.refreshTrust();
  const remembered = async (name: string) =>
    (await RollbackMark.open(`${test.dataDir}/trust`, list.content)).plugin(name)?.version;
  const dies = await test.bundle("dies", "Deno.exit(3);", { version: "3.0.0" });
  await assertRejectsWithCode(host.load(dies), "launch-failed");
  assert.equal(await remembered("dies"), undefined);
  const greedy = await test.bundle("greedy", WAITER, { permissions: { sys: ["hostname"] } });
  await assertRejectsWithCode(host.load(greedy), "permission-denied");
  assert.equal(await remembered("greedy"), undefined);
  await host.load(await test.bundle("waiter", WAITER, { version: "3.0.0" }));
  assert.equal(await remembered("waiter"), "3.0.0");
});

Deno.test("a version that could not be reloaded does not keep out the one that serves", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  await test.release("sample", { version: "1.0.0" });
  const plugin = await host.load(`${test.plugins}/sample`);
  const sick = WAITER.replace("methods:", "health() { throw new Error('sick'); }, methods:");
  for (const main of ["Deno.exit(3);", sick]) {
    await test.release("sample", { version: "2.0.0" }, main);
    await assertRejectsWithCode(plugin.reload(), "launch-failed");
    await test.release("sample", { version: "1.0.0" });
    await plugin.reload();
    assert.equal(plugin.version, "1.0.0");
  }
  // the control: one that was up does
  await test.release("sample", { version: "2.0.0" });
  await plugin.reload();
  await test.release("sample", { version: "1.0.0" });
  await assertRejectsWithCode(plugin.reload(), "rollback", /2\.0\.0/);
});

Deno.test("a list that went back is refused when a host opens, and another list in its place", async () => {
  await using test = await listTest();
  const old = await Deno.readFile(test.file);
  await test.change((list) => setMinimum(list, "sample", "1.0.0"));
  {
    await using _host = await test.openByList();
  }
  const now = await Deno.readFile(test.file);
  await Deno.writeFile(test.file, old);
  await assertRejectsWithCode(test.openByList(), "rollback", /revision 1/);
  await using other = await listTest();
  await Deno.copyFile(other.file, test.file);
  const { keyFile } = other;
  const swapped = test.openByList({ trustList: { file: test.file, keyFile } });
  await assertRejectsWithCode(swapped, "rollback", /another list/);
  await Deno.writeFile(test.file, now);
  const host = await test.openByList(); // the control
  assert.equal(host.counts().total, 0);
});

Deno.test("an accepted bundle is no trusted one: it needs its signature all the same", async () => {
  await using test = await listTest();
  const dir = await test.bundle("sample", WAITER);
  await Deno.remove(`${dir}/plugin.sig.json`);
  const hash = await signDir(dir, await makeKeys());
  await test.change((list) => acceptBundle(list, { name: "sample", version: "1.0.0", hash }));
  const host = await test.openByList();
  const events = recordEvents(host);
  await assertRejectsWithCode(host.load(dir), "untrusted");
  await events.find("untrusted", "sample");
});
