// A plugin that was loaded to start at its first use is judged when it starts, not when it was loaded.
import assert from "node:assert/strict";
import { Quarantine } from "../../src/monitor/violations/quarantine.ts";
import type { TrustListContent } from "../../src/trust/list/content.ts";
import { addPlugin, setKeyWindow } from "../../src/trust/list/changes.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { shiftClock } from "../helpers/clock.ts";
import { hostTest } from "../helpers/host.ts";
import { signDir } from "../helpers/signing.ts";
import { listTest, WAITER, YEAR_MS } from "./trust_kit.ts";

const HOUR_MS = 3_600_000;
const inAnHour = () => new Date(Date.now() + HOUR_MS);

Deno.test("a parked plugin that was put into quarantine meanwhile does not start", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.bundle("sample", WAITER), { lazy: true });
  const control = await host.load(await test.bundle("control", WAITER), { lazy: true });
  const quarantine = new Quarantine(test.dataDir); // as another host on the folder has it
  const record = { version: "1.0.0", bundleHash: "0".repeat(128), violations: [] };
  await quarantine.add({ name: "sample", ...record, reason: "it leaks" });
  await assertRejectsWithCode(plugin.call("ping"), "bad-state", /quarantine since .*: it leaks/);
  assert.deepEqual([plugin.state, plugin.pid], ["quarantined", undefined]);
  assert.equal(await control.call("ping"), "pong");
  await host.releaseQuarantine("sample");
  await host.loadByName("sample");
  assert.equal(await plugin.call("ping"), "pong");
});

Deno.test("a parked plugin whose signature has expired meanwhile does not start, by keys or by a list", async () => {
  await using test = await listTest();
  for (const open of [() => test.open(), () => test.openByList()]) {
    const host = await open();
    const dir = await test.bundle("sample", WAITER);
    await signDir(dir, test.keys, { expiresAt: inAnHour() });
    const plugin = await host.load(dir, { lazy: true });
    const control = await host.load(await test.bundle("control", WAITER), { lazy: true });
    using _later = shiftClock(2 * HOUR_MS);
    await assertRejectsWithCode(plugin.call("ping"), "expired", /signature|statement|expired/);
    assert.deepEqual([plugin.state, plugin.pid], ["untrusted", undefined]);
    assert.equal(await control.call("ping"), "pong", "one without an end starts at that time, too");
    await host.close();
  }
});

Deno.test("a parked plugin does not start when the window of its key or its entry has ended meanwhile", async () => {
  const hour = inAnHour();
  const ends: [string, (list: TrustListContent, hash: string) => TrustListContent][] = [
    ["a key's window", (list) => setKeyWindow(list, "tests", { notAfter: hour })],
    [
      "an entry",
      (list, hash) => addPlugin(list, { name: "sample", version: "1.0.0", hash, expiresAt: hour }),
    ],
  ];
  for (const [what, end] of ends) {
    await using test = await listTest();
    const dir = await test.bundle("sample", WAITER);
    const hash = await signDir(dir, test.keys);
    await test.change((list) => end(list, hash));
    const host = await test.openByList();
    const plugin = await host.load(dir, { lazy: true });
    using later = shiftClock(2 * HOUR_MS);
    await assertRejectsWithCode(plugin.call("ping"), "expired", undefined);
    assert.equal(plugin.pid, undefined, what);
    later[Symbol.dispose]();
    await host.loadByName("sample"); // the control: an hour before it starts
    assert.equal(await plugin.call("ping"), "pong");
    using _later = shiftClock(2 * HOUR_MS);
    assert.equal(await plugin.call("ping"), "pong", "what runs is not ended by time");
  }
});

Deno.test("a parked version does not start when another host on the folder has run a newer one", async () => {
  await using test = await listTest();
  const [host, other] = [await test.openByList(), await test.openByList()];
  const plugin = await host.load(await test.bundle("sample", WAITER), { lazy: true });
  await test.release("sample", { version: "1.1.0" });
  await other.load(plugin.path);
  await assertRejectsWithCode(plugin.call("ping"), "rollback", /below version "1\.1\.0"/);
  assert.equal(plugin.pid, undefined);
});

Deno.test("a clock that is set back does not make a verdict count longer", async () => {
  await using test = await listTest();
  const host = await test.openByList();
  const dir = await test.bundle("sample", WAITER);
  await test.change((list) =>
    setKeyWindow(list, "tests", { notBefore: new Date(Date.now() - HOUR_MS) })
  );
  await host.refreshTrust();
  const plugin = await host.load(dir, { lazy: true });
  using _earlier = shiftClock(-YEAR_MS);
  await assertRejectsWithCode(plugin.call("ping"), "expired", /counts only from/);
});
