// Shows what plugins use and what becomes of them as OpenTelemetry metrics. The application brings the
// SDK and its exporter.
import {
  type Attributes,
  type Counter,
  createNoopMeter,
  type Histogram,
  type Meter,
  metrics,
  type Observable,
} from "@opentelemetry/api";
import { SallyportError } from "../../errors.ts";
import { type FailureLog, logFailure } from "../../guard.ts";
import { VERSION } from "../../version.ts";
import type { PluginSample } from "../samples/sample.ts";

/** Names the library that metrics and spans come from. */
export const INSTRUMENTATION_NAME = "@sallyport/host";

/** Names what calls are told apart by. */
export type CallKind = "call" | "stream" | "hook";

/** What is observed whenever metrics are collected. */
export interface TelemetrySources {
  /** Returns the latest sample of each plugin, as `monitor.latest()` does. */
  latest(): Iterable<PluginSample>;
  /** Returns the state of each plugin whose name is verified: nobody can invent more. */
  states(): Iterable<{ readonly plugin: string; readonly state: string }>;
  /** Lists every state there is. */
  readonly allStates: readonly string[];
}

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
  gauge("hostPercent", "host.utilization", "1", "What it takes of the host's thread", 100),
  gauge("hostHeldPercent", "host.held", "1", "Share of the time that the host lets it wait", 100),
];
const COUNTERS: readonly Instrument[] = [
  gauge("cpuTimeMs", "cpu.time", "s", "Processor time since the process's start", 1_000),
  gauge("refusedThreads", "threads.refused", "{thread}", "Threads that the kernel refused"),
];
/** What is counted as it happens, by name: unit and description. */
const EVENTS = {
  "crashes": ["{crash}", "Ends of its process that nobody wanted"],
  "restarts": ["{restart}", "Restarts after a crash"],
  "denials": ["{denial}", "What it asked for and was refused"],
  "violations": ["{violation}", "What it did against its limits, its permissions or the protocol"],
  "calls.failed": ["{call}", "Calls that failed"],
} as const;
/** In seconds: a round trip takes a tenth of a millisecond, a call at most as long as its limit. */
const BUCKETS = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
];

/**
 * Has figures, states, events and calls measured, under names that begin with `sallyport.plugin.`.
 *
 * The application registers its meter provider before; without one nothing is ever measured. Attributes
 * have few values: names of verified plugins, codes, kinds, never what a plugin or a caller says.
 */
export class PluginTelemetry implements Disposable {
  /** Whether there is anybody to measure for. */
  readonly isOn: boolean;
  readonly #log: FailureLog;
  readonly #counters = new Map<keyof typeof EVENTS, Counter>();
  #duration: Histogram | undefined;
  #end: () => void = () => {};

  /** Begins to measure. */
  constructor(sources: TelemetrySources, log: FailureLog, meter?: Meter) {
    this.#log = log;
    this.isOn = this.#try(() => {
      const of = meter ?? metrics.getMeter(INSTRUMENTATION_NAME, VERSION);
      if (of === createNoopMeter()) return false;
      this.#make(of, sources);
      return true;
    }) ?? false;
  }

  /** Counts something that happened to a plugin. */
  count(what: keyof typeof EVENTS, plugin: string, attributes: Attributes = {}): void {
    this.#try(() => this.#counters.get(what)?.add(1, { plugin, ...attributes }));
  }

  /** Takes the end of a call. */
  called(plugin: string, kind: CallKind, ms: number, error?: { readonly thrown: unknown }): void {
    const type = error && { "error.type": errorType(error.thrown) };
    const attributes = { plugin, "sallyport.call.kind": kind, ...type };
    this.#try(() => this.#duration?.record(ms / 1_000, attributes));
    if (error !== undefined) {
      this.#try(() => this.#counters.get("calls.failed")?.add(1, attributes));
    }
  }

  /** Ends the observation. */
  [Symbol.dispose](): void {
    this.#try(this.#end);
    this.#end = () => {};
  }

  #make(meter: Meter, sources: TelemetrySources): void {
    for (const [name, [unit, description]] of Object.entries(EVENTS)) {
      const counter = meter.createCounter(`sallyport.plugin.${name}`, { unit, description });
      this.#counters.set(name as keyof typeof EVENTS, counter);
    }
    this.#duration = meter.createHistogram("sallyport.plugin.calls.duration", {
      unit: "s",
      description: "Time from a call to its answer, or to the end of its stream",
      advice: { explicitBucketBoundaries: BUCKETS },
    });
    const state = meter.createObservableUpDownCounter("sallyport.plugin.state", {
      unit: "1",
      description: "1 for the state that the plugin is in, 0 for every other",
    });
    const figures = [
      ...GAUGES.map((it) => ({ ...it, instrument: meter.createObservableGauge(...naming(it)) })),
      ...COUNTERS.map((it) => ({
        ...it,
        instrument: meter.createObservableCounter(...naming(it)),
      })),
    ];
    const observables: Observable[] = [state, ...figures.map(({ instrument }) => instrument)];
    const observe = (result: ObservableResultOf) => {
      this.#try(() => {
        for (const { plugin, state: is } of sources.states()) {
          for (const each of sources.allStates) {
            const attributes = { plugin, "sallyport.plugin.state": each };
            result.observe(state, each === is ? 1 : 0, attributes);
          }
        }
        for (const sample of sources.latest()) {
          const attributes: Attributes = { plugin: sample.plugin, version: sample.version };
          for (const { figure, instrument, per = 1 } of figures) {
            const value = sample[figure];
            if (value !== undefined) result.observe(instrument, value / per, attributes);
          }
        }
      });
    };
    meter.addBatchObservableCallback(observe, observables);
    this.#end = () => meter.removeBatchObservableCallback(observe, observables);
  }

  #try<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      logFailure(this.#log, "OpenTelemetry metrics", error);
      return undefined;
    }
  }
}

type ObservableResultOf = Parameters<Parameters<Meter["addBatchObservableCallback"]>[0]>[0];

/** Names an error for telemetry: by its code, never its message. */
export function errorType(error: unknown): string {
  return error instanceof SallyportError ? error.code : "_OTHER";
}

function naming(
  { name, unit, description }: Instrument,
): [string, { unit: string; description: string }] {
  return [`sallyport.plugin.${name}`, { unit, description }];
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
