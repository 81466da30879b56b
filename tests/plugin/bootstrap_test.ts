import assert from "node:assert/strict";
import { SallyportError } from "../../src/errors.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { startBare, startPlugin } from "./start_plugin.ts";

Deno.test("the bootstrap tells what a plugin offers", async () => {
  await using plugin = await startBare({
    "main.ts": `import { definePlugin } from "@sallyport/host/plugin";
      import { helper } from "./helper.ts";
      export default definePlugin({
        methods: { plain: () => helper, async *items() { yield 1; }, *each() { yield 1; } },
        hooks: { on_one: (data) => data, on_two: { priority: 300, handler: () => {} }, on_three: () => {} },
        snapshot: () => 1, restore() {},
      });`,
    "helper.ts": "export const helper: string = 'helped';",
  });
  assert.deepEqual(await plugin.initialize({ hooks: ["on_one", "on_two"] }), {
    protocol: 1,
    methods: ["plain", "items", "each"],
    streams: ["items", "each"],
    hooks: [{ name: "on_one" }, { name: "on_two", priority: 300 }],
    snapshot: true,
  });
  assert.equal(await plugin.call("plain"), "helped");
  assert.match(plugin.logs("warn").join(), /"on_three" is left out/);
  await assertRejectsWithCode(plugin.initialize(), "plugin-error", /twice/);
});

Deno.test("the bootstrap runs a plugin that only imports types, and one without methods", async () => {
  await using typed = await startPlugin(
    `import type { Plugin } from "@sallyport/host/plugin";
     export default { methods: { one: () => 1 } } satisfies Plugin;`,
  );
  assert.equal(await typed.call("one"), 1);
  await using empty = await startPlugin("export default {}");
  await assertRejectsWithCode(empty.call("one"), "method-not-found", /no method "one"/);
});

Deno.test("the bootstrap calls methods with params, this and context, and gives null for nothing", async () => {
  await using plugin = await startPlugin(`
    export default { methods: {
      echo: (params) => params,
      nothing() {},
      async later() { await new Promise((resolve) => setTimeout(resolve, 1)); return "later"; },
      own() { return this.echo("by this"); },
      trace: (_params, call) => call.traceparent,
      async progress(_params, call) { call.progress(1); call.progress({ two: 2 }); return "done"; },
      bytes: ({ data }) => ({ sum: data.reduce((a, b) => a + b, 0), back: data }),
    } };`);
  for (const value of [1, "ö€😀", [null, { a: [] }], false, "\u2028"]) {
    assert.deepEqual(await plugin.call("echo", value), value);
  }
  assert.equal(await plugin.call("nothing"), null);
  assert.equal(await plugin.call("later"), "later");
  assert.equal(await plugin.call("own"), "by this");
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  assert.equal(await plugin.call("trace", null, { meta: { traceparent } }), traceparent);
  const seen: unknown[] = [];
  await plugin.call("progress", null, { onProgress: (value) => seen.push(value) });
  assert.deepEqual(seen, [1, { two: 2 }]);
  const data = new Uint8Array(300_000).fill(10);
  assert.deepEqual(await plugin.call("bytes", { data }), { sum: 3_000_000, back: data });
});

Deno.test("the bootstrap knows no method but a plugin's own", async () => {
  await using plugin = await startPlugin(`
    class Base { inherited() { return 1; } }
    export default { methods: Object.assign(new Base(), { own: () => 1 }) };`);
  assert.equal(await plugin.call("own"), 1);
  for (const name of ["inherited", "constructor", "__proto__", "toString", "hasOwnProperty", ""]) {
    await assertRejectsWithCode(plugin.call(name), "method-not-found");
  }
});

