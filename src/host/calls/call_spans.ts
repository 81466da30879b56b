// The spans of calls, and what the plugin is told of them.
import { SallyportError } from "../../errors.ts";
import type { CallSpan, SpanSubject } from "../../monitor/telemetry/tracing.ts";
import type { RequestOptions } from "../../rpc/calls/options.ts";
import type { ActiveProcess } from "./active_process.ts";

/** Names what a request is, for spans and figures. */
export function kindOf(method: string): "call" | "hook" {
  return method === "hook/run" ? "hook" : "call";
}

/** Opens the span of a call, whose parameters the host itself has made. */
export function startSpan(
  { tracer }: ActiveProcess,
  subject: SpanSubject,
  params: unknown,
  options: RequestOptions | undefined,
  since: number | undefined,
): CallSpan {
  const { method, hook } = params as { method?: string; hook?: string };
  const given = options?.meta?.traceparent as string | undefined;
  return tracer.startCallSpan(subject, hook ?? method ?? "", given, since);
}

/** Returns what the span of a failed call says: why it was cancelled, where the host did that. */
export function reasonFor(error: unknown, signal: AbortSignal | undefined): unknown {
  return signal?.aborted && signal.reason instanceof SallyportError ? signal.reason : error;
}

/** Has the plugin told of the span. */
export function traced(
  options: RequestOptions | undefined,
  { traceparent }: CallSpan,
): RequestOptions | undefined {
  if (traceparent === options?.meta?.traceparent) return options;
  return { ...options, meta: { ...options?.meta, traceparent } };
}
