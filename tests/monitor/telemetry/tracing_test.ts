import { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AlwaysOffSampler, type ReadableSpan } from "@opentelemetry/sdk-trace";
import assert from "node:assert/strict";
import { SallyportError } from "../../../src/errors.ts";
import { PluginTracer, withTraceparent } from "../../../src/monitor/telemetry/tracing.ts";
import { recordingLogger } from "../../helpers/host.ts";
import { withSdk } from "../../helpers/otel.ts";

const PLUGIN = { name: "sample", version: "1.0.0", bundleHash: "ab" };
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const GIVEN = `00-${TRACE}-${SPAN}-01`;

Deno.test("without an SDK a span hands on what it was given, and nothing else", () => {
  const tracer = new PluginTracer(PLUGIN);
  const span = tracer.startCallSpan("call", "count", GIVEN);
  assert.equal(span.traceparent, GIVEN);
  assert.equal(span.traceId, TRACE);
  assert.equal(span.run(() => 5), 5);
  span.end(new Error("x"));
  assert.equal(tracer.startCallSpan("call", "count").traceparent, undefined);
  assert.equal(tracer.startServiceSpan("kv", "get", GIVEN).traceparent, undefined);
  assert.equal(tracer.startCallSpan("call", "count", "garbage").traceparent, "garbage");
});

Deno.test("without an SDK nothing is made for a call; with one that comes later there is", async () => {
  const tracer = new PluginTracer(PLUGIN);
  const nothing = tracer.startCallSpan("call", "count");
  assert.equal(tracer.startCallSpan("hook", "on_request"), nothing);
  assert.equal(tracer.startServiceSpan("kv", "get", GIVEN), nothing);
  await withSdk((spans) => {
    tracer.startCallSpan("call", "count").end();
    assert.equal(spans.all().length, 1);
  });
});

Deno.test("without an SDK what calls were given is known until the last of them ends", () => {
  const tracer = new PluginTracer(PLUGIN);
  const [first, second] = [1, 2].map(() => tracer.startCallSpan("call", "count", GIVEN));
  first!.end();
  first!.end();
  assert.equal(tracer.openTraceparent(GIVEN), GIVEN);
  assert.equal(tracer.startServiceSpan("kv", "get", GIVEN).traceId, TRACE);
  second!.end();
  assert.equal(tracer.openTraceparent(GIVEN), undefined);
  assert.equal(tracer.startServiceSpan("kv", "get", GIVEN).traceId, undefined);
  const garbage = tracer.startCallSpan("call", "count", "garbage");
  assert.equal(tracer.openTraceparent("garbage"), undefined);
  garbage.end();
});

Deno.test("a call that had to wait has a span from when it was made", () =>
  withSdk((spans) => {
    const since = Date.now() - 5_000;
    new PluginTracer(PLUGIN).startCallSpan("call", "count", undefined, since).end();
    const [{ startTime, duration }] = spans.all() as [ReadableSpan];
    assert.equal(startTime[0] * 1_000 + Math.round(startTime[1] / 1e6), since);
    assert.ok(duration[0] >= 5);
  }));