Deno.test("the bootstrap tells streams from calls", async () => {
  await using plugin = await startPlugin(`
    async function* later() { yield "late"; }
    export default { methods: {
      async *items({ count }) { for (let i = 0; i < count; i++) yield i; return "end"; },
      *sync() { yield 1; yield 2; },
      returned: async () => later(),
      plain: () => 1,
    } };`);
  assert.deepEqual(await Array.fromAsync(plugin.stream("items", { count: 1_000 })), [
    ...Array(1_000).keys(),
  ]);
  assert.deepEqual(await Array.fromAsync(plugin.stream("sync")), [1, 2]);
  assert.deepEqual(await Array.fromAsync(plugin.stream("returned")), ["late"]);
  for (const name of ["items", "sync", "returned"]) {
    await assertRejectsWithCode(plugin.call(name, { count: 1 }), "plugin-error", /use stream\(\)/);
  }
  await assertRejectsWithCode(
    Array.fromAsync(plugin.stream("plain")),
    "plugin-error",
    /use call\(\)/,
  );
});

Deno.test("the bootstrap aborts call.signal when a call is cancelled or times out", async () => {
  await using plugin = await startPlugin(`
    const ended = [];
    const wait = (signal) => new Promise((resolve) => signal.addEventListener("abort", resolve));
    export default { methods: {
      async wait(name, call) { await wait(call.signal); ended.push(name); return "too late"; },
      async *items(name, call) { try { yield 1; await wait(call.signal); } finally { ended.push(name); } },
      ended: () => ended,
    } };`);
  const controller = new AbortController();
  const cancelled = plugin.call("wait", "cancelled", { signal: controller.signal });
  const timedOut = plugin.call("wait", "timed out", { timeoutMs: 30 });
  await assertRejectsWithCode(timedOut, "timeout");
  controller.abort();
  await assertRejectsWithCode(cancelled, "cancelled");
  for await (const _item of plugin.stream("items", "stream")) break;
  while (plugin.connection.stats.unanswered > 0) await plugin.call("ended");
  assert.deepEqual((await plugin.call("ended") as string[]).sort(), [
    "cancelled",
    "stream",
    "timed out",
  ]);
});

Deno.test("the bootstrap sends causes, errors in errors and thrown objects, bounded", async () => {
  await using plugin = await startPlugin(`
    const deep = (n) => n === 0 ? new Error("end") : new Error("level " + n, { cause: deep(n - 1) });
    export default { methods: {
      cause() { throw new Error("outer", { cause: new TypeError("in\u202ener", { cause: { code: 5 } }) }); },
      many() { throw new AggregateError([new RangeError("one"), "two", { three: 3 }], "all failed"); },
      object() { throw { code: 42, reason: "none" }; },
      deep() { throw deep(100); },
      wide() { throw new AggregateError(Array.from({ length: 1e5 }, (_, i) => new Error("x".repeat(1e4))), "wide"); },
      cycle() { const e = new Error("round"); e.cause = e; throw e; },
      hostile() { const e = new Error("trap"); Object.defineProperty(e, "cause", { get() { throw e; } }); throw e; },
    } };`);
  const of = async (method: string) =>
    await assertRejectsWithCode(plugin.call(method), "plugin-error");
  const cause = await of("cause");
  assert.equal(cause.message, "outer");
  const inner = cause.details.cause as Record<string, unknown>;
  assert.deepEqual([inner.name, inner.message], ["TypeError", "in\\u202ener"]);
  assert.match(String(inner.stack), /^at .*\.\/main\.ts:4:\d+\)?$/);
  assert.deepEqual(inner.cause, { name: "Object", message: '{"code":5}' });
  // who follows `cause` finds the same, and no stack of the host's
  const error = cause.cause as Error;
  assert.deepEqual([error.name, error.message], ["TypeError", "in\\u202ener"]);
  assert.match(error.stack!, /^TypeError: in\\u202ener\n {4}at .*\.\/main\.ts/);
  assert.doesNotMatch(error.stack!, /error_parts|file:/);
  assert.equal((error.cause as Error).message, '{"code":5}');

  const many = await of("many");
  assert.equal(many.message, "all failed");
  const errors = many.details.errors as Record<string, unknown>[];
  assert.deepEqual(errors.map(({ name, message }) => `${name}: ${message}`), [
    "RangeError: one",
    "Error: two",
    'Object: {"three":3}',
  ]);
  assert.ok(many.cause instanceof AggregateError);
  assert.equal(many.cause.errors[0].message, "one");
  const object = await of("object");
  assert.equal(object.message, '{"code":42,"reason":"none"}');
  assert.equal(object.details.name, "Object");

  let levels = 0;
  for (let at = await of("deep") as Error | undefined; at !== undefined; at = at.cause as Error) {
    levels++;
  }
  assert.equal(levels, 5);
  const wide = await of("wide");
  assert.equal((wide.details.errors as unknown[]).length, 16);
  for (const method of ["wide", "cycle", "hostile"]) {
    assert.ok(JSON.stringify(await of(method)).length < 60_000, method);
  }
});

