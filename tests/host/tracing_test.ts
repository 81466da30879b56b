import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { inAppSpan, withSdk } from "../helpers/otel.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const GIVEN = `00-${TRACE}-00f067aa0ba902b7-01`;
const GRANT = {
  default: {
    grant: { hooks: ["on_request"], context: { shop: "read", log: "read" } },
  },
} as const;
const MANIFEST = {
  hooks: [{ name: "on_request" }],
  context: [{ key: "shop", access: "read" }, { key: "log", access: "read" }],
} as const;
const MAIN = `
  let ctx;
  const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
  export default {
    init(given) { ctx = given; },
    methods: {
      told: (_params, call) => call.traceparent ?? null,
      async buy(name, call) {
        await pause();
        const price = await ctx.get("shop").price(name);
        ctx.log.info("bought " + name, { price });
        return call.traceparent ?? null;
      },
      async say(words) {
        await ctx.get("log").info(words);
        ctx.log.info(words + " too");
        await ctx.get("shop").price("x"); // answered after what was sent before it
      },
      async *list(names) {
        for (const name of names) yield await ctx.get("shop").price(name);
        throw new Error("sold out");
      },
      async claim(traceparent) {
        const { AsyncLocalStorage } = await import("node:async_hooks");
        AsyncLocalStorage.prototype.getStore = () => traceparent;
        await ctx.get("shop").price("stolen");
        ctx.log.info("claimed");
        await ctx.get("shop").price("stolen");
      },
      fail() { throw new Error("secret"); },
      deny: () => ctx.get("vault").open(),
      crash() { Deno.exit(5); },
      wait: (_params, call) => ctx.get("shop").hold(call.traceparent),
    },
    hooks: {
      async on_request(words) {
        await pause();
        return [...words, await ctx.get("shop").price("hook")];
      },
    },
  };`;

/** A host with a shop whose every price is an application's span. */
async function open(test: HostTest) {
  const host = await test.open({ policy: GRANT });
  const holding = Promise.withResolvers<string>();
  const letGo = Promise.withResolvers<void>();
  host.services.provide("shop", {
    price(name: string) {
      trace.getTracer("app").startSpan(`look up ${name}`).end();
      return name.length;
    },
    hold(traceparent: string) {
      holding.resolve(traceparent);
      return letGo.promise;
    },
  }, { access: { price: "read", hold: "read" } });
  const load = async (name = "sample") => await host.load(await bundle(test, name));
  return { host, holding: holding.promise, letGo: () => letGo.resolve(), load };
}

function bundle(test: HostTest, name: string): Promise<string> {
  return test.bundle(name, MAIN, structuredClone(MANIFEST) as never);
}

Deno.test("a trace goes from the application through the plugin to its services", () =>
  withSdk(async (spans) => {
    await using test = await hostTest();
    const plugin = await (await open(test)).load();
    const told = await inAppSpan("request", () => plugin.call("buy", "tea"));
    const [request, call, service, query] = await Promise.all([
      "request",
      "sample call buy",
      "sample service shop.price",
      "look up tea",
    ].map((name) => spans.find(name)));
    const ids = call!.spanContext();
    assert.equal(told, `00-${ids.traceId}-${ids.spanId}-01`);
    assert.equal(call!.kind, SpanKind.CLIENT);
    assert.equal(call!.status.code, SpanStatusCode.UNSET);
    assert.equal(call!.attributes["sallyport.bundle_hash"], plugin.bundleHash);
    assert.equal(call!.parentSpanContext?.spanId, request!.spanContext().spanId);
    assert.equal(service!.parentSpanContext?.spanId, ids.spanId);
    assert.equal(query!.parentSpanContext?.spanId, service!.spanContext().spanId);
    const { fields } = await test.logger.find(({ message }) => message === "bought tea");
    assert.equal(fields.traceId, ids.traceId);
    assert.equal(fields.version, "1.0.0");
    assert.equal(fields.bundleHash, plugin.bundleHash);

    // the caller's own trace context comes before the span that is active
    await inAppSpan("other", () => plugin.call("told", undefined, { traceparent: GIVEN }));
    const given = await spans.find("sample call told");
    assert.equal(given.parentSpanContext?.spanId, GIVEN.split("-")[2]);
    assert.equal(given.spanContext().traceId, TRACE);
  }));