Deno.test("a call's span is the child of the active span or of the given trace context", () =>
  withSdk((spans) => {
    const tracer = new PluginTracer(PLUGIN);
    const app = trace.getTracer("app").startSpan("request");
    const span = context.with(
      trace.setSpan(context.active(), app),
      () => tracer.startCallSpan("call", "count"),
    );
    assert.match(span.traceparent!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.equal(span.traceId, app.spanContext().traceId);
    span.end();
    span.end(new Error("too late"));
    tracer.startCallSpan("hook", "on_request", GIVEN).end();
    app.end();
    const [call, hook] = spans.all();
    assert.equal(call!.name, "sample call count");
    assert.equal(call!.kind, SpanKind.CLIENT);
    assert.equal(call!.parentSpanContext?.spanId, app.spanContext().spanId);
    assert.equal(call!.status.code, SpanStatusCode.UNSET);
    assert.equal(call!.attributes.plugin, "sample");
    assert.equal(call!.attributes.version, "1.0.0");
    assert.equal(span.traceparent!.split("-")[2], call!.spanContext().spanId);
    assert.equal(hook!.spanContext().traceId, TRACE);
    assert.equal(hook!.parentSpanContext?.spanId, SPAN);
  }));

Deno.test("traces join across the process boundary and back, also across await", () =>
  withSdk(async (spans) => {
    const tracer = new PluginTracer(PLUGIN);
    const call = tracer.startCallSpan("call", "count");
    // what the plugin was given comes back with its service call, later and out of any context
    const claimed = await Promise.resolve(call.traceparent);
    const service = tracer.startServiceSpan("inventory", "get", claimed);
    await service.run(async () => {
      await Promise.resolve();
      trace.getTracer("app").startSpan("query").end();
    });
    service.end();
    call.end();
    const [query, get, count] = spans.all();
    assert.equal(get!.name, "sample service inventory.get");
    assert.equal(get!.kind, SpanKind.SERVER);
    assert.equal(get!.parentSpanContext?.spanId, count!.spanContext().spanId);
    assert.equal(query!.parentSpanContext?.spanId, get!.spanContext().spanId);
    assert.equal(query!.spanContext().traceId, count!.spanContext().traceId);
  }));

Deno.test("a plugin cannot put spans into a trace that it does not work in", () =>
  withSdk((spans) => {
    const [mine, other] = [new PluginTracer(PLUGIN), new PluginTracer({ ...PLUGIN, name: "b" })];
    const foreign = other.startCallSpan("call", "count");
    const past = mine.startCallSpan("call", "count");
    past.end();
    const app = trace.getTracer("app").startSpan("request");
    context.with(trace.setSpan(context.active(), app), () => {
      for (const claimed of [foreign.traceparent, past.traceparent, GIVEN, 5, undefined]) {
        mine.startServiceSpan("kv", "get", claimed).end();
      }
    });
    const services = spans.all().filter(({ name }) => name.includes("service"));
    assert.equal(services.length, 5);
    for (const { parentSpanContext } of services) assert.equal(parentSpanContext, undefined);
    const control = mine.startServiceSpan("kv", "get", mine.startCallSpan("call", "x").traceparent);
    control.end();
    assert.ok(spans.all().at(-1)!.parentSpanContext);
  }));

Deno.test("a failed call's span has the code, not the message", () =>
  withSdk((spans) => {
    const tracer = new PluginTracer(PLUGIN);
    tracer.startCallSpan("call", "count").end(new SallyportError("timeout", "secret"));
    tracer.startCallSpan("call", "co\u202eunt\n").end(new Error("secret"));
    const [timeout, other] = spans.all();
    assert.deepEqual(timeout!.status, { code: SpanStatusCode.ERROR, message: "timeout" });
    assert.equal(other!.attributes["error.type"], "_OTHER");
    assert.equal(other!.name, "sample call co\\u202eunt\\n");
    assert.ok(!JSON.stringify([timeout!.events, other!.events]).includes("secret"));
  }));

Deno.test("a tracer that throws, at any step, costs no call anything, and is logged", () => {
  const fail = () => {
    throw new Error("broken SDK");
  };
  const spanContext = () => ({ traceId: TRACE, spanId: SPAN, traceFlags: 1 });
  const spans: Record<string, unknown>[] = [
    { spanContext: fail },
    { spanContext, setAttribute: fail, setStatus: fail, end: fail },
  ];
  const tracers = [{ startSpan: fail }, ...spans.map((span) => ({ startSpan: () => span }))];
  const providers = [{ getTracer: fail }, ...tracers.map((it) => ({ getTracer: () => it }))];
  for (const provider of providers) {
    const log = recordingLogger();
    trace.setGlobalTracerProvider(provider as never);
    context.setGlobalContextManager({
      active: () => ROOT_CONTEXT,
      with: fail,
      bind: fail,
      enable: fail,
      disable() {},
    } as never);
    try {
      const tracer = new PluginTracer(PLUGIN, log);
      const call = tracer.startCallSpan("call", "count", GIVEN);
      assert.equal(call.traceparent, GIVEN);
      assert.equal(call.run(() => 5), 5);
      assert.throws(() => call.run(() => assert.fail("its own")), /its own/);
      call.end(new Error("x"));
      const service = tracer.startServiceSpan("kv", "get", GIVEN);
      assert.equal(service.run(() => 6), 6);
      service.end();
    } finally {
      trace.disable();
      context.disable();
    }
    assert.ok(log.entries.length >= 2);
    for (const { message, fields } of log.entries) {
      assert.equal(message, "OpenTelemetry tracing failed: Error: broken SDK");
      assert.match(String(fields.stack), /tracing_test\.ts/);
    }
  }
});

Deno.test("a span that is not sampled still hands on its trace", () =>
  withSdk((spans) => {
    const span = new PluginTracer(PLUGIN).startCallSpan("call", "count");
    assert.match(span.traceparent!, /-00$/);
    span.end();
    assert.equal(spans.all().length, 0);
  }, { sampler: new AlwaysOffSampler() }));

Deno.test("withTraceparent() takes only what W3C Trace Context allows", () => {
  const accepted = (text: string) => trace.getSpanContext(withTraceparent(text)) !== undefined;
  assert.ok(accepted(GIVEN));
  assert.deepEqual(trace.getSpanContext(withTraceparent(GIVEN)), {
    traceId: TRACE,
    spanId: SPAN,
    traceFlags: 1,
    isRemote: true,
  });
  const zeros = "0".repeat(32);
  for (
    const text of [
      "",
      GIVEN.toUpperCase(),
      `${GIVEN}-x`,
      ` ${GIVEN}`,
      `ff-${TRACE}-${SPAN}-01`,
      `00-${zeros}-${SPAN}-01`,
      `00-${TRACE}-${zeros.slice(16)}-01`,
      `00-${TRACE}-${SPAN}`,
    ]
  ) assert.ok(!accepted(text), text);
});
