import { context, type Span, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  type AlwaysOffSampler,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { until } from "./process.ts";

/** The spans that have ended. */
export interface SpanRecord {
  /** All of them, in the order in which they ended. */
  all(): ReadableSpan[];
  /** Waits for a span of that name. */
  find(name: string): Promise<ReadableSpan>;
}

/** Gives the test an SDK as an application would have it; the API holds one a process. */
export async function withSdk(
  act: (spans: SpanRecord) => unknown,
  options: { sampler?: AlwaysOffSampler } = {},
): Promise<void> {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({
    ...options,
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
  });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const all = () => exporter.getFinishedSpans();
  try {
    await act({
      all,
      async find(name) {
        const find = () => all().find((span) => span.name === name);
        await until(() => find() !== undefined, `a span "${name}"`);
        return find()!;
      },
    });
  } finally {
    trace.disable();
    context.disable();
    await provider.shutdown();
    await new Promise((resolve) => setTimeout(resolve, 1)); // the exporter's own timers are over then
  }
}

/** Runs a function in a span of the application. */
export async function inAppSpan<T>(name: string, act: (span: Span) => Promise<T>): Promise<T> {
  return await trace.getTracer("app").startActiveSpan(name, async (span) => {
    try {
      return await act(span);
    } finally {
      span.end();
    }
  });
}
