import assert from "node:assert/strict";
import type { SallyportErrorCode } from "../../src/errors.ts";
import type { PluginHost } from "../../src/host/host.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest, recordEvents } from "../helpers/host.ts";
import { isAlive, settles, until } from "../helpers/process.ts";

/** Calls a second plugin all the while, and fails where it does not answer. */
async function withWitness(test: HostTest, host: PluginHost, attack: () => Promise<void>) {
  const witness = await host.load(await test.fixture("echo"));
  let over = false;
  let answers = 0;
  const watch = (async () => {
    while (!over) {
      assert.equal(await witness.call("echo", ++answers), answers);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  try {
    await attack();
  } finally {
    over = true;
    await watch;
  }
  assert.equal(await witness.call("echo", "alive"), "alive");
  assert.equal(witness.state, "active");
  assert.ok(answers > 0);
}

const STARTS: [fixture: string, code: SallyportErrorCode, message: RegExp, options?: object][] = [
  ["silent", "launch-failed", /its module was not imported within 700 ms/, {
    times: { startTimeoutMs: 700 },
  }],
  ["exits_early", "launch-failed", /exit code 0 before it was ready/],
  ["garbage_stdout", "protocol-violation", /./],
  ["wrong_protocol", "protocol-violation", /protocol 99/],
  ["throwing_getters", "launch-failed", /you may not look/],
  ["proxy_export", "launch-failed", /trapped/],
  ["init_throws", "launch-failed", /init failed: cannot begin/],
  ["no_default_export", "launch-failed", /no default export/],
];

for (const [fixture, code, message, options] of STARTS) {
  Deno.test(`a plugin that is ${fixture} fails its own load only, with ${code}`, async () => {
    await using test = await hostTest();
    // what it says is looked at where it says it on the only lane; beside the lane all is refused
    const host = await test.open({ transport: { lane: "stdio" }, ...options });
    await withWitness(test, host, async () => {
      const dir = await test.fixture(fixture);
      const error = await assertRejectsWithCode(host.load(dir), code, message);
      assert.ok(error.message.startsWith(`Cannot start plugin "${fixture}": `), error.message);
      const plugin = host.plugin(fixture)!;
      assert.deepEqual([plugin.state, plugin.pid, plugin.error], ["failed", undefined, error]);
    });
  });
}

Deno.test("a plugin that leaves early says so on stderr, and the error tells", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.fixture("exits_early");
  const error = await assertRejectsWithCode(host.load(dir), "launch-failed");
  assert.deepEqual([error.details.exitCode, error.details.signal], [0, null]);
  await test.logger.find(({ message }) => message.includes("leaving early"));
});

Deno.test("a plugin that exports a function `then` is loaded like any other", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("exports_then"));
  assert.equal(await plugin.call("echo", 1), 1);
});

Deno.test("a call that ends with its plugin says which plugin, and how that ended", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("replies_twice"));
  const error = await assertRejectsWithCode(plugin.call("again"), "protocol-violation");
  assert.match(error.message, /"replies_twice"/);
  assert.equal(error.details.plugin, "replies_twice");
  // it is killed, unless it saw the end of its input first
  assert.equal(typeof error.details.exitCode, "number");
  assert.ok("signal" in error.details && "stderrTail" in error.details);
});

/** Loads a fixture, calls a method of it, and expects that this ends the plugin. */
async function expectEnd(
  test: HostTest,
  host: PluginHost,
  call: { fixture: string; method: string; params?: unknown },
  code: SallyportErrorCode,
  message?: RegExp,
): Promise<void> {
  const events = recordEvents(host);
  const manifest = { context: [{ key: "config", access: "read" }] };
  const plugin = await host.load(await test.fixture(call.fixture, manifest));
  const { pid } = plugin;
  await assertRejectsWithCode(plugin.call(call.method, call.params), code, message);
  await events.find("violation", call.fixture);
  assert.match(plugin.error!.message, new RegExp(`^Plugin "${call.fixture}" was ended: `));
  assert.equal(plugin.state, "failed");
  assert.ok(!isAlive(pid!), "its process lives on");
  assert.deepEqual(host.violations(call.fixture).map((violation) => violation.code), [code]);
  host.resetViolations(call.fixture);
  assert.deepEqual(host.violations(call.fixture), []);
}