Deno.test("an error longer than the plugin's messages may be arrives without its text, and the plugin lives", async () => {
  await using plugin = await startPlugin(
    `export default { methods: { long() { throw new Error("x".repeat(3e3)); }, fine: () => 1 } };`,
    {},
    { limits: { messageBytes: 1_024 } },
  );
  await assertRejectsWithCode(plugin.call("long"), "plugin-error", /longer than a message may be/);
  assert.equal(await plugin.call("fine"), 1);
});

Deno.test("the bootstrap gives what plugin code throws, with its own part of the stack", async () => {
  await using plugin = await startPlugin(`
    export default { methods: {
      range() { throw new RangeError("too\\nfar"); },
      async later() { await null; throw new TypeError("late"); },
      text() { throw "just text"; },
      nothing() { throw undefined; },
      hostile() { throw { get message() { throw 1; }, toString() { throw 2; } }; },
      endless() { throw new Error("x".repeat(1e6)); },
      bigint: () => 1n,
      cyclic() { const a = {}; a.a = a; return a; },
      tojson: () => ({ toJSON() { throw new Error("from toJSON"); } }),
      getter: () => ({ get a() { throw new Error("from a getter"); } }),
      nope: () => Symbol("x"),
      fine: () => "fine",
    } };`);
  const range = await assertRejectsWithCode(plugin.call("range"), "plugin-error");
  assert.equal(range.message, "too\\nfar");
  assert.equal(range.details.name, "RangeError");
  assert.match(String(range.details.stack), /^at .*\.\/main\.ts:3:\d+\)?$/);
  assert.doesNotMatch(String(range.details.stack), /bootstrap|file:/);
  await assertRejectsWithCode(plugin.call("later"), "plugin-error", /^late$/);
  await assertRejectsWithCode(plugin.call("text"), "plugin-error", /just text/);
  await assertRejectsWithCode(plugin.call("nothing"), "plugin-error", /undefined/);
  await assertRejectsWithCode(plugin.call("hostile"), "plugin-error", /cannot be read/);
  assert.ok(
    (await assertRejectsWithCode(plugin.call("endless"), "plugin-error")).message.length < 3_000,
  );
  await assertRejectsWithCode(plugin.call("bigint"), "plugin-error", /BigInt/);
  await assertRejectsWithCode(plugin.call("cyclic"), "plugin-error", /itself/);
  await assertRejectsWithCode(plugin.call("tojson"), "plugin-error", /from toJSON/);
  await assertRejectsWithCode(plugin.call("getter"), "plugin-error", /from a getter/);
  assert.equal(await plugin.call("nope"), null);
  assert.equal(await plugin.call("fine"), "fine");
});

const BROKEN: [string, string, RegExp][] = [
  ["a syntax error", "export default {", /Cannot import the entry/],
  [
    "an error at its top level",
    "throw new Error('top level');",
    /Cannot import the entry: top level/,
  ],
  ["a missing import", "import './missing.ts'; export default {};", /Cannot import the entry/],
  ["no default export", "export const x = 1;", /no default export/],
  ["a default export that is a function", "export default () => {};", /no default export/],
  ["a default export that is null", "export default null;", /no default export/],
  ["an init that is no function", "export default { init: 1 };", /"init" is not a function/],
  ["methods that are no object", "export default { methods: 1 };", /"methods" is not an object/],
  [
    "a method that is no function",
    "export default { methods: { a: 1 } };",
    /"methods\.a" is not a function/,
  ],
  ["a hook that is no function", "export default { hooks: { a: {} } };", /"hooks\.a"/],
  [
    "a hook with a wrong priority",
    "export default { hooks: { a: { priority: 'x', handler() {} } } };",
    /priority/,
  ],
  [
    "an export that throws",
    "export default { get methods() { throw new Error('trap'); } };",
    /default export: trap/,
  ],
  ["a proxy", "export default new Proxy({}, { get() { throw new Error('trap'); } });", /trap/],
];

