import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import assert from "node:assert/strict";
import { ResourceMonitor } from "../../src/monitor/monitor.ts";
import { observePlugins } from "../../src/monitor/telemetry.ts";
import { requiringTest } from "../helpers/sandbox.ts";
import { noProc, QUIET, startWatched, targetOf } from "./watched_child.ts";

requiringTest("observePlugins() shows every figure with plugin and version", noProc, async () => {
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
    const observing = observePlugins(() => {
      observed++;
      return monitor.latest();
    }, provider.getMeter("test"));
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

Deno.test("observePlugins() does nothing where the application brings no SDK", () => {
  let asked = 0;
  const observing = observePlugins(() => {
    asked++;
    return [];
  });
  observing[Symbol.dispose]();
  assert.equal(asked, 0);
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