for (
  const [what, fixture, method, message] of [
    ["writes a line without end", "endless_line", "spew", /longer than/],
    ["answers twice", "replies_twice", "again", /already answered/],
    ["answers what nobody asked", "forged_answers", "forge", /4711, which was never sent/],
    ["floods the host with notifications", "floods_notifications", "flood", /a second/],
    ["asks without reading the answers", "unread_replies", "ask", /does not read/],
  ] as const
) {
  Deno.test(`a plugin that ${what} is ended, and only that plugin`, async () => {
    await using test = await hostTest();
    const host = await test.open({
      transport: { lane: "stdio" }, // where the fixtures write
      policy: { default: { grant: { context: { config: "read" } } } },
      config: { unread_replies: { long: "x".repeat(100_000) } },
    });
    await withWitness(test, host, async () => {
      await expectEnd(test, host, { fixture, method }, "protocol-violation", message);
    });
  });
}

const text = (line: string) => new TextEncoder().encode(`${line}\n`);
const LINES: [name: string, bytes: Uint8Array][] = [
  ["prose", text("Done.")],
  ["an empty line", text("")],
  ["half a message", new TextEncoder().encode('{"jsonrpc":"2.0",')],
  ["a batch", text('[{"jsonrpc":"2.0","id":2,"result":1}]')],
  ["invalid UTF-8", new Uint8Array([123, 34, 0xff, 0xfe, 34, 58, 49, 125, 10])],
  ["a byte order mark", text('\ufeff{"jsonrpc":"2.0","method":"log","params":{}}')],
  ["a million brackets", text("[".repeat(1_000_000))],
  [
    "deep but whole nesting",
    text(`{"jsonrpc":"2.0","id":2,"result":${"[".repeat(5_000)}${"]".repeat(5_000)}}`),
  ],
  ["no version", text('{"id":2,"result":1}')],
  [
    "both result and error",
    text('{"jsonrpc":"2.0","id":2,"result":1,"error":{"code":1,"message":""}}'),
  ],
  ["a text as id", text('{"jsonrpc":"2.0","id":"2","result":1}')],
  ["a negative id", text('{"jsonrpc":"2.0","id":-2,"result":1}')],
  ["an unknown member", text('{"jsonrpc":"2.0","id":2,"result":1,"more":1}')],
  ["an unknown notification", text('{"jsonrpc":"2.0","method":"shutdown"}')],
  [
    "stream items for a call",
    text('{"jsonrpc":"2.0","method":"$/stream","params":{"id":2,"items":[1]}}'),
  ],
  [
    "progress nobody asked for",
    text('{"jsonrpc":"2.0","method":"$/progress","params":{"id":2,"value":1}}'),
  ],
  [
    "binary that is too long",
    text('{"jsonrpc":"2.0","id":2,"result":{"$bin":0},"$bin":[99999999999]}'),
  ],
];

for (const [name, bytes] of LINES) {
  Deno.test(`a plugin that writes ${name} to the pipe is ended with protocol-violation`, async () => {
    await using test = await hostTest();
    const host = await test.open({ transport: { lane: "stdio" } });
    const call = { fixture: "raw_stdout", method: "write", params: { bytes } };
    await expectEnd(test, host, call, "protocol-violation");
  });
}

Deno.test("a plugin that writes to the pipe beside its socket is ended", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const params = { bytes: text('{"jsonrpc":"2.0","id":1,"result":1}') };
  const call = { fixture: "raw_stdout", method: "write", params };
  await expectEnd(test, host, call, "protocol-violation", /moved away from/);
});

