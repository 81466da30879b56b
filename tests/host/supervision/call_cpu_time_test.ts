import assert from "node:assert/strict";
import {
  CallCpuTime,
  type CallExcess,
  type CallSource,
} from "../../../src/host/supervision/call_cpu_time.ts";
import { mayReadProc } from "../../../src/monitor/sources/proc.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../../helpers/host.ts";
import { isAlive, until } from "../../helpers/process.ts";
import { requiringTest } from "../../helpers/sandbox.ts";

const noProc = mayReadProc() ? undefined : "no /proc";

const BUSY = `
  const spin = (ms) => { for (const end = Date.now() + ms; Date.now() < end;); };
  const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  export default {
    methods: {
      ping: () => "pong",
      spin: ({ ms }) => spin(ms),
      wait: ({ ms }) => rest(ms),
      burn: async (_, call) => {
        while (!call.signal.aborted) {
          spin(10);
          await rest(1);
        }
      },
      items: async function* () { yield 1; spin(600_000); },
    },
  };`;
const LIMITS = { cpuTimeMs: 200, callTimeoutMs: 120_000 };

requiringTest(
  "a call in a loop that never answers ends its plugin at its limit",
  noProc,
  async () => {
    await using test = await hostTest();
    const host = await test.open({ monitor: false });
    const events = recordEvents(host);
    const plugin = await host.load(await test.bundle("busy", BUSY, { limits: LIMITS }));
    const calm = await host.load(await test.bundle("calm", BUSY));
    const { pid } = plugin;
    const call = assertRejectsWithCode(plugin.call("spin", { ms: 600_000 }), "limit-exceeded");
    assert.equal(await calm.call("ping"), "pong");
    const { details } = await call;
    const { violation, action } = await events.find("violation", "busy");
    assert.deepEqual(
      [violation.kind, violation.severity, violation.limit, violation.unit, action],
      ["cpu", "critical", 200, "ms", "unload"],
    );
    assert.ok(violation.measured! > 200);
    assert.match(violation.message, /is stuck: a call of it took \d+ ms of processor time/);
    assert.deepEqual([details.kind, details.measured], ["cpu", violation.measured]);
    await events.find("unloaded", "busy");
    assert.deepEqual([plugin.state, calm.state, isAlive(pid!)], ["inactive", "active", false]);
    await host.loadByName("busy");
    assert.equal(await plugin.call("ping"), "pong");
  },
);

requiringTest("a plugin that still answers loses the call alone", noProc, async () => {
  await using test = await hostTest();
  const host = await test.open({ monitor: false });
  const plugin = await host.load(await test.bundle("busy", BUSY, { limits: LIMITS }));
  const error = await assertRejectsWithCode(plugin.call("burn"), "limit-exceeded");
  assert.match(error.message, /"busy\.burn": it took \d+ ms of processor time where 200 ms/);
  assert.deepEqual([error.details.limit, error.details.value], ["cpuTimeMs", 200]);
  assert.ok(Number(error.details.measured) > 200);
  assert.deepEqual(
    host.violations("busy").map(({ kind, severity }) => `${kind} ${severity}`),
    ["cpu medium"],
  );
  assert.equal(plugin.state, "active");
  assert.equal(await plugin.call("ping"), "pong");
});

requiringTest(
  "a loop among several calls, or in a stream, ends its plugin, too",
  noProc,
  async () => {
    await using test = await hostTest();
    const host = await test.open({ monitor: false });
    const plugin = await host.load(await test.bundle("busy", BUSY, { limits: LIMITS }));
    const waiting = [1, 2, 3].map(() =>
      assertRejectsWithCode(plugin.call("wait", { ms: 600_000 }), "limit-exceeded")
    );
    await Promise.all([
      ...waiting,
      assertRejectsWithCode(plugin.call("spin", { ms: 600_000 }), "limit-exceeded"),
    ]);
    await until(() => plugin.state === "inactive", "it is stopped");
    await host.loadByName("busy");
    await assertRejectsWithCode(
      (async () => {
        for await (const _ of plugin.stream("items"));
      })(),
      "limit-exceeded",
    );
    assert.deepEqual(
      host.violations("busy").map(({ kind, severity }) => `${kind} ${severity}`),
      ["cpu critical", "cpu critical"],
    );
  },
);