for (const [what, source, pattern] of BROKEN) {
  Deno.test(`the bootstrap says at which stage a plugin fails that has ${what}`, async () => {
    await using plugin = await startBare({ "main.ts": source });
    const error = await assertRejectsWithCode(plugin.initialize(), "plugin-error", pattern);
    assert.equal(error.details.stage, "import");
  });
}

Deno.test("the bootstrap says that init failed, and keeps refusing calls", async () => {
  await using plugin = await startBare({
    "main.ts":
      "export default { async init() { throw new RangeError('no'); }, methods: { a: () => 1 } };",
  });
  const error = await assertRejectsWithCode(plugin.initialize(), "plugin-error", /init failed: no/);
  assert.deepEqual([error.details.stage, error.details.name], ["init", "RangeError"]);
  assert.match(String(error.details.stack), /main\.ts:1/);
  await assertRejectsWithCode(plugin.call("a"), "plugin-error", /before the plugin is initialized/);
});

Deno.test("the bootstrap refuses calls before initialize, and another protocol", async () => {
  await using plugin = await startBare({
    "main.ts": "export default { methods: { a: () => 1 } };",
  });
  await assertRejectsWithCode(plugin.call("a"), "plugin-error", /before the plugin is initialized/);
  await assertRejectsWithCode(
    plugin.initialize({ protocol: 2 }),
    "plugin-error",
    /only 1 is known/,
  );
  await plugin.initialize();
  assert.equal(await plugin.call("a"), 1);
});

Deno.test("the bootstrap gives a plugin its context", async () => {
  const calls: unknown[] = [];
  await using plugin = await startPlugin(
    `let ctx;
     export default {
       init(given) { ctx = given; ctx.log.info("started", { at: 1 }); },
       methods: {
         facts: () => ({ ...ctx, signal: ctx.signal.aborted, log: 0, frozen: Object.isFrozen(ctx) }),
         async service() {
           const kv = await ctx.get("kv");
           return [await kv.get("a", { b: 1 }), kv === ctx.get("kv"), kv.then];
         },
         async denied() {
           try { await ctx.get("secret").read(); } catch (error) { return [error.name, error.code, error.hint]; }
         },
         rethrown: () => ctx.get("secret").read(),
         emit: () => { ctx.emit("happened", { x: 1 }); ctx.emit("bare"); },
       },
     };`,
    {
      onRequest: (method, params) => {
        calls.push([method, params]);
        const { key } = params as { key: string };
        if (key === "secret") return Promise.reject(denied());
        return Promise.resolve({ from: key });
      },
    },
    {
      context: { kv: "read" },
      storage: "/somewhere",
      limits: { callTimeoutMs: 5 },
    },
  );
  assert.deepEqual(await plugin.call("facts"), {
    name: "test",
    version: "1.2.3",
    limits: { callTimeoutMs: 5 },
    services: { kv: "read" },
    storage: "/somewhere",
    signal: false,
    log: 0,
    frozen: true,
  });
  assert.deepEqual(await plugin.call("service"), [{ from: "kv" }, true, null]);
  assert.deepEqual(calls, [["context/call", { key: "kv", method: "get", args: ["a", { b: 1 }] }]]);
  assert.deepEqual(await plugin.call("denied"), ["SallyportError", "service-denied", "Ask"]);
  const error = await assertRejectsWithCode(plugin.call("rethrown"), "plugin-error", /Not granted/);
  assert.equal(error.details.code, "service-denied");
  await plugin.call("emit");
  assert.deepEqual(plugin.notifications, [
    { method: "log", params: { level: "info", message: "started", fields: { at: 1 } } },
    { method: "event/emit", params: { event: "happened", data: { x: 1 } } },
    { method: "event/emit", params: { event: "bare" } },
  ]);
});

function denied(): SallyportError {
  return new SallyportError("service-denied", "Not granted", { hint: "Ask" });
}

