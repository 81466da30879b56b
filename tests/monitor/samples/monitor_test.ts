import assert from "node:assert/strict";
import {
  ResourceMonitor,
  type ResourceMonitorOptions,
} from "../../../src/monitor/samples/monitor.ts";
import type { PluginSample } from "../../../src/monitor/samples/sample.ts";
import { findCgroupFolders } from "../../../src/monitor/sources/cgroup.ts";
import type { HeapFigures, MonitorTarget } from "../../../src/monitor/samples/target.ts";
import { openCgroups } from "../../../src/sandbox/cgroup/manager.ts";
import { requiringTest, sandboxTest } from "../../helpers/sandbox.ts";
import { startShell, until } from "../../helpers/process.ts";
import { noProc, QUIET, startWatched, targetOf, type WatchedChild } from "../watched_child.ts";

const MIB = 1024 * 1024;

function heapOf(child: WatchedChild): () => Promise<HeapFigures> {
  return async () => JSON.parse(await child.ask("heap"));
}

/** Waits for a sample that is as wanted. */
async function sampled(
  monitor: ResourceMonitor,
  wanted: (sample: PluginSample) => boolean,
  what: string,
): Promise<PluginSample> {
  const signal = AbortSignal.timeout(60_000);
  for await (const event of monitor.watch({ signal })) {
    if (event.type === "sample" && wanted(event.sample)) return event.sample;
  }
  throw new Error(`no sample came with ${what}`);
}

requiringTest(
  "memory outside V8's heap shows in memoryBytes, not in heapUsed",
  noProc,
  async () => {
    await using child = await startWatched();
    await using control = await startWatched();
    using monitor = new ResourceMonitor();
    monitor.add(targetOf(child.pid, { heap: heapOf(child) }));
    monitor.add(targetOf(control.pid, { name: "control", heap: heapOf(control) }));
    const before = (await monitor.measure("sample"))!;
    const still = (await monitor.measure("control"))!;
    await child.ask("buffers 100");
    const after = (await anotherThan(() => monitor.measure("sample"), before))!;
    const rested = (await anotherThan(() => monitor.measure("control"), still))!;
    assert.ok(after.memoryBytes! - before.memoryBytes! > 95 * MIB);
    assert.ok(after.peakMemoryBytes! >= after.memoryBytes!);
    assert.ok(after.externalBytes! - before.externalBytes! > 95 * MIB);
    assert.ok(after.heapUsedBytes! - before.heapUsedBytes! < 10 * MIB);
    assert.ok(after.heapTotalBytes! >= after.heapUsedBytes!);
    assert.ok(rested.memoryBytes! - still.memoryBytes! < 10 * MIB);
    assert.equal(after.sources.memoryBytes, "proc");
    assert.equal(after.sources.heapUsedBytes, "plugin");
    assert.equal(after.storageBytes, undefined);
    assert.ok(Object.isFrozen(after) && Object.isFrozen(after.sources));
    assert.doesNotThrow(() => JSON.stringify(after));
  },
);

/** Measures until the sample is another than that. */
async function anotherThan(
  measure: () => Promise<PluginSample | undefined>,
  than: PluginSample,
): Promise<PluginSample | undefined> {
  let sample: PluginSample | undefined;
  await until(async () => (sample = await measure()) !== than, "a new sample");
  return sample;
}

requiringTest(
  "threads, descriptors, connections and cpu are counted against a control",
  noProc,
  async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    await using child = await startWatched();
    await using control = await startWatched();
    using monitor = new ResourceMonitor({ intervalMs: 100 });
    monitor.add(targetOf(child.pid));
    monitor.add(targetOf(control.pid, { name: "control" }));
    const still = (await sampled(monitor, (s) => s.plugin === "control", "the control"))!;
    const before = monitor.samples("sample")[0]!;
    await child.ask("workers 8");
    await child.ask("files 60");
    await child.ask(`connect ${port} 6`);
    const after = await sampled(
      monitor,
      (s) => s.plugin === "sample" && s.connections === 6,
      "six connections",
    );
    assert.ok(after.threads! >= before.threads! + 8);
    assert.ok(after.fileDescriptors! >= before.fileDescriptors! + 64);
    const spun = child.ask("spin 1500");
    const busy = await sampled(monitor, (s) => s.plugin === "sample" && s.cpuPercent! > 20, "cpu");
    assert.ok(busy.cpuPercent! < 250);
    await spun;
    const rested = monitor.samples("control").at(-1)!;
    assert.equal(rested.connections, 0);
    // a runtime starts threads for its own work now and then
    assert.ok(rested.threads! < still.threads! + 5);
    assert.ok(rested.fileDescriptors! < still.fileDescriptors! + 10);
    assert.ok(rested.cpuPercent! < busy.cpuPercent!);
  },
);

