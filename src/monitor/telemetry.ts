/**
 * Shows what plugins use as OpenTelemetry metrics. The application brings the SDK and its exporter.
 *
 * @module
 */
import { type Attributes, type Meter, metrics, type ObservableGauge } from "@opentelemetry/api";
import { VERSION } from "../version.ts";
import type { PluginSample } from "./sample.ts";

/** Names the library that metrics and spans come from. */
export const INSTRUMENTATION_NAME = "@sallyport/host";

type Figure = {
  [K in keyof PluginSample]-?: NonNullable<PluginSample[K]> extends number ? K : never;
}[keyof PluginSample];

interface Instrument {
  readonly figure: Figure;
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  /** By what the figure is divided to come to that unit. */
  readonly per?: number;
}

const GAUGES: readonly Instrument[] = [
  gauge("memoryBytes", "memory.usage", "By", "Memory in use"),
  gauge("peakMemoryBytes", "memory.peak", "By", "The most memory at once"),
  gauge("heapUsedBytes", "heap.used", "By", "V8 heap in use, as the plugin's runtime says"),
  gauge("heapTotalBytes", "heap.total", "By", "V8 heap, as the plugin's runtime says"),
  gauge("externalBytes", "heap.external", "By", "Memory outside V8's heap, as the runtime says"),
  gauge("cpuPercent", "cpu.utilization", "1", "Share of one processor", 100),
  gauge("throttledPercent", "cpu.throttled", "1", "Share of the time held back", 100),
  gauge("threads", "threads", "{thread}", "Threads"),
  gauge("fileDescriptors", "file_descriptors", "{descriptor}", "Open file descriptors"),
  gauge("connections", "connections", "{connection}", "Open network connections"),
  gauge("storageBytes", "storage.usage", "By", "Size of the storage"),
  gauge("callsInFlight", "calls.in_flight", "{call}", "Calls that wait for an answer"),
  gauge("callsPerSecond", "calls.rate", "{call}/s", "Calls to the plugin"),
  gauge("messagesPerSecond", "messages.received.rate", "{message}/s", "Messages from the plugin"),
  gauge("unaskedPerSecond", "messages.unasked.rate", "{message}/s", "Messages that answer nothing"),
  gauge("messagesSentPerSecond", "messages.sent.rate", "{message}/s", "Messages to the plugin"),
  gauge("bytesReceivedPerSecond", "bytes.received.rate", "By/s", "Bytes from the plugin"),
  gauge("bytesSentPerSecond", "bytes.sent.rate", "By/s", "Bytes to the plugin"),
  gauge("logLinesPerSecond", "log.rate", "{line}/s", "Lines that the plugin logs"),
];
const COUNTERS: readonly Instrument[] = [
  gauge("cpuTimeMs", "cpu.time", "s", "Processor time since the process's start", 1_000),
  gauge("refusedThreads", "threads.refused", "{thread}", "Threads that the kernel refused"),
];

/**
 * Has every figure of the latest samples observed, with the attributes `plugin` and `version`, under names
 * that begin with `sallyport.plugin.`: gauges, and counters of processor time and refused threads.
 *
 * The application registers its meter provider before; without one nothing is ever observed.
 *
 * @param latest Gives the latest sample of each plugin, as `monitor.latest()` does.
 * @param meter Takes the instruments; the global provider's by default.
 * @returns What ends the observation when disposed of.
 */
export function observePlugins(
  latest: () => Iterable<PluginSample>,
  meter: Meter = metrics.getMeter(INSTRUMENTATION_NAME, VERSION),
): Disposable {
  const make = (
    { name, unit, description }: Instrument,
    kind: "createObservableGauge" | "createObservableCounter",
  ): ObservableGauge => meter[kind](`sallyport.plugin.${name}`, { unit, description });
  const instruments = [
    ...GAUGES.map((it) => ({ ...it, instrument: make(it, "createObservableGauge") })),
    ...COUNTERS.map((it) => ({ ...it, instrument: make(it, "createObservableCounter") })),
  ];
  const observables = instruments.map(({ instrument }) => instrument);
  const observe: Parameters<Meter["addBatchObservableCallback"]>[0] = (result) => {
    for (const sample of latest()) {
      const attributes: Attributes = { plugin: sample.plugin, version: sample.version };
      for (const { figure, instrument, per = 1 } of instruments) {
        const value = sample[figure];
        if (value !== undefined) result.observe(instrument, value / per, attributes);
      }
    }
  };
  meter.addBatchObservableCallback(observe, observables);
  return {
    [Symbol.dispose]: () => meter.removeBatchObservableCallback(observe, observables),
  };
}

function gauge(
  figure: Figure,
  name: string,
  unit: string,
  description: string,
  per?: number,
): Instrument {
  return { figure, name, unit, description, per };
}