Deno.test("the bootstrap runs hooks with data and context", async () => {
  await using plugin = await startPlugin(
    `export default { hooks: {
       change: (data, ctx) => ({ ...data, by: ctx.name }),
       leave: () => {},
       async fail() { throw new Error("hook failed"); },
       object: { priority: 200, handler(data) { return this.priority + data; } },
     } };`,
    {},
    { hooks: ["change", "leave", "fail", "object"] },
  );
  const run = (hook: string, data?: unknown) =>
    plugin.connection.request("hook/run", { hook, data });
  assert.deepEqual(await run("change", { a: 1 }), { value: { a: 1, by: "test" } });
  assert.deepEqual(await run("leave", 1), {});
  assert.deepEqual(await run("object", 1), { value: 201 });
  await assertRejectsWithCode(run("fail"), "plugin-error", /hook failed/);
  await assertRejectsWithCode(run("missing"), "method-not-found");
});

Deno.test("the bootstrap hands state over and shuts a plugin down", async () => {
  const source = `let state = { n: 1, bytes: new Uint8Array([1, 2]) };
    let ctx;
    export default {
      init(given) { ctx = given; },
      methods: { state: () => state, add: () => { state.n++; } },
      snapshot: () => state,
      restore: (given) => { state = given; },
      async shutdown() { ctx.log.info("aborted " + ctx.signal.aborted); },
    };`;
  await using old = await startPlugin(source);
  await old.call("add");
  const { state } = await old.connection.request("state/snapshot", {}) as { state: unknown };
  assert.deepEqual(await old.connection.request("shutdown", {}), {});
  assert.deepEqual(old.logs(), ["aborted true"]);
  await using fresh = await startPlugin(source);
  await fresh.connection.request("state/restore", { state });
  assert.deepEqual(await fresh.call("state"), { n: 2, bytes: new Uint8Array([1, 2]) });
});

Deno.test("the bootstrap turns what plugin code prints into log records", async () => {
  await using plugin = await startPlugin(`
    import process from "node:process";
    import { writeSync } from "node:fs";
    const bytes = (text) => new TextEncoder().encode(text);
    console.log("at import");
    export default { methods: { async print() {
      console.log("%s is %d, %i, %f %o %% %j", "x", 1.5, 1.5, "2.5", { a: 1 }, [1], "more");
      console.log({ a: { b: [1, "two"] } }, [undefined, null], 1n);
      console.info(); console.debug("debug"); console.warn("warn"); console.error(new RangeError("shown"));
      console.group("group"); console.log("inside\\nit"); console.groupEnd(); console.log("outside");
      console.assert(true, "no"); console.assert(false, "yes"); console.count(); console.count();
      console.table([1]); console.dir({ d: 1 }); console.time(); console.timeEnd("nope");
      Deno.stdout.writeSync(bytes("stdout sync\\n"));
      await Deno.stdout.write(bytes("stdout\\n"));
      const writer = Deno.stdout.writable.getWriter(); await writer.write(bytes("writable\\n"));
      process.stdout.write("process\\n");
      console.log("x".repeat(100_000));
      console.log({ get trap() { throw new Error("trap"); } }, Symbol("s"), () => 1);
      console.log("%s %d", { toString() { throw 1; } }, { valueOf() { throw 2; } });
      return (await Deno.stdin.read(new Uint8Array(9))) ?? "no input";
    } } };`);
  assert.equal(await plugin.call("print"), "no input");
  const logs = plugin.logs();
  assert.deepEqual(logs.slice(0, 3), [
    "at import",
    "x is 1.5, 1, 2.5 { a: 1 } % [ 1 ] more",
    '{ a: { b: [ 1, "two" ] } } [ undefined, null ] 1n',
  ]);
  assert.match(plugin.logs("error").join("\n"), /RangeError: shown[\s\S]*Assertion failed yes/);
  assert.deepEqual(plugin.logs("debug"), ["debug"]);
  assert.deepEqual(plugin.logs("warn"), ["warn"]);
  for (
    const expected of [
      "group",
      "  inside\n  it",
      "outside",
      "default: 1",
      "default: 2",
      "stdout sync",
      "stdout",
      "writable",
      "process",
    ]
  ) {
    assert.ok(logs.includes(expected), `${expected} in ${JSON.stringify(logs)}`);
  }
  assert.ok(logs.every((text) => text.length <= 8_001));
  assert.equal(logs.some((text) => text === "no"), false);
});