Deno.test("a log record of no level or of one that is no text is logged as any other", async () => {
  await using test = await hostTest();
  const host = await test.open({ transport: { lane: "stdio" } });
  const plugin = await host.load(await test.fixture("raw_stdout"));
  for (const level of ["7", "null", '{"toString":1}', '["error"]', '"fatal"']) {
    const message = `of level ${level.replaceAll('"', "")}`;
    const bytes = text(
      `{"jsonrpc":"2.0","method":"log","params":{"level":${level},"message":"${message}"}}`,
    );
    await plugin.call("write", { bytes });
    const record = await test.logger.find((entry) => entry.message === message);
    assert.equal(record.level, "info");
  }
  assert.equal(plugin.state, "active");
});

Deno.test("results that cannot be sent fail their own call and nothing else", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("unsendable_results"));
  for (
    const method of ["cyclic", "bigint", "deep", "throwingJson", "throwsNothing", "throwsProxy"]
  ) {
    await assertRejectsWithCode(plugin.call(method), "plugin-error");
    assert.equal(await plugin.call("echo", method), method);
  }
  assert.equal(plugin.state, "active");
});

Deno.test("a plugin that closes the pipes beside its socket goes on", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("closes_stdio"));
  for (const descriptor of [0, 1, 2]) {
    assert.equal(await plugin.call("close", { descriptor }), "closed");
    assert.equal(await plugin.call("echo", descriptor), descriptor);
  }
});

Deno.test("a plugin that closes its output is over, and its call fails", async () => {
  await using test = await hostTest();
  const host = await test.open({ transport: { lane: "stdio" } });
  const plugin = await host.load(await test.fixture("closes_stdio"));
  const pid = plugin.pid!;
  await assertRejectsWithCode(plugin.call("close", { descriptor: 1 }), "crashed");
  await until(() => plugin.state === "failed", "the plugin is known to have failed");
  assert.ok(!isAlive(pid));
});

Deno.test("a plugin in a busy loop fails the call with timeout, and is then ended", async () => {
  await using test = await hostTest();
  const host = await test.open();
  await withWitness(test, host, async () => {
    const events = recordEvents(host);
    const plugin = await host.load(await test.fixture("busy_loop"));
    const pid = plugin.pid!;
    await assertRejectsWithCode(plugin.call("spin", null, { timeoutMs: 100 }), "timeout");
    // it never answers the cancellation: that is its end
    const { error } = await events.find("violation", "busy_loop");
    assert.equal(error.code, "timeout");
    assert.ok(!isAlive(pid));
    await host.reload("busy_loop");
    assert.equal(await plugin.call("echo", "again"), "again");
  });
});

Deno.test("a plugin that stops itself with SIGSTOP is ended like one in a busy loop", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("stops_itself"));
  const pid = plugin.pid!;
  await assertRejectsWithCode(plugin.call("stop", null, { timeoutMs: 100 }), "timeout");
  await settles(host.unload("stops_itself"), "the unload");
  assert.ok(!isAlive(pid));
});

Deno.test("a plugin that ignores shutdown, its input and SIGTERM is unloaded all the same", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("ignores_sigterm"));
  const pid = plugin.pid!;
  await settles(host.unload("ignores_sigterm"), "the unload");
  assert.ok(!isAlive(pid));
  assert.equal(plugin.state, "inactive");
});

Deno.test("closing the host in the middle of everything leaves nothing", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const busy = await host.load(await test.fixture("busy_loop"));
  const stopped = await host.load(await test.fixture("stops_itself"));
  const stubborn = await host.load(await test.fixture("ignores_sigterm"));
  const echo = await host.load(await test.fixture("echo"));
  const pids = [busy, stopped, stubborn, echo].map((plugin) => plugin.pid!);
  const calls = Promise.allSettled([
    busy.call("spin"),
    stopped.call("stop"),
    echo.call("untilCancelled"),
  ]);
  await test.logger.find(({ message }) => message === "waiting");
  await settles(host.close(), "the end of the host");
  assert.deepEqual(pids.filter(isAlive), []);
  for (const result of await calls) {
    assert.equal(result.status, "rejected");
    assert.equal((result as PromiseRejectedResult).reason.code, "cancelled");
  }
});
