// The states of one plugin, without a process.
import assert from "node:assert/strict";
import { SallyportError } from "../../../src/errors.ts";
import { ManagedPlugin } from "../../../src/host/plugin/plugin.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { settle } from "../../helpers/fake_clock.ts";
import { FakeHost, FakeProcess, hanging, prepared, verified } from "./fake_parts.ts";

const NEVER = new AbortController().signal;
const REVOKED = new SallyportError("revoked", 'Cannot load plugin "sample": it leaks', {
  reason: "it leaks",
});

function make() {
  const host = new FakeHost();
  const plugin = new ManagedPlugin(host.parts, "sample", "/plugins/sample", "available");
  return { host, plugin };
}

async function running(process = new FakeProcess()) {
  const { host, plugin } = make();
  host.starts.push(() => process);
  await plugin.start(prepared(verified()), NEVER);
  host.seen.length = 0;
  return { host, plugin, process };
}

Deno.test("ManagedPlugin starts, serves, drains and is inactive", async () => {
  const { host, plugin } = make();
  const process = new FakeProcess();
  host.starts.push(() => process);
  await plugin.start(prepared(verified()), NEVER);
  assert.deepEqual(host.story(), ["state:starting", "state:active", "loaded"]);
  assert.equal(await plugin.request("plugin/call", { method: "say" }), "answered");
  assert.deepEqual(plugin.counts, { calls: 1, failures: 0, inFlight: 0 });
  await plugin.unload("asked to");
  assert.deepEqual(host.story().slice(3), ["state:draining", "state:inactive", "unloaded"]);
  assert.deepEqual(process.asked, ["plugin/call", "stop"]);
  assert.deepEqual(host.released, ["sample"]);
  await assertRejectsWithCode(plugin.request("plugin/call", {}), "bad-state");
});

Deno.test("ManagedPlugin that cannot start is failed, and lets go of what its init used", async () => {
  const { host, plugin } = make();
  host.starts.push(() => Promise.reject(new SallyportError("launch-failed", "Cannot start it")));
  await assertRejectsWithCode(plugin.start(prepared(verified()), NEVER), "launch-failed");
  assert.equal(plugin.state, "failed");
  assert.deepEqual(host.released, ["sample"]);
  assert.deepEqual(host.ended, [], "nothing that ran has ended");
});

Deno.test("ManagedPlugin is judged at the moment of its start: one that is refused by then has no process", async () => {
  const { host, plugin } = make();
  host.refused.set("1.0.0", REVOKED);
  await assertRejectsWithCode(plugin.start(prepared(verified()), NEVER), "revoked");
  assert.deepEqual([host.started.length, plugin.state], [0, "untrusted"]);
});

Deno.test("ManagedPlugin kills a process whose bundle was refused while it started", async () => {
  const { host, plugin } = make();
  const process = new FakeProcess();
  host.starts.push(() => {
    host.refused.set("1.0.0", REVOKED);
    return process;
  });
  await assertRejectsWithCode(plugin.start(prepared(verified()), NEVER), "revoked");
  assert.deepEqual([process.asked, plugin.state], [["kill"], "untrusted"]);
});

Deno.test("ManagedPlugin takes note of a crash, then tells its supervisor", async () => {
  const { host, plugin, process } = await running();
  process.crash();
  await settle();
  assert.deepEqual([plugin.state, plugin.error?.code], ["failed", "crashed"]);
  assert.deepEqual(host.ended, ["sample crashed"]);
  assert.deepEqual(host.released, ["sample"]);
});

Deno.test("ManagedPlugin that is unloaded does not crash", async () => {
  const { host, plugin } = await running();
  await plugin.unload("asked to");
  await settle();
  assert.deepEqual([plugin.state, host.ended], ["inactive", []]);
});

Deno.test("ManagedPlugin is taken down by a revocation at once", async () => {
  const { host, plugin, process } = await running();
  host.refused.set("1.0.0", REVOKED);
  await plugin.enforceTrust();
  assert.deepEqual(process.asked, ["kill"]);
  assert.deepEqual(host.story(), ["state:untrusted", "unloaded"]);
  const [unloaded] = host.seen.filter((event) => event.type === "unloaded");
  assert.deepEqual([unloaded!.reason, unloaded!.refusal], ["it leaks", REVOKED]);
});