requiringTest("the whole process tree counts", noProc, async () => {
  await using family = startShell("sleep 60 & sleep 60 & sleep 60 & echo up; wait");
  await family.line();
  using monitor = new ResourceMonitor();
  monitor.add(targetOf(family.child.pid));
  const sample = (await monitor.measure("sample"))!;
  assert.equal(sample.threads, 4);
  const memory = async () => (await monitor.measure("sample"))?.memoryBytes ?? 0;
  await until(async () => await memory() > 2 * MIB, "all of them are what they are to be");
  const { stdout } = await new Deno.Command("/bin/ps", {
    args: ["-o", "pid=", "--ppid", `${family.child.pid}`],
  }).output();
  for (const pid of new TextDecoder().decode(stdout).trim().split(/\s+/)) {
    Deno.kill(Number(pid), "SIGKILL");
  }
});

sandboxTest("a control group's figures come first", "root", async () => {
  await using stack = new AsyncDisposableStack();
  const { manager, missing } = await openCgroups({ probeSystemd: false });
  assert.ok(manager, missing.join("; "));
  stack.use(manager);
  const group = stack.use(
    await manager.create({
      memoryBytes: 512 * MIB,
      cpuPercent: 100,
      threads: 40,
      fileDescriptors: 256,
      fileBytes: MIB,
    }),
  );
  const join = group.join.map((file) => `echo 0 > '${file}'`).join(" && ");
  // a shell above the runtime stands for the launcher: its thread is not the plugin's
  const child = stack.use(await startWatched(`${join} && "$@"`));
  const [runtime] = Deno.readTextFileSync(`/proc/${child.pid}/task/${child.pid}/children`)
    .split(" ").map(Number);
  using monitor = new ResourceMonitor();
  monitor.add(targetOf(runtime!, { cgroup: findCgroupFolders(child.pid) }));
  let sample = (await monitor.measure("sample"))!;
  assert.equal(sample.sources.memoryBytes, "cgroup");
  // a runtime starts and ends threads of its own, so that one moment may not be the other's
  const listed = () => [...Deno.readDirSync(`/proc/${runtime}/task`)].length;
  await until(async () => {
    sample = (await monitor.measure("sample"))!;
    return sample.threads === listed();
  }, "as many threads as are listed");
  await child.ask("buffers 64");
  const after = (await anotherThan(() => monitor.measure("sample"), sample))!;
  assert.ok(after.memoryBytes! - sample.memoryBytes! > 50 * MIB);
  assert.ok(after.peakMemoryBytes! >= after.memoryBytes!);
});

requiringTest(
  "a process that has ended gives no sample, nor does its successor",
  noProc,
  async () => {
    using monitor = new ResourceMonitor();
    {
      await using child = await startWatched();
      monitor.add(targetOf(child.pid));
      assert.ok(await monitor.measure("sample"));
    }
    await new Promise((resolve) => setTimeout(resolve, 110)); // past the age up to which it is as good as new
    assert.equal(await monitor.measure("sample"), undefined);
    assert.equal(await monitor.measure("unknown"), undefined);
  },
);

requiringTest("rates are means since the sample before", noProc, async () => {
  await using child = await startWatched();
  let counts = { ...QUIET };
  using monitor = new ResourceMonitor();
  monitor.add(targetOf(child.pid, { traffic: () => counts, connections: () => 3 }));
  await new Promise((resolve) => setTimeout(resolve, 120));
  counts = {
    sent: 40,
    received: 60,
    unasked: 0,
    bytesSent: 4_000,
    bytesReceived: 6_000,
    inFlight: 5,
    calls: 20,
    logLines: 10,
    hostMs: 30,
    hostHeldMs: 20,
  };
  const sample = (await monitor.measure("sample"))!;
  const seconds = sample.elapsedMs / 1_000;
  assert.ok(seconds > 0);
  assert.equal(sample.callsInFlight, 5);
  assert.equal(sample.connections, 3);
  assert.equal(sample.sources.connections, "proxy");
  const near = (value: number | undefined, count: number) =>
    assert.ok(Math.abs(value! * seconds - count) < 1e-6, `${value}`);
  near(sample.callsPerSecond, 20);
  near(sample.messagesPerSecond, 60);
  near(sample.messagesSentPerSecond, 40);
  near(sample.bytesReceivedPerSecond, 6_000);
  near(sample.bytesSentPerSecond, 4_000);
  near(sample.logLinesPerSecond, 10);
  near(sample.hostPercent! * 10, 30);
  near(sample.hostHeldPercent! * 10, 20);
  counts = { ...QUIET }; // another process took over
  const next = (await anotherThan(() => monitor.measure("sample"), sample))!;
  assert.equal(next.callsPerSecond, undefined);
});

