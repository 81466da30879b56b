import assert from "node:assert/strict";
import { ENVIRONMENT_NAMES } from "../../src/sandbox/launch/launch_spec.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest } from "../helpers/host.ts";

type Echo = typeof import("../fixtures/plugins/echo.ts");

Deno.test("PluginHost loads a signed plugin, which answers calls and says what it is", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load<Echo>(await test.fixture("echo", { version: "1.2.3" }));
  assert.equal(plugin.state, "active");
  assert.deepEqual([plugin.name, plugin.version], ["echo", "1.2.3"]);
  assert.match(plugin.bundleHash!, /^[0-9a-f]{128}$/);
  assert.deepEqual(plugin.signers.map(({ keyId }) => keyId), [test.keys.id]);
  assert.ok(plugin.methods.includes("add"));
  assert.equal(plugin.sandbox?.launcher, "plain");
  assert.equal(plugin.error, undefined);

  // the types come from the plugin's own module
  const sum: number = await plugin.call("add", { a: 2, b: 3 });
  assert.equal(sum, 5);
  // @ts-expect-error: the method takes numbers
  void (() => plugin.call("add", { a: "2", b: 3 }));
  // @ts-expect-error: there is no such method
  void (() => plugin.call("subtract", { a: 2, b: 3 }));
  // @ts-expect-error: a stream of numbers is no stream of texts
  void (() => plugin.stream("numbers", { to: 3 }) satisfies AsyncIterable<string>);
});

Deno.test("call() carries every JSON value, and bytes, there and back", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("echo"));
  const values = [null, true, 0, -1.5, 1e300, "", "ä€😀\u0000\n", [], {}, [[1], { a: [null] }]];
  for (const value of values) assert.deepEqual(await plugin.call("echo", value), value);
  assert.equal(await plugin.call("nothing"), null);
  const hostile = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}');
  const harmless = await plugin.call("echo", hostile) as Record<string, unknown>;
  assert.equal(harmless.constructor, 1);
  for (const value of [harmless, {} as Record<string, unknown>]) {
    assert.equal(value.polluted, undefined);
  }
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const answer = await plugin.call("echo", { inner: [bytes] }) as { inner: [Uint8Array] };
  assert.deepEqual(answer.inner[0], bytes);
});

Deno.test("call() tells a method that fails from one that is missing", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("echo"));
  const error = await assertRejectsWithCode(
    plugin.call("fails"),
    "plugin-error",
    /no such thing/,
  );
  assert.equal(error.details.name, "RangeError");
  assert.ok(!JSON.stringify(error).includes(test.dataDir), "it names the host's folders");
  for (const name of ["missing", "constructor", "__proto__", "toString"]) {
    await assertRejectsWithCode(plugin.call(name), "method-not-found", new RegExp(name));
  }
  await assertRejectsWithCode(plugin.call("numbers", { to: 1 }), "plugin-error", /stream/);
  assert.equal(await plugin.call("echo", "still here"), "still here");
  const usage = await plugin.usage();
  assert.deepEqual([usage.calls, usage.failures], [7, 6]);
});

Deno.test("stream() gives the items as they are taken, and leaving early cancels it", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load<Echo>(await test.fixture("echo"));
  const items = await Array.fromAsync(plugin.stream("numbers", { to: 10_000 }));
  assert.equal(items.length, 10_000);
  assert.deepEqual(items, Array.from({ length: 10_000 }, (_, index) => index + 1));
  for await (const number of plugin.stream("numbers", { to: Number.MAX_SAFE_INTEGER })) {
    if (number === 100) break;
  }
  assert.deepEqual(await plugin.call("add", { a: 1, b: 1 }), 2);
});

Deno.test("call() hands over progress in order", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load<Echo>(await test.fixture("echo"));
  const seen: unknown[] = [];
  const answer = await plugin.call("steps", { count: 5 }, {
    onProgress: (value) => seen.push(value),
  });
  assert.equal(answer, "done");
  assert.deepEqual(seen, [1, 2, 3, 4, 5].map((step) => ({ step })));
  assert.equal(await plugin.call("steps", { count: 5 }), "done");
});

Deno.test("call() that is cancelled rejects at once, and the plugin is told", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("echo"));
  const abort = new AbortController();
  const call = plugin.call("untilCancelled", null, { signal: abort.signal });
  await test.logger.find(({ message }) => message === "waiting");
  abort.abort();
  await assertRejectsWithCode(call, "cancelled");
  await test.logger.find(({ message }) => message === "was told to stop");
  assert.equal(plugin.state, "active");
  await assertRejectsWithCode(
    plugin.call("echo", 1, { signal: AbortSignal.abort() }),
    "cancelled",
  );
  assert.equal(await plugin.call("echo", 1), 1);
});

Deno.test("call() that takes too long rejects with timeout, and the plugin goes on", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("echo", { limits: { callTimeoutMs: 300 } }));
  const error = await assertRejectsWithCode(
    plugin.call("untilCancelled", null, { timeoutMs: 50 }),
    "timeout",
    /50 ms/,
  );
  assert.equal(error.details.timeoutMs, 50);
  // a caller cannot ask for more than the plugin's limit
  await assertRejectsWithCode(
    plugin.call("untilCancelled", null, { timeoutMs: 60_000 }),
    "timeout",
    /300 ms/,
  );
  assert.equal(await plugin.call("echo", "on"), "on");
});

