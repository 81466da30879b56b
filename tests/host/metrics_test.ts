import assert from "node:assert/strict";
import { viewHosts } from "../../src/cli/top/hosts.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest } from "../helpers/host.ts";
import { until } from "../helpers/process.ts";

const SAMPLE = `export default { methods: {
  echo: (value) => value,
  wait: () => new Promise(() => {}),
  spin: () => { for (const end = Date.now() + 400; Date.now() < end;); },
} };`;

Deno.test("metrics() measures a running plugin now", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.bundle("sample", SAMPLE));
  await plugin.call("echo", "x".repeat(10_000));
  const waiting = plugin.call("wait").catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  const sample = await plugin.metrics();
  assert.ok(sample !== undefined);
  assert.deepEqual(
    [sample.plugin, sample.version, sample.bundleHash, sample.pid],
    ["sample", plugin.version, plugin.bundleHash, plugin.pid],
  );
  assert.equal(sample.callsInFlight, 1);
  assert.ok(sample.callsPerSecond! > 0 && sample.bytesSentPerSecond! > 1_000);
  assert.ok(sample.heapUsedBytes! > 100_000 && sample.heapTotalBytes! >= sample.heapUsedBytes!);
  assert.equal(sample.sources.heapUsedBytes, "plugin");
  if (Deno.build.os === "linux") {
    assert.ok(
      sample.memoryBytes! > 10_000_000 && sample.threads! > 1 && sample.fileDescriptors! > 2,
    );
  }
  await plugin.unload();
  await waiting;
  assert.equal(await plugin.metrics(), undefined);
});

Deno.test("samples() gives each plugin's samples until the signal", async () => {
  await using test = await hostTest();
  const host = await test.open({ monitor: { intervalMs: 100, history: 5 } });
  await host.load(await test.bundle("one", SAMPLE));
  await host.load(await test.bundle("two", SAMPLE));
  const seen = new Map<string, number>();
  const done = new AbortController();
  for await (const event of host.samples({ signal: done.signal })) {
    assert.ok(event.type === "sample");
    const { plugin } = event.sample;
    seen.set(plugin, (seen.get(plugin) ?? 0) + 1);
    if (seen.size === 2 && [...seen.values()].every((count) => count >= 2)) done.abort();
  }
  assert.deepEqual([...seen.keys()].sort(), ["one", "two"]);
  const rest = host.samples();
  await host.close();
  while (!(await rest.next()).done); // ends with the host
});

Deno.test("a reload is followed: samples are those of the process that serves", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.bundle("sample", SAMPLE));
  const before = await plugin.metrics();
  await test.bundle("sample", SAMPLE, { version: "1.1.0" });
  await plugin.reload();
  const after = await plugin.metrics();
  assert.notEqual(after?.pid, before?.pid);
  assert.deepEqual([after?.pid, after?.version], [plugin.pid, "1.1.0"]);
});

Deno.test("without a monitor there are no samples, and options are checked", async () => {
  await using test = await hostTest();
  const host = await test.open({ monitor: false });
  const plugin = await host.load(await test.bundle("sample", SAMPLE));
  await assertRejectsWithCode(plugin.metrics(), "bad-state", /no monitor/);
  assert.throws(() => host.samples(), /no monitor/);
  assert.equal(await plugin.call("echo", 1), 1);
  for (const monitor of [{ intervalMs: 99 }, { intervalMs: 3_600_001 }, { history: 0 }]) {
    await assert.rejects(test.open({ monitor }), RangeError);
  }
  await assert.rejects(test.open({ monitor: { every: 5 } as never }), TypeError);
  await assert.rejects(test.open({ monitor: true as never }), TypeError);
});

Deno.test("a host with a data folder of its own publishes its status while it lives", async () => {
  await using test = await hostTest();
  const host = await test.open({ monitor: { intervalMs: 100 } });
  const plugin = await host.load(await test.bundle("sample", SAMPLE));
  await plugin.call("echo", 1);
  const status = async () => (await viewHosts(test.dataDir)).hosts[0]?.status;
  let seen: Awaited<ReturnType<typeof status>>;
  await until(async () => (seen = await status())?.plugins[0]?.sample !== undefined, "a status");
  const [told] = seen!.plugins;
  assert.deepEqual(
    [told!.name, told!.state, told!.pid, told!.version, told!.sandbox, told!.calls.total],
    ["sample", "active", plugin.pid, plugin.version, "plain", 1],
  );
  assert.deepEqual([seen!.host.pid, seen!.intervalMs], [Deno.pid, 100]);
  await plugin.unload();
  await until(async () => (await status())?.plugins[0]?.state === "inactive", "the new state");
  await host.close();
  assert.deepEqual((await viewHosts(test.dataDir)).hosts, []);
});