Deno.test("calls at the same time keep to their own traces, whichever is first", () =>
  withSdk(async (spans) => {
    await using test = await hostTest();
    const plugin = await (await open(test)).load();
    const names = Array.from({ length: 20 }, (_, i) => `tea ${i}`);
    await Promise.all(names.map((name) => inAppSpan(name, () => plugin.call("buy", name))));
    for (const name of names) {
      const app = await spans.find(name);
      const query = await spans.find(`look up ${name}`);
      assert.equal(query.spanContext().traceId, app.spanContext().traceId);
    }
    assert.equal(new Set(spans.all().map((span) => span.spanContext().traceId)).size, 20);
  }));

Deno.test("a hook run is a span, and what its handler calls is inside", () =>
  withSdk(async (spans) => {
    await using test = await hostTest();
    const { host, load } = await open(test);
    await load();
    const words = await inAppSpan("request", () => host.hooks.run("on_request", ["a"]));
    assert.deepEqual(words, ["a", 4]);
    const hook = await spans.find("sample hook on_request");
    assert.equal(hook.status.code, SpanStatusCode.UNSET);
    const service = await spans.find("sample service shop.price");
    const request = await spans.find("request");
    assert.equal(hook.parentSpanContext?.spanId, request.spanContext().spanId);
    assert.equal(service.parentSpanContext?.spanId, hook.spanContext().spanId);

    await assertRejectsWithCode(
      host.hooks.run("on_request", null, { timeoutMs: 5_000 }),
      "plugin-error",
    );
    await host.unload("sample");
    const never = "export default { hooks: { on_request: () => new Promise(() => {}) } };";
    await host.load(await test.bundle("never", never, { hooks: [{ name: "on_request" }] }));
    await assertRejectsWithCode(
      host.hooks.run("on_request", [], { timeoutMs: 50, onFailure: "fail-closed" }),
      "timeout",
    );
    assert.equal((await spans.find("never hook on_request")).status.message, "timeout");
  }));

Deno.test("a stream is a span until it ends or its reader leaves", () =>
  withSdk(async (spans) => {
    await using test = await hostTest();
    const plugin = await (await open(test)).load();
    await inAppSpan("request", async () => {
      for await (const price of plugin.stream("list", ["tea", "milk"])) {
        assert.equal(price, 3);
        assert.deepEqual(spans.all().filter(({ name }) => name === "sample stream list"), []);
        break;
      }
    });
    const stream = await spans.find("sample stream list");
    const request = await spans.find("request");
    const query = await spans.find("look up tea");
    assert.equal(stream.status.code, SpanStatusCode.UNSET);
    assert.equal(stream.parentSpanContext?.spanId, request.spanContext().spanId);
    const service = spans.all().find((span) =>
      span.spanContext().spanId === query.parentSpanContext?.spanId
    );
    assert.equal(service?.parentSpanContext?.spanId, stream.spanContext().spanId);

    const items: unknown[] = [];
    await assertRejectsWithCode(
      (async () => {
        for await (const price of plugin.stream("list", ["oats"])) items.push(price);
      })(),
      "plugin-error",
      /sold out/,
    );
    assert.deepEqual(items, [4]);
    const streams = spans.all().filter(({ name }) => name === "sample stream list");
    assert.deepEqual(streams.map(({ status }) => status.message), [undefined, "plugin-error"]);
  }));