Deno.test("ManagedPlugin switches to a new version when that is healthy, and stops the old one", async () => {
  const { host, plugin, process } = await running();
  const next = new FakeProcess();
  host.starts.push(() => next);
  await plugin.replace(prepared(verified("2.0.0")), NEVER);
  assert.deepEqual(host.story(), ["reloaded"]);
  assert.deepEqual([plugin.manifest?.version, plugin.pid], ["2.0.0", next.pid]);
  assert.deepEqual([next.asked, process.asked], [["health"], ["stop"]]);
});

Deno.test("ManagedPlugin keeps the old version where the new one fails, at whatever step", async () => {
  const failures: ((process: FakeProcess) => void)[] = [
    (process) => process.answer = () => Promise.reject(new SallyportError("timeout", "no answer")),
    (process) => {
      process.answer = (method) =>
        method === "state/restore"
          ? Promise.reject(new SallyportError("plugin-error", "cannot restore"))
          : {};
    },
  ];
  for (const fail of failures) {
    const { host, plugin, process } = await running(new FakeProcess(true));
    process.answer = () => ({ state: 1 });
    const next = new FakeProcess(true);
    fail(next);
    host.starts.push(() => next);
    await assert.rejects(plugin.replace(prepared(verified("2.0.0")), NEVER), SallyportError);
    assert.deepEqual([plugin.state, plugin.manifest?.version], ["active", "1.0.0"]);
    assert.equal(next.asked.at(-1), "kill");
    assert.equal(process.hasExited, false);
  }
});

Deno.test("ManagedPlugin hands its state over, and holds calls back meanwhile", async () => {
  const { host, plugin, process } = await running(new FakeProcess(true));
  const snapshot = Promise.withResolvers<unknown>();
  process.answer = (method) => method === "state/snapshot" ? snapshot.promise : "old";
  const next = new FakeProcess(true);
  next.answer = (method) => method === "plugin/call" ? "new" : {};
  host.starts.push(() => next);
  const replacing = plugin.replace(prepared(verified("2.0.0")), NEVER);
  while (!process.asked.includes("state/snapshot")) await settle();
  const held = plugin.request("plugin/call", { method: "say" });
  await settle();
  assert.deepEqual(process.asked, ["state/snapshot"], "the call waits");
  snapshot.resolve({ state: { n: 1 } });
  await replacing;
  assert.equal(await held, "new");
  assert.deepEqual(next.asked, ["health", "state/restore", "plugin/call"]);
});

Deno.test("ManagedPlugin does not ask a version for its state that is revoked by now", async () => {
  const { host, plugin, process } = await running(new FakeProcess(true));
  host.refused.set("1.0.0", REVOKED);
  const next = new FakeProcess(true);
  host.starts.push(() => next);
  await plugin.replace(prepared(verified("2.0.0")), NEVER);
  assert.deepEqual([process.asked, next.asked], [["stop"], ["health"]]);
});

Deno.test("ManagedPlugin that is parked starts at its first call, once", async () => {
  const { host, plugin } = make();
  await plugin.park(prepared(verified()));
  assert.deepEqual([plugin.isLazy, plugin.state, host.started.length], [true, "available", 0]);
  const calls = [1, 2, 3].map(() => plugin.request("plugin/call", { method: "say" }));
  assert.deepEqual(await Promise.all(calls), ["answered", "answered", "answered"]);
  assert.equal(host.started.length, 1);
});

Deno.test("ManagedPlugin that is parked and revoked is not started by a call", async () => {
  const { host, plugin } = make();
  await plugin.park(prepared(verified()));
  host.refused.set("1.0.0", REVOKED);
  await plugin.enforceTrust();
  assert.equal(plugin.state, "untrusted");
  await assert.rejects(plugin.request("plugin/call", {}), SallyportError);
  assert.equal(host.started.length, 0);
});

Deno.test("ManagedPlugin is taken down while it starts", async () => {
  const { host, plugin } = make();
  host.starts.push(hanging);
  const loading = plugin.steps.load(
    undefined,
    (signal) => plugin.start(prepared(verified()), signal),
  );
  loading.catch(() => {});
  await settle();
  const error = new SallyportError("limit-exceeded", 'Plugin "sample" was unloaded: too much');
  await plugin.takeDown(error, "quarantined");
  await assertRejectsWithCode(loading, "limit-exceeded");
});
