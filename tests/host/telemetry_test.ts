import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  type HistogramMetricData,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import assert from "node:assert/strict";
import { PLUGIN_STATES } from "../../src/host/events/plugin_state.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";

const PLUGIN = `export default { methods: {
  echo: (value) => value,
  fail: () => { throw new Error("secret words"); },
  *count(n) { for (let i = 0; i < n; i++) yield i; },
  denied: () => context.get("kv"),
  ask: () => context.get("kv").get("x"),
  crash: () => Deno.exit(3),
}, hooks: { on_x: (value) => value }, init: (ctx) => { context = ctx; } };
let context;`;

interface Point {
  readonly value: unknown;
  readonly attributes: Record<string, unknown>;
}

/** An SDK as an application has it, and what it reads of the package's instruments. */
function withMeters(): AsyncDisposable & { read(): Promise<(name: string) => Point[]> } {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  return {
    async read() {
      exporter.reset();
      await reader.forceFlush();
      const scopes = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
        .filter(({ scope }) => scope.name === "@sallyport/host");
      const all = scopes.flatMap(({ metrics }) => metrics);
      return (name) =>
        all.filter(({ descriptor }) => descriptor.name === `sallyport.plugin.${name}`)
          .flatMap(({ dataPoints }): Point[] => [...dataPoints]);
    },
    async [Symbol.asyncDispose]() {
      metrics.disable();
      await provider.shutdown();
    },
  };
}

/** Writes the points of an instrument as `attribute=value … → value`, in order. */
function lines(points: readonly Point[]): string[] {
  return points.map(({ attributes, value }) => {
    const count = value as number | HistogramMetricData["dataPoints"][number]["value"];
    const pairs = Object.entries(attributes).map(([name, value]) => `${name}=${value}`);
    return `${pairs.join(" ")} → ${typeof count === "number" ? count : count.count}`;
  }).sort();
}

Deno.test("an application's SDK sees states, calls, crashes, restarts, denials and violations", async () => {
  await using meters = withMeters();
  await using test = await hostTest();
  const host = await test.open({
    policy: {
      default: {
        grant: { hooks: ["*"] },
        restart: { maxRestarts: 3 },
        violations: { responses: [{ at: 1, action: "warn" }] },
      },
    },
  });
  const events = recordEvents(host);
  const hooks = [{ name: "on_x" }];
  const plugin = await host.load(await test.bundle("sample", PLUGIN, { hooks }));
  await plugin.call("echo", 1);
  await plugin.call("echo", 2);
  await assert.rejects(plugin.call("fail"));
  await assert.rejects(plugin.call("echo", 1, { signal: AbortSignal.abort() }));
  assert.deepEqual(await Array.fromAsync(plugin.stream("count", 3)), [0, 1, 2]);
  for await (const _ of plugin.stream("count", 10_000)) break;
  await host.hooks.run("on_x", 1);
  await assert.rejects(plugin.call("ask"));
  await events.find("violation", "sample");

  const first = await meters.read();
  const kind = (kind: string, more = "") => `plugin=sample sallyport.call.kind=${kind}${more}`;
  assert.deepEqual(lines(first("calls.duration")), [
    `${kind("call", " error.type=cancelled")} → 1`,
    `${kind("call", " error.type=plugin-error")} → 1`,
    `${kind("call", " error.type=service-denied")} → 1`,
    `${kind("call")} → 2`,
    `${kind("hook")} → 1`,
    `${kind("stream")} → 2`,
  ]);
  assert.deepEqual(lines(first("calls.failed")), [
    `${kind("call", " error.type=cancelled")} → 1`,
    `${kind("call", " error.type=plugin-error")} → 1`,
    `${kind("call", " error.type=service-denied")} → 1`,
  ]);
  const [{ value }] = first("calls.duration") as [HistogramMetricData["dataPoints"][number]];
  assert.ok(value.sum! > 0 && value.sum! < 30, "seconds");
  assert.deepEqual(lines(first("denials")), ["plugin=sample error.type=service-denied → 1"]);
  assert.deepEqual(
    lines(first("violations")),
    [
      "plugin=sample sallyport.violation.kind=permission sallyport.violation.severity=low " +
      "sallyport.violation.action=warn → 1",
    ],
  );
  const states = (read: typeof first) =>
    Object.fromEntries(
      read("state").map(({ attributes, value }) => [attributes["sallyport.plugin.state"], value]),
    );
  const zeros = Object.fromEntries(PLUGIN_STATES.map((state) => [state, 0]));
  assert.deepEqual(states(first), { ...zeros, active: 1 });
  assert.deepEqual([first("crashes"), first("restarts")], [[], []]);

  await assert.rejects(plugin.call("crash"));
  await events.find("restarting", "sample");
  await host.unload("sample");
  const second = await meters.read();
  assert.deepEqual(lines(second("crashes")), ["plugin=sample → 1"]);
  assert.deepEqual(lines(second("restarts")), ["plugin=sample → 1"]);
  assert.equal(Object.values(states(second)).reduce<number>((sum, n) => sum + Number(n), 0), 1);
  assert.equal(states(second).active, 0);
});

Deno.test("what is refused before it is verified gets no metric: nobody can invent names", async () => {
  await using meters = withMeters();
  await using test = await hostTest();
  const host = await test.open();
  for (const name of ["one", "two", "three"]) {
    const path = await test.bundle(name, PLUGIN);
    await Deno.writeTextFile(`${path}/main.ts`, "changed");
    await assert.rejects(host.load(path));
  }
  const read = await meters.read();
  assert.equal(host.plugins().length, 3);
  for (const name of ["state", "denials", "violations", "calls.duration"]) {
    assert.deepEqual(read(name), [], name);
  }
  // the control: one that is verified has all of them
  await (await host.load(await test.bundle("good", PLUGIN, { hooks: [] }))).call("echo", 1);
  const points = (await meters.read())("state");
  assert.equal(points.length, PLUGIN_STATES.length);
  assert.deepEqual([...new Set(points.map(({ attributes }) => attributes.plugin))], ["good"]);
});