requiringTest(
  "the control: nobody is blamed for waiting, or for what others took",
  noProc,
  async () => {
    await using test = await hostTest();
    const host = await test.open({ monitor: false });
    const limits = { ...LIMITS, cpuTimeMs: 600 };
    const plugin = await host.load(await test.bundle("busy", BUSY, { limits }));
    const slow = plugin.call("wait", { ms: 1_500 });
    for (let n = 0; n < 16; n++) await plugin.call("spin", { ms: 50 });
    await slow;
    assert.deepEqual([plugin.state, host.violations("busy")], ["active", []]);
  },
);

/** A process whose figures the test sets. */
class FakeSource implements CallSource {
  counts = { calls: 0, inFlight: 0, received: 0 };
  onCall = () => {};
  open: number[] = [];
  cpuMs = 0;
  looks = 0;
  /** Whether it sends something now and then. */
  speaks = true;

  openCalls(): number[] {
    return this.open;
  }

  read(): number {
    this.looks++;
    if (this.speaks) this.counts.received++;
    return this.cpuMs;
  }

  begin(id: number): void {
    this.open = [...this.open, id];
    this.counts.calls++;
    this.counts.inFlight++;
    this.onCall();
  }

  end(id: number): void {
    this.open = this.open.filter((it) => it !== id);
    this.counts.inFlight--;
  }

  /** Waits for two looks more: the second has seen what was so before the first. */
  async seen(): Promise<void> {
    const { looks } = this;
    await until(() => this.looks >= looks + 2, "two looks");
  }
}

function watch(source: FakeSource, limitMs = 100) {
  const excesses: CallExcess[] = [];
  const watch = new CallCpuTime(source, {
    limitMs,
    everyMs: 2,
    read: () => source.read(),
    onExcess: (excess) => Promise.resolve(void excesses.push(excess)),
  });
  return { excesses, [Symbol.dispose]: () => watch[Symbol.dispose]() };
}

Deno.test("CallCpuTime gives the calls that are under way together equal shares", async () => {
  const source = new FakeSource();
  using told = watch(source);
  source.begin(1);
  await source.seen();
  source.cpuMs += 90;
  await source.seen();
  source.begin(2);
  await source.seen();
  source.cpuMs += 18; // 9 for each
  await source.seen();
  assert.deepEqual(told.excesses, []);
  source.cpuMs += 4;
  await source.seen();
  assert.deepEqual(told.excesses, [{ measuredMs: 101, calls: [1] }]);
  source.end(1);
  await source.seen();
  source.cpuMs += 80;
  await source.seen();
  assert.equal(told.excesses.length, 1); // 91 for the other
  source.cpuMs += 10;
  await source.seen();
  assert.deepEqual(told.excesses.at(-1), { measuredMs: 101, calls: [2] });
});

Deno.test("CallCpuTime counts nothing in which another call began, and nothing between calls", async () => {
  const source = new FakeSource();
  using told = watch(source);
  source.begin(1);
  await source.seen();
  source.cpuMs += 1_000; // in the same turn, so that no look is in between
  source.begin(2);
  source.end(2);
  await source.seen();
  source.end(1);
  await until(() => {
    source.begin(3); // it looks no more when there is nothing to see
    source.end(3);
    return true;
  }, "another call");
  source.cpuMs += 1_000;
  source.begin(4);
  await source.seen();
  assert.deepEqual(told.excesses, []);
});

Deno.test("CallCpuTime tells of a process that says nothing for longer than a call may take", async () => {
  const source = new FakeSource();
  source.speaks = false;
  using told = watch(source);
  for (const id of [1, 2, 3]) source.begin(id);
  await source.seen();
  source.cpuMs += 90;
  await source.seen();
  assert.deepEqual(told.excesses, []);
  source.cpuMs += 20;
  await source.seen();
  assert.deepEqual(told.excesses, [{ measuredMs: 110, calls: [] }]);
  // the control: one that speaks has let go in between
  source.speaks = true;
  await source.seen();
  source.cpuMs += 90;
  await source.seen();
  assert.equal(told.excesses.length, 1);
});
