// Spans around calls to a plugin and around what it calls in turn, joined by `traceparent`.
import {
  type Context,
  context,
  isSpanContextValid,
  ProxyTracerProvider,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { escapeText } from "../../errors.ts";
import { type FailureLog, logFailure } from "../../guard.ts";
import { createLogger } from "../../log.ts";
import { VERSION } from "../../version.ts";
import { errorType, INSTRUMENTATION_NAME } from "./telemetry.ts";

/** Names what a span is about. */
export type SpanSubject = "call" | "stream" | "hook";

/** A span that is open until the call has ended. */
export interface CallSpan {
  /** The W3C trace context to hand on in `_meta`; `undefined` when there is none. */
  readonly traceparent: string | undefined;
  /** The id of the trace, for logs; `undefined` when there is none. */
  readonly traceId: string | undefined;
  /** Runs a function with the span as the active one, so that what it begins becomes its child. */
  run<T>(act: () => T): T;
  /** Ends the span, with the error of the call if it failed; only the first call counts. */
  end(error?: unknown): void;
}

/** A trace context that the plugin was given, and how many of the calls under way were given it. */
interface Given {
  readonly inside: Context;
  readonly traceId: string;
  calls: number;
}

/** A span of the application's tracer, and what the plugin is given of it. */
interface Opened {
  readonly span: Span;
  readonly inside: Context;
  readonly handedOn: string;
  readonly traceId: string;
}

/** What stands for a span where there is none. */
const NO_SPAN: CallSpan = Object.freeze({
  traceparent: undefined,
  traceId: undefined,
  run: <T>(act: () => T): T => act(),
  end() {},
});
/** What the API delegates to while the application has registered nothing. */
const NO_PROVIDER = new ProxyTracerProvider().getDelegate();

/** Version, trace id, span id, flags; see W3C Trace Context, section 3.2. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const MAX_NAME = 200;

/** Returns a context whose spans become children of a remote one. */
export function withTraceparent(
  traceparent: string | undefined,
  base: Context = context.active(),
): Context {
  const match = traceparent === undefined ? null : TRACEPARENT.exec(traceparent);
  if (match === null) return base;
  const [, traceId, spanId, flags] = match;
  const remote: SpanContext = {
    traceId: traceId!,
    spanId: spanId!,
    traceFlags: parseInt(flags!, 16) & 1,
    isRemote: true,
  };
  return isSpanContextValid(remote) ? trace.setSpanContext(base, remote) : base;
}

/**
 * Makes the spans of one process of a plugin. While the application has registered no tracer provider,
 * nothing is made: a `traceparent` that the caller gave is handed on, and known again when the plugin
 * names it.
 */
export class PluginTracer {
  readonly #attributes: Readonly<Record<string, string>>;
  readonly #plugin: string;
  readonly #log: FailureLog;
  /** The calls that the plugin works on, by what it was told of them. */
  readonly #open = new Map<string, Given>();
  #tracer: Tracer | undefined;

  /** Takes what the spans are named by. */
  constructor(
    plugin: { name: string; version: string; bundleHash: string },
    log: FailureLog = createLogger(),
  ) {
    this.#plugin = plugin.name;
    this.#log = log;
    this.#attributes = Object.freeze({
      "plugin": plugin.name,
      "version": plugin.version,
      "sallyport.bundle_hash": plugin.bundleHash,
      "rpc.system": "jsonrpc",
    });
  }

  /**
   * Opens the span of a call to the plugin: a child of the caller's `traceparent`, or else of the span that
   * is active.
   */
  startCallSpan(
    subject: SpanSubject,
    method: string,
    traceparent?: string,
    since?: number,
  ): CallSpan {
    try {
      if (!isTracing()) return traceparent === undefined ? NO_SPAN : this.#handOn(traceparent);
      const parent = withTraceparent(traceparent);
      const opened = this.#start(`${subject} ${method}`, SpanKind.CLIENT, method, parent, since);
      if (opened === undefined) return this.#handOn(traceparent);
      const { inside, handedOn, traceId } = opened;
      return this.#spanOf(opened, this.#give(handedOn, inside, traceId));
    } catch (error) {
      this.#failed(error);
      return traceparent === undefined ? NO_SPAN : { ...NO_SPAN, traceparent };
    }
  }

  /**
   * Opens the span of a call that the plugin makes to a service.
   *
   * A plugin says itself which call it makes this for; unless that is one that it works on now, the word is
   * ignored, so that it cannot put spans into the traces of others.
   */
  startServiceSpan(service: string, method: string, claimed?: unknown): CallSpan {
    const given = this.#find(claimed);
    try {
      if (isTracing()) {
        const base = given?.inside ?? trace.deleteSpan(context.active());
        const opened = this.#start(`service ${service}.${method}`, SpanKind.SERVER, method, base);
        if (opened !== undefined) {
          return this.#spanOf(opened, () => {});
        }
      }
    } catch (error) {
      this.#failed(error);
    }
    return given === undefined ? NO_SPAN : { ...NO_SPAN, traceId: given.traceId };
  }

  /** Returns the trace that the plugin works in, for what it logs. */
  openTraceparent(claimed: unknown): string | undefined {
    return this.#find(claimed) === undefined ? undefined : claimed as string;
  }

  #find(claimed: unknown): Given | undefined {
    return typeof claimed === "string" ? this.#open.get(claimed) : undefined;
  }

  /** Notes what the plugin is given; returns what forgets it at the end of the call. */
  #give(traceparent: string, inside: Context, traceId: string): () => void {
    // without an SDK several calls may be given the same
    const given = this.#open.get(traceparent) ?? { inside, traceId, calls: 0 };
    given.calls++;
    this.#open.set(traceparent, given);
    return () => {
      if (--given.calls === 0) this.#open.delete(traceparent);
    };
  }

  /** Hands on what the caller gave, whatever it is. */
  #handOn(traceparent: string | undefined): CallSpan {
    const inside = withTraceparent(traceparent);
    const traceId = trace.getSpanContext(inside)?.traceId;
    if (traceparent === undefined || traceId === undefined) {
      return { ...NO_SPAN, traceparent, traceId };
    }
    let ended: (() => void) | undefined = this.#give(traceparent, inside, traceId);
    const end = () => {
      ended?.();
      ended = undefined;
    };
    return { ...NO_SPAN, traceparent, traceId, end };
  }

  #start(
    name: string,
    kind: SpanKind,
    method: string,
    parent: Context,
    startTime?: number,
  ): Opened | undefined {
    this.#tracer ??= trace.getTracer(INSTRUMENTATION_NAME, VERSION);
    const span = this.#tracer.startSpan(
      escapeText(`${this.#plugin} ${name}`, MAX_NAME),
      {
        kind,
        attributes: { ...this.#attributes, "rpc.method": escapeText(method, MAX_NAME) },
        startTime,
      },
      parent,
    );
    const { traceId, spanId, traceFlags } = span.spanContext();
    // a provider that makes none gives one that is not valid, or its parent's once more
    if (!isSpanContextValid(span.spanContext())) return undefined;
    if (spanId === trace.getSpanContext(parent)?.spanId) return undefined;
    const flags = (traceFlags & 0xff).toString(16).padStart(2, "0");
    return {
      span,
      traceId,
      inside: trace.setSpan(parent, span),
      handedOn: `00-${traceId}-${spanId}-${flags}`,
    };
  }

  #spanOf({ span, inside, handedOn, traceId }: Opened, ended: () => void): CallSpan {
    let over = false;
    return {
      traceparent: handedOn,
      traceId,
      run: (act) => this.#runIn(inside, act),
      end: (error) => {
        if (over) return;
        over = true;
        ended();
        try {
          endSpan(span, error);
        } catch (failure) {
          this.#failed(failure);
        }
      },
    };
  }

  /** Runs a function once, whether or not the application's context manager does its part. */
  #runIn<T>(inside: Context, act: () => T): T {
    let outcome: { value: T } | { error: unknown } | undefined;
    try {
      context.with(inside, () => {
        try {
          outcome = { value: act() };
        } catch (error) {
          outcome = { error };
        }
      });
    } catch (error) {
      this.#failed(error);
    }
    if (outcome === undefined) return act();
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  #failed(error: unknown): void {
    logFailure(this.#log, "OpenTelemetry tracing", error, { plugin: this.#plugin });
  }
}

function endSpan(span: Span, error: unknown): void {
  if (error !== undefined) {
    // the code alone: a message may hold what the plugin wrote
    const code = errorType(error);
    span.setAttribute("error.type", code);
    span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  }
  span.end();
}

/** Tells whether the application has registered a tracer provider; costs some nanoseconds. */
function isTracing(): boolean {
  const provider = trace.getTracerProvider() as { getDelegate?: () => unknown };
  return provider.getDelegate?.() !== NO_PROVIDER;
}
