import assert from "node:assert/strict";
import { acceptBundle, addPlugin, revokePlugin } from "../../../src/trust/list/changes.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { recordEvents } from "../../helpers/host.ts";
import type { ManifestFields } from "../../helpers/signing.ts";
import { listTest, WAITER } from "../trust_kit.ts";

const policy = {
  default: { grant: { sys: ["hostname", "uid"], context: { kv: "readwrite" as const } } },
};
const MODEST = { permissions: { sys: ["hostname"] }, context: [{ key: "kv", access: "read" }] };
const GREEDY = {
  permissions: { sys: ["hostname", "uid"] },
  context: [{ key: "kv", access: "readwrite" }],
};

Deno.test("a version that asks for more waits until the operator accepts it, though the policy grants it", async () => {
  await using test = await listTest();
  const host = await test.openByList({ policy });
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", WAITER, MODEST));
  const hash = await test.release("sample", { ...GREEDY, version: "1.1.0" });
  const error = await assertRejectsWithCode(
    host.reload("sample"),
    "permission-denied",
    /"1\.1\.0" asks for more than "1\.0\.0" did: sys "uid", context "kv \(readwrite\)"/,
  );
  assert.deepEqual(error.details.added, [
    { family: "sys", value: "uid" },
    { family: "context", value: "kv (readwrite)", before: "kv (read)" },
  ]);
  assert.match(
    error.hint ?? "",
    /trust accept \S+trust\.list \S+sample --key-file \S+list\.key --data-dir \S+$/,
  );
  assert.equal(await plugin.call("ping"), "pong"); // the one before serves on
  await host.unload("sample");
  await assertRejectsWithCode(host.load(plugin.path), "permission-denied");
  await events.find("denied", "sample");
  const accepted = { name: "sample", version: "1.1.0", hash };
  // the control: to accept another bundle is to accept nothing
  await test.change((list) => acceptBundle(list, { ...accepted, hash: "0".repeat(128) }));
  await host.refreshTrust();
  await assertRejectsWithCode(host.load(plugin.path), "permission-denied");
  await test.change((list) => acceptBundle(list, accepted));
  await host.refreshTrust();
  await host.load(plugin.path);
  assert.equal(host.plugin("sample")?.version, "1.1.0");
});

Deno.test("a version that asks for as much or less loads by itself", async () => {
  await using test = await listTest();
  const host = await test.openByList({ policy });
  const plugin = await host.load(await test.bundle("sample", WAITER, GREEDY));
  await test.release("sample", { ...GREEDY, version: "1.1.0" });
  await host.reload("sample");
  await test.release("sample", { ...MODEST, version: "1.2.0" });
  await host.reload("sample");
  assert.equal(plugin.version, "1.2.0");
  // what was given up must be asked for again
  await test.release("sample", { ...GREEDY, version: "1.3.0" });
  await assertRejectsWithCode(host.reload("sample"), "permission-denied");
});

Deno.test("what a revoked version asked for is no measure, unless nothing else ran", async () => {
  await using test = await listTest();
  const host = await test.openByList({ policy });
  const load = async (manifest: ManifestFields) => {
    const hash = await test.release("sample", manifest);
    await host.load(`${test.plugins}/sample`);
    await host.unload("sample");
    return hash;
  };
  await load(MODEST);
  const thief = { name: "sample", version: "999.0.0" };
  const hash = await test.release("sample", { ...GREEDY, ...thief });
  await test.change((list) => acceptBundle(list, { ...thief, hash }));
  await host.refreshTrust();
  await load({ ...GREEDY, ...thief });
  await test.change((list) => revokePlugin(list, { hash }, { reason: "signed by a thief" }));
  await host.refreshTrust();
  const asking = load({ ...GREEDY, version: "1.1.0" });
  await assertRejectsWithCode(asking, "permission-denied", /than "1\.0\.0" did/);
  await load({ ...MODEST, version: "1.1.0" });
  for (const versions of ["1.0.0", "1.1.0"]) {
    const all = { name: "sample", versions };
    await test.change((list) => revokePlugin(list, all, { reason: "leaks" }));
  }
  await host.refreshTrust();
  await load({ ...GREEDY, version: "1.2.0" }); // no more than the highest did
  const more = { ...GREEDY, permissions: { sys: ["hostname", "uid", "gid"] }, version: "1.3.0" };
  await assertRejectsWithCode(load(more), "permission-denied", /than "1\.2\.0" did: sys "gid"/);
});

Deno.test("consent is to what ran, on this folder, whichever host ran it; same version or not", async () => {
  await using test = await listTest();
  {
    await using host = await test.openByList({ policy });
    await host.load(await test.bundle("sample", WAITER, MODEST));
  }
  const host = await test.openByList({ policy });
  await test.release("sample", GREEDY); // the same version, signed again
  const dir = `${test.plugins}/sample`;
  await assertRejectsWithCode(host.load(dir), "permission-denied");
  const elsewhere = await test.openByList({ policy, dataDir: test.join("elsewhere") });
  await elsewhere.load(dir); // it has never run there
});

Deno.test("an entry for the very bundle is consent, and without a trust list none is asked", async () => {
  await using test = await listTest();
  const host = await test.openByList({ policy });
  const dir = await test.bundle("sample", WAITER, MODEST);
  await host.load(dir);
  const hash = await test.release("sample", { ...GREEDY, version: "1.1.0" });
  await assertRejectsWithCode(host.reload("sample"), "permission-denied");
  const byKeys = await test.open({ policy });
  await byKeys.load(dir);
  await byKeys.close();
  await host.unload("sample");
  await test.change((list) => addPlugin(list, { name: "sample", version: "1.1.0", hash }));
  await host.refreshTrust();
  await host.load(dir);
});