requiringTest("storage is walked through anew when the plugin has written", noProc, async () => {
  const storageDir = await Deno.makeTempDir({ prefix: "sallyport-test-" });
  try {
    await using child = await startWatched();
    using monitor = new ResourceMonitor({ intervalMs: 100 });
    monitor.add(targetOf(child.pid, { storageDir }));
    const before = await sampled(monitor, ({ storageBytes }) => storageBytes !== undefined, "size");
    assert.equal(before.sources.storageBytes, "files");
    await child.ask(`write ${storageDir}/big ${2 * MIB}`);
    const taken = monitor.samples("sample").length;
    await sampled(monitor, (s) => s.storageBytes! >= before.storageBytes! + 2 * MIB, "two MiB");
    assert.ok(monitor.samples("sample").length - taken <= 3, "it took more than two intervals");
  } finally {
    await Deno.remove(storageDir, { recursive: true });
  }
});

requiringTest("a heap question that is not answered holds nobody up for long", noProc, async () => {
  await using child = await startWatched();
  let asked = 0;
  const answers = [
    () => Promise.resolve({ heapUsedBytes: 1, heapTotalBytes: 2, externalBytes: 3 }),
    () => Promise.resolve({ heapUsedBytes: -1, heapTotalBytes: NaN, externalBytes: 3 }),
    () => Promise.reject(new Error("ended")),
    () => new Promise<undefined>(() => {}),
  ];
  using monitor = new ResourceMonitor();
  monitor.add(targetOf(child.pid, { heap: () => answers[asked++]!() }));
  const samples: PluginSample[] = [];
  for (let i = 0; i < 5; i++) {
    let sample: PluginSample | undefined;
    await until(async () => (sample = await monitor.measure("sample")) !== samples.at(-1), "one");
    samples.push(sample!);
  }
  assert.deepEqual(samples.map(({ heapUsedBytes }) => heapUsedBytes), [1, ...Array(4)]);
  assert.equal(asked, 4, "it was asked again while a question was open");
  assert.ok(samples.every(({ memoryBytes }) => memoryBytes! > 0));
});

requiringTest(
  "samples come at the interval, of all plugins together, and the history is bounded",
  noProc,
  async () => {
    await using child = await startWatched();
    const seen: [PluginSample, PluginSample | undefined][] = [];
    using monitor = new ResourceMonitor({
      intervalMs: 200,
      history: 3,
      onSample: (...pair) => {
        seen.push(pair);
        throw new Error("the host's own fault");
      },
    });
    for (const name of ["a", "b", "c"]) monitor.add(targetOf(child.pid, { name }));
    monitor.add(targetOf(child.pid, { name: "rare", intervalMs: 60_000 }));
    await until(() => seen.length >= 18, "six rounds");
    assert.equal(monitor.samples("a").length, 3);
    assert.deepEqual(monitor.samples("rare"), []);
    assert.deepEqual([...monitor.latest()].map(({ plugin }) => plugin), ["a", "b", "c"]);
    const ofA = seen.filter(([{ plugin }]) => plugin === "a");
    assert.equal(ofA[0]![1], undefined);
    assert.equal(ofA[3]![1], ofA[2]![0]);
    const elapsed = ofA.slice(1).map(([{ elapsedMs }]) => elapsedMs);
    const mean = elapsed.reduce((a, b) => a + b) / elapsed.length;
    assert.ok(mean > 150 && mean < 500, `every ${mean} ms`);
    const spread = seen.slice(0, 3).map(([{ time }]) => Date.parse(time));
    assert.ok(Math.max(...spread) - Math.min(...spread) < 150);
  },
);

requiringTest("watch() bounds what waits and says what was lost", noProc, async () => {
  await using child = await startWatched();
  let taken = 0;
  using monitor = new ResourceMonitor({ intervalMs: 100, onSample: () => taken++ });
  const slow = monitor.watch({ maxQueued: 2 });
  const other = monitor.watch({ plugin: "other" });
  const control = monitor.watch();
  monitor.add(targetOf(child.pid));
  await until(() => taken >= 5, "five samples");
  monitor[Symbol.dispose]();
  const rest: unknown[] = [];
  for await (const event of slow) rest.push(event.type === "lagged" ? event.dropped : "sample");
  assert.deepEqual(rest, [taken - 2, "sample", "sample"]);
  assert.deepEqual(await other.next(), { done: true, value: undefined });
  let all = 0;
  for await (const _ of control) all++;
  assert.equal(all, taken);
  assert.equal((await monitor.watch().next()).done, true);
  assert.throws(() => monitor.add(targetOf(child.pid)), TypeError);
});