Deno.test("call() and stream() take any time above 0, up to Infinity for the plugin's limit", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("echo"));
  for (const timeoutMs of [Infinity, 2 ** 31, Number.MAX_VALUE]) {
    assert.equal(await plugin.call("echo", 1, { timeoutMs }), 1);
    const numbers = plugin.stream("numbers", { to: 2 }, { timeoutMs });
    assert.deepEqual(await Array.fromAsync(numbers), [1, 2]);
  }
  for (const timeoutMs of [0, -1, NaN, -Infinity, "5" as unknown as number]) {
    await assert.rejects(
      async () => await plugin.call("echo", 1, { timeoutMs }),
      new RangeError(
        `Cannot call "echo.echo": timeoutMs must be a number above 0, Infinity for the plugin's callTimeoutMs, is ${timeoutMs}`,
      ),
    );
  }
});

Deno.test("several calls are in flight at once, each with its own answer", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load<Echo>(await test.fixture("echo"));
  const abort = new AbortController();
  const held = [1, 2, 3].map(() => plugin.call("untilCancelled", null, { signal: abort.signal }));
  const settled = Promise.allSettled(held);
  const sums = await Promise.all(
    Array.from({ length: 100 }, (_, index) => plugin.call("add", { a: index, b: 1 })),
  );
  assert.deepEqual(sums, Array.from({ length: 100 }, (_, index) => index + 1));
  abort.abort();
  assert.ok((await settled).every(({ status }) => status === "rejected"));
});

Deno.test("a message that is too long fails its own call, in either direction", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(
    await test.bundle(
      "sample",
      `export default { methods: {
        echo: (value) => value,
        long: ({ length }) => "x".repeat(length),
        bytes: ({ length }) => new Uint8Array(length),
      } };`,
      { limits: { messageBytes: 65_536 } },
    ),
  );
  const fits = "x".repeat(60_000);
  assert.equal(await plugin.call("echo", fits), fits);
  for (const params of ["x".repeat(70_000), "ä".repeat(40_000), new Uint8Array(70_000)]) {
    await assertRejectsWithCode(plugin.call("echo", params), "limit-exceeded", /65536 bytes/);
  }
  for (const method of ["long", "bytes"]) {
    await assertRejectsWithCode(plugin.call(method, { length: 70_000 }), "plugin-error", /65536/);
  }
  assert.equal(await plugin.call("echo", "on"), "on");
});

Deno.test("20,000 calls in windows of 1,000 lose nothing and mix nothing up", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load<Echo>(await test.fixture("echo"));
  for (let start = 0; start < 20_000; start += 1_000) {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, index) => plugin.call("echo", { id: start + index })),
    );
    answers.forEach((answer, index) => assert.deepEqual(answer, { id: start + index }));
  }
  const usage = await plugin.usage();
  assert.deepEqual([usage.calls, usage.failures], [20_000, 0]);
  assert.ok(usage.bytesSent > 20_000 * 20 && usage.bytesReceived > 20_000 * 20);
});

Deno.test("what a plugin prints becomes records of the host's logger under its name", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("echo"));
  await plugin.call("talks");
  const levels = {
    debug: "a debug message",
    info: "an info message",
    warn: "a warning",
    error: "an error",
  };
  for (const [level, message] of Object.entries(levels)) {
    const entry = await test.logger.find((entry) => entry.message === message);
    assert.deepEqual([entry.level, entry.fields.plugin], [level, "echo"]);
  }
  await test.logger.find(({ message }) => /deep.*object.*1, 2, 3/.test(message));
});

Deno.test("what a plugin writes to stderr is captured, limited, and told apart from its log", async () => {
  await using test = await hostTest();
  const host = await test.open({ monitor: false }); // the rate alone would end it
  const plugin = await host.load(await test.fixture("floods_stderr"));
  assert.equal(await plugin.call("flood", { lines: 32_768 }), "flooded");
  await plugin.unload();
  await test.logger.find(({ message }) => /more lines suppressed/.test(message));
  const lines = test.logger.entries.filter(({ fields }) => fields.source === "stderr");
  assert.ok(lines.length >= 100 && lines.length < 2_000, `${lines.length} lines of 32,768`);
  assert.ok(lines.every(({ fields }) => fields.plugin === "floods_stderr"));
});

Deno.test("a plugin runs in an empty folder of its own, with no arguments", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("echo"));
  const seen = await plugin.call("environment") as { cwd: string; args: string[]; pid: number };
  assert.ok(seen.cwd.startsWith(`${test.dataDir}/run/`), seen.cwd);
  assert.deepEqual([...Deno.readDirSync(seen.cwd)], []);
  assert.deepEqual(seen.args, []);
  assert.equal(seen.pid, plugin.pid);
  const environ = await Deno.readTextFile(`/proc/${plugin.pid}/environ`);
  const names = environ.split("\0").slice(0, -1).map((line) => line.split("=")[0]!);
  assert.deepEqual(names.sort(), ENVIRONMENT_NAMES.filter((name) => !/PROXY/.test(name)).sort());
});
