import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import assert from "node:assert/strict";
import { silentLogger } from "../../../src/log.ts";
import { ResourceMonitor } from "../../../src/monitor/samples/monitor.ts";
import { PluginTelemetry } from "../../../src/monitor/telemetry/telemetry.ts";
import type { Meter } from "@opentelemetry/api";
import { recordingLogger } from "../../helpers/host.ts";
import { requiringTest } from "../../helpers/sandbox.ts";
import { noProc, QUIET, startWatched, targetOf } from "../watched_child.ts";

requiringTest("PluginTelemetry shows every figure with plugin and version", noProc, async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  try {
    await using child = await startWatched();
    using monitor = new ResourceMonitor();
    const heap = () =>
      Promise.resolve({ heapUsedBytes: 1_000, heapTotalBytes: 2_000, externalBytes: 3_000 });
    monitor.add(targetOf(child.pid, { heap, traffic: () => ({ ...QUIET, inFlight: 4 }) }));
    let observed = 0;
    const latest = () => {
      observed++;
      return monitor.latest();
    };
    const sources = { latest, states: () => [], allStates: [] };
    const observing = new PluginTelemetry(sources, silentLogger, provider.getMeter("test"));
    assert.equal(observing.isOn, true);
    await reader.forceFlush();
    assert.deepEqual(names(exporter), [], "there is no sample yet");
    const sample = (await monitor.measure("sample"))!;
    await reader.forceFlush();
    const points = collect(exporter);
    const attributes = { plugin: "sample", version: "1.0.0" };
    for (const { attributes: found } of points.values()) assert.deepEqual(found, attributes);
    const value = (name: string) => points.get(`sallyport.plugin.${name}`)?.value;
    assert.equal(value("memory.usage"), sample.memoryBytes);
    assert.equal(value("heap.used"), 1_000);
    assert.equal(value("cpu.time"), sample.cpuTimeMs! / 1_000);
    assert.equal(value("threads"), sample.threads);
    assert.equal(value("calls.in_flight"), 4);
    assert.equal(value("storage.usage"), undefined, "a figure that is not known is not observed");
    const known = Object.entries(sample).filter(([figure, value]) =>
      typeof value === "number" && figure !== "pid" && figure !== "elapsedMs"
    );
    assert.equal(names(exporter).length, known.length);
    observing[Symbol.dispose]();
    await reader.forceFlush();
    assert.equal(observed, 2, "it is observed after its end");
  } finally {
    await provider.shutdown();
  }
});

Deno.test("PluginTelemetry does nothing where the application brings no SDK", () => {
  let asked = 0;
  const states = () => {
    asked++;
    return [];
  };
  const observing = new PluginTelemetry({ latest: states, states, allStates: [] }, silentLogger);
  assert.equal(observing.isOn, false);
  observing.count("crashes", "sample");
  observing.called("sample", "call", 5);
  observing[Symbol.dispose]();
  assert.equal(asked, 0);
});

Deno.test("instruments that throw cost nothing, and are logged", () => {
  const log = recordingLogger();
  const fail = () => {
    throw new Error("broken SDK");
  };
  const meter = new Proxy({} as Meter, { get: () => fail });
  const sources = { latest: () => [], states: () => [], allStates: [] };
  assert.equal(new PluginTelemetry(sources, log, meter).isOn, false);
  const instrument = { add: fail, record: fail };
  const later = new Proxy({} as Meter, { get: () => () => instrument });
  const telemetry = new PluginTelemetry(sources, log, later);
  assert.equal(telemetry.isOn, true);
  telemetry.count("crashes", "sample");
  telemetry.called("sample", "call", 5, { thrown: new Error("x") });
  telemetry[Symbol.dispose]();
  const messages = log.entries.map(({ message }) => message);
  assert.deepEqual(messages, Array(4).fill("OpenTelemetry metrics failed: Error: broken SDK"));
});

Deno.test("every instrument is in docs/integration.md, with its unit", async () => {
  const made: [string, string][] = [];
  const meter = new Proxy({} as Meter, {
    get: (_, method) => (name: string, { unit }: { unit: string }) => {
      if (String(method).startsWith("create")) made.push([name, unit]);
      return {};
    },
  });
  const sources = { latest: () => [], states: () => [], allStates: [] };
  assert.equal(new PluginTelemetry(sources, silentLogger, meter).isOn, true);
  assert.ok(made.length > 25);
  const docs = await Deno.readTextFile(new URL("../../../docs/integration.md", import.meta.url));
  const rows = docs.split("\n").filter((line) => line.startsWith("| `sallyport.plugin."));
  for (const [name, unit] of made) {
    const [, short] = /^sallyport\.plugin(\.[a-z_.]+)$/.exec(name)!;
    const row = rows.find((row) => row.includes(`\`${name}\``) || row.includes(`\`${short}\``));
    assert.ok(row !== undefined, name);
    assert.ok(row.includes(`\`${unit}\``) || row.includes("…"), `${name} in ${unit}`);
  }
});

interface Point {
  readonly value: number;
  readonly attributes: Record<string, unknown>;
}

function collect(exporter: InMemoryMetricExporter): Map<string, Point> {
  const points = new Map<string, Point>();
  for (const { scopeMetrics } of exporter.getMetrics()) {
    for (const { metrics } of scopeMetrics) {
      for (const { descriptor, dataPoints } of metrics) {
        for (const { value, attributes } of dataPoints) {
          points.set(descriptor.name, { value: value as number, attributes });
        }
      }
    }
  }
  return points;
}

function names(exporter: InMemoryMetricExporter): string[] {
  return [...collect(exporter).keys()];
}