Deno.test("the bootstrap leaves log records out rather than flood the host", async () => {
  await using plugin = await startPlugin(`
    export default { methods: {
      flood: () => { for (let i = 0; i < 100_000; i++) console.log(i); return "done"; },
      after: () => new Promise((resolve) => setTimeout(() => { console.log("after"); resolve(); }, 20)),
    } };`);
  assert.equal(await plugin.call("flood"), "done");
  await plugin.call("after");
  const logs = plugin.logs();
  assert.ok(logs.length > 1_000 && logs.length < 50_000, `${logs.length} records`);
  assert.match(logs.join("\n"), /\d+ log records were left out/);
  assert.equal(logs.at(-1), "after");
});

Deno.test("the bootstrap refuses to emit a flood of events, and the plugin goes on", async () => {
  await using plugin = await startPlugin(`
    let ctx;
    export default { init(given) { ctx = given; }, methods: {
      flood() { let i = 0; try { for (;; i++) ctx.emit("e", i); } catch (error) { return [i, error.code]; } },
    } };`);
  const [count, code] = await plugin.call("flood") as [number, string];
  assert.equal(code, "limit-exceeded");
  assert.equal(plugin.notifications.length, count);
});

for (
  const [what, source] of [
    ["an unhandled rejection", "Promise.reject(new RangeError('left alone'))"],
    ["an error in a timer", "setTimeout(() => { throw new RangeError('left alone'); }, 0)"],
  ] as const
) {
  Deno.test(`a plugin with ${what} says so and ends with code 1`, async () => {
    await using plugin = await startPlugin(`
      export default { methods: { crash: () => { ${source}; return new Promise(() => {}); } } };`);
    await assertRejectsWithCode(plugin.call("crash"), "crashed");
    assert.equal((await plugin.child.status).code, 1);
    const [record] = plugin.notifications.filter(({ params }) => params.level === "error");
    assert.match(String(record?.params.message), /Uncaught.*RangeError: left alone/);
    assert.match(String((record?.params.fields as { stack: string }).stack), /main\.ts:2/);
    assert.equal(await plugin.connection.closed, undefined);
  });
}

for (
  const busy of ["await new Promise(() => {})", "await new Promise((r) => setTimeout(r, 1e8))"]
) {
  Deno.test(`a plugin ends when its stdin ends, while a call does: ${busy}`, async () => {
    await using plugin = await startPlugin(`
      let ctx;
      export default { init(given) { ctx = given; }, methods: {
        async busy() { ctx.emit("busy"); ${busy}; },
      } };`);
    const crashed = assertRejectsWithCode(plugin.call("busy"), "crashed");
    await plugin.notified("event/emit");
    await plugin.connection.end();
    assert.deepEqual((await plugin.child.status).code, 0);
    await crashed;
  });
}

Deno.test("a plugin whose host closes the connection without a word ends, too", async () => {
  await using plugin = await startPlugin("export default {}");
  plugin.connection.close();
  assert.equal((await plugin.child.status).code, 0);
});

Deno.test("a plugin answers 20,000 calls in windows of 1,000, each with its own answer", async () => {
  await using plugin = await startPlugin(`
    export default { methods: {
      now: (n) => n * 2,
      later: async (n) => { await null; return n * 2; },
    } };`);
  for (let from = 0; from < 20_000; from += 1_000) {
    const calls = Array.from(
      { length: 1_000 },
      (_, i) => plugin.call(i % 2 ? "now" : "later", from + i),
    );
    assert.deepEqual(await Promise.all(calls), calls.map((_, i) => (from + i) * 2));
  }
  const all = Array.from({ length: 20_000 }, (_, i) => plugin.call("now", i));
  assert.deepEqual(await Promise.all(all), all.map((_, i) => i * 2));
  const { inFlight, unanswered } = plugin.connection.stats;
  assert.deepEqual([inFlight, unanswered], [0, 0]);
});