Deno.test("a call that fails says so in its span, with the code alone", () =>
  withSdk(async (spans) => {
    await using test = await hostTest();
    const { load } = await open(test);
    const plugin = await load();
    await assertRejectsWithCode(plugin.call("fail"), "plugin-error");
    await assertRejectsWithCode(plugin.call("deny"), "service-denied");
    await assertRejectsWithCode(plugin.call("crash"), "crashed");
    for (
      const [name, code] of [
        ["call fail", "plugin-error"],
        ["call deny", "service-denied"],
        ["service vault.open", "service-denied"],
        ["call crash", "crashed"],
      ]
    ) {
      const { status, attributes } = await spans.find(`sample ${name}`);
      assert.deepEqual(status, { code: SpanStatusCode.ERROR, message: code });
      assert.equal(attributes["error.type"], code);
    }
    assert.ok(!JSON.stringify(spans.all().map(({ events }) => events)).includes("secret"));
    const { fields } = await test.logger.find(({ fields }) => fields.code === "crashed");
    assert.deepEqual(fields, {
      plugin: "sample",
      version: "1.0.0",
      bundleHash: plugin.bundleHash,
      code: "crashed",
    });
  }));

Deno.test("a call that waits for a lazy start has it in its span", () =>
  withSdk(async (spans) => {
    await using test = await hostTest();
    const { host } = await open(test);
    const main = `export default {
      async init(ctx) { await ctx.get("shop").price("init"); },
      methods: { told: () => 1 },
    };`;
    const context = [{ key: "shop", access: "read" as const }];
    const dir = await test.bundle("sample", main, { context });
    const plugin = await host.load(dir, { lazy: true });
    await plugin.call("told");
    const call = await spans.find("sample call told");
    const init = await spans.find("sample service shop.price");
    const ms = ([seconds, nanos]: readonly [number, number]) => seconds * 1_000 + nanos / 1e6;
    assert.ok(ms(call.startTime) <= ms(init.startTime));
    assert.ok(ms(call.endTime) >= ms(init.endTime));
    assert.equal(init.parentSpanContext, undefined, "a start is nobody's call");
  }));

Deno.test("a plugin that claims a trace which it does not work in does not join it", () =>
  withSdk(async (spans) => {
    await using test = await hostTest();
    const { host, holding, letGo, load } = await open(test);
    const [liar, other] = [await load("liar"), await load("other")];
    // a call under way in another plugin, whose trace context the liar has got hold of
    const waiting = inAppSpan("held", () => other.call("wait"));
    const foreign = await holding;
    const past = await liar.call("told") as string;
    for (const claimed of [foreign, past, GIVEN, `00-${"1".repeat(32)}-${"1".repeat(16)}-01`, ""]) {
      await liar.call("claim", claimed, { traceparent: GIVEN });
      await host.reload("liar");
    }
    const services = spans.all().filter(({ name }) => name === "liar service shop.price");
    assert.equal(services.length, 10);
    for (const span of services) {
      assert.equal(span.parentSpanContext, undefined);
      assert.ok(![TRACE, foreign.split("-")[1]].includes(span.spanContext().traceId));
    }
    const claims = test.logger.entries.filter(({ message }) => message === "claimed");
    assert.equal(claims.length, 5);
    for (const { fields } of claims) assert.equal(fields.traceId, undefined);
    // the control: what it does not lie about
    await liar.call("buy", "control", { traceparent: GIVEN });
    assert.equal((await spans.find("look up control")).spanContext().traceId, TRACE);
    letGo();
    await waiting;
  }));

Deno.test("without an SDK a trace context is handed on unchanged, and is in the log", async () => {
  await using test = await hostTest();
  const { host, load } = await open(test);
  const plugin = await load();
  assert.equal(await plugin.call("told", undefined, { traceparent: GIVEN }), GIVEN);
  assert.equal(await plugin.call("told", undefined, { traceparent: "garbage" }), "garbage");
  assert.equal(await plugin.call("told"), null);
  await plugin.call("say", "hello", { traceparent: GIVEN });
  await plugin.call("say", "bye");
  const identity = { plugin: "sample", version: "1.0.0", bundleHash: plugin.bundleHash };
  const of = (words: string) =>
    test.logger.entries.find(({ message }) => message === words)?.fields;
  assert.deepEqual(of("hello"), { ...identity, traceId: TRACE });
  assert.deepEqual(of("hello too"), { ...identity, traceId: TRACE, source: "log" });
  assert.deepEqual(of("bye"), identity);
  assert.deepEqual(of("bye too"), { ...identity, source: "log" });
  assert.deepEqual(await host.hooks.run("on_request", []), [4]);
});