Deno.test("watch() ends with its signal", async () => {
  using monitor = new ResourceMonitor();
  const controller = new AbortController();
  const waiting = monitor.watch({ signal: controller.signal }).next();
  controller.abort();
  assert.equal((await waiting).done, true);
  assert.equal((await monitor.watch({ signal: controller.signal }).next()).done, true);
});

requiringTest(
  "a target takes the place of another, which cannot remove it then",
  noProc,
  async () => {
    await using old = await startWatched();
    await using young = await startWatched();
    const [first, second]: MonitorTarget[] = [targetOf(old.pid), targetOf(young.pid)];
    using monitor = new ResourceMonitor();
    monitor.add(first!);
    assert.equal((await monitor.measure("sample"))!.pid, old.pid);
    monitor.add(second!);
    assert.equal((await monitor.measure("sample"))!.pid, young.pid);
    assert.equal(monitor.samples("sample").length, 2, "the history goes on");
    assert.equal(monitor.remove("sample", first), false);
    assert.equal(monitor.remove("sample", second), true);
    assert.equal(monitor.remove("sample"), false);
    assert.deepEqual(monitor.samples("sample"), []);
  },
);

Deno.test("ResourceMonitor refuses options out of bounds", () => {
  const make = (options: ResourceMonitorOptions) => () => new ResourceMonitor(options);
  for (const intervalMs of [99, 3_600_001, 1_000.5, NaN, "1000" as unknown as number]) {
    assert.throws(make({ intervalMs }), /"intervalMs" must be a whole number from 100 to 3600000/);
  }
  assert.throws(make({ history: 0 }), RangeError);
  using monitor = new ResourceMonitor({ intervalMs: 100, history: 10_000 });
  assert.throws(() => monitor.add(targetOf(1, { intervalMs: 1 })), RangeError);
  assert.throws(() => monitor.watch({ maxQueued: 0 }), RangeError);
});

Deno.test("a monitor keeps no process alive", async () => {
  const url = new URL("../../../src/monitor/samples/monitor.ts", import.meta.url).href;
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--config",
      new URL("../../../deno.json", import.meta.url).pathname,
      `import { ResourceMonitor } from ${JSON.stringify(url)};
       const monitor = new ResourceMonitor({ intervalMs: 3_600_000 });
       monitor.add({ name: "a", version: "1.0.0", bundleHash: "", pid: Deno.pid, traffic: () => ({}) });`,
    ],
    signal: AbortSignal.timeout(20_000),
  }).output();
  assert.equal(code, 0);
});

requiringTest(
  "a host that may not read /proc asks ps or the plugin, and says so",
  noProc,
  async () => {
    await using child = await startWatched();
    const url = new URL("../../../src/monitor/samples/monitor.ts", import.meta.url).href;
    const script = `import { ResourceMonitor } from ${JSON.stringify(url)};
    const monitor = new ResourceMonitor();
    const traffic = () => ({ sent: 0, received: 0, unasked: 0, bytesSent: 0, bytesReceived: 0, inFlight: 2, calls: 0, logLines: 0 });
    const heap = () => Promise.resolve({ heapUsedBytes: 1, heapTotalBytes: 2, externalBytes: 3, rssBytes: 4096 });
    monitor.add({ name: "a", version: "1.0.0", bundleHash: "", pid: ${child.pid}, traffic, heap });
    console.log(JSON.stringify(await monitor.measure("a")));`;
    const dir = await Deno.makeTempDir({ prefix: "sallyport-test-" });
    try {
      await Deno.writeTextFile(`${dir}/main.ts`, script);
      const config = new URL("../../../deno.json", import.meta.url).pathname;
      const run = async (...flags: string[]): Promise<PluginSample> => {
        const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "--no-prompt", "--config", config, ...flags, `${dir}/main.ts`],
          signal: AbortSignal.timeout(20_000),
        }).output();
        assert.equal(new TextDecoder().decode(stderr), "");
        return JSON.parse(new TextDecoder().decode(stdout));
      };
      const bare = await run();
      assert.equal(bare.memoryBytes, 4_096);
      assert.equal(bare.sources.memoryBytes, "plugin");
      assert.equal(bare.callsInFlight, 2);
      assert.ok(!("threads" in bare) && !("fileDescriptors" in bare));
      const helped = await run("--allow-run=/bin/ps");
      assert.equal(helped.sources.memoryBytes, "platform");
      assert.ok(helped.memoryBytes! > 20 * MIB);
      const free = await run("-A");
      assert.equal(free.sources.memoryBytes, "proc");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
);
