import assert from "node:assert/strict";
import type { Logger } from "../../src/log.ts";
import type { ServiceCaller } from "../../src/services/calls/caller.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, type RecordingLogger } from "../helpers/host.ts";
import { startHost } from "../helpers/host_program.ts";

const WORKER = `export default {
  methods: {
    echo: (value) => value,
    async steps(count, call) {
      for (let i = 0; i < count; i++) call.progress(i);
      return "done";
    },
    ask: ({ key, method, args = [] }) => context.get(key)[method](...args),
  },
  init: (ctx) => { context = ctx; },
};
let context;`;

const SERVICES = ["fails", "made", "cyclic"];
const CONTEXT = SERVICES.map((key) => ({ key, access: "readwrite" as const }));
const grants = Object.fromEntries(SERVICES.map((key) => [key, "readwrite" as const]));

/** Waits for the report of a failure, and checks that it says where in this file that was. */
async function reported(logger: RecordingLogger, message: RegExp): Promise<void> {
  const entry = await logger.find((entry) => message.test(entry.message));
  assert.equal(entry.level, "error");
  assert.match(String(entry.fields.stack), /callbacks_test\.ts/);
}

function fail(): never {
  throw new Error("the application's mistake");
}

for (
  const [how, onProgress] of [
    ["throws", fail],
    ["rejects", () => Promise.reject(new Error("the application's mistake"))],
  ] as const
) {
  Deno.test(`an onProgress that ${how} costs its own call nothing, nor any other caller`, async () => {
    await using test = await hostTest();
    const host = await test.open();
    const plugin = await host.load(await test.bundle("worker", WORKER));
    const { pid } = plugin;
    const others = [1, 2, 3].map((n) => plugin.call("steps", 20, { onProgress: () => n }));
    assert.equal(await plugin.call("steps", 50, { onProgress }), "done");
    assert.deepEqual(await Promise.all(others), ["done", "done", "done"]);
    assert.equal(plugin.pid, pid);
    assert.equal(plugin.state, "active");
    assert.equal(host.violations("worker").length, 0);
    await reported(
      test.logger,
      /^The onProgress of "worker\.steps" failed: Error: the application/,
    );
  });
}

Deno.test("misuse of a call's options is a TypeError, and nothing is sent", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.bundle("worker", WORKER));
  const call = (options: object) => plugin.call("echo", 1, options);
  assert.throws(() => call({ onProgress: 5 }), /TypeError: .*onProgress must be a function/);
  assert.throws(() => call({ signal: {} }), /TypeError: .*signal must be an AbortSignal/);
  await assert.rejects(host.hooks.run("on_x", 1, { signal: {} as never }), TypeError);
  await assert.rejects(host.hooks.run("on_x", 1, { onFailed: 5 as never }), TypeError);
  assert.equal((await plugin.usage()).calls, 0);
});

for (const how of ["throws", "rejects"]) {
  Deno.test(`a logger that ${how} leaves the host alive, and is reported on stderr`, async () => {
    await using test = await hostTest();
    await test.bundle("worker", WORKER);
    // a process of its own: what nobody catches would end it
    const args = [test.keys.hex, `${test.plugins}/worker`, how];
    await using host = startHost("failing_logger", args);
    assert.deepEqual(JSON.parse(await host.line()), { answer: "served" });
    assert.deepEqual(await host.child.exited, { code: 0, signal: null });
    const text = host.child.stderr.text();
    assert.match(text, /ERROR sallyport: The logger failed: Error: disk full/);
    assert.match(text, /failing_logger\.ts/);
  });
}

Deno.test("handlers of hooks: what they and their listeners throw is logged and costs the run", async () => {
  await using test = await hostTest();
  const host = await test.open();
  host.hooks.register("on_x", fail, { owner: "app" });
  host.hooks.define("on_x", { onFailure: "fail-open" });
  const onFailed = () => Promise.reject(new Error("the application's mistake"));
  assert.equal(await host.hooks.run("on_x", 1, { onFailed }), 1);
  await reported(
    test.logger,
    /^The handler of "app" for hook "on_x" failed: Error: the application/,
  );
  await reported(test.logger, /^The onFailed of hook "on_x" failed: Error: the application/);

  host.hooks.register("on_y", (_data, { signal }) => {
    signal.addEventListener("abort", fail);
    AbortSignal.any([signal]).addEventListener("abort", fail);
    return new Promise(() => {});
  }, { owner: "slow" });
  await assertRejectsWithCode(host.hooks.run("on_y", 1, { timeoutMs: 20 }), "timeout");
  await reported(
    test.logger,
    /^The handler of "slow" for hook "on_y" failed: Error: the application/,
  );

  host.hooks.register("on_z", () => {
    throw Object.create(null);
  });
  const error = await assertRejectsWithCode(host.hooks.run("on_z", 1), "plugin-error");
  assert.match(error.message, /: \{\}$/);
});

Deno.test("services: what they throw is logged, costs that call, and says nothing of the host", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: { default: { grant: { context: grants } } } });
  host.services.provide("fails", {
    sync: fail,
    later: () => Promise.reject(new Error("the application's mistake")),
    nothing: () => Promise.reject(Object.create(null)),
    unreadable: () => ({
      get value() {
        return fail();
      },
    }),
    iterable: () => Object.defineProperty({}, Symbol.asyncIterator, { get: fail }),
  });
  let made = 0;
  host.services.provide("made", ({ signal }: ServiceCaller) => {
    signal.addEventListener("abort", fail);
    return { count: () => ++made, [Symbol.asyncDispose]: () => Promise.reject(new Error("stuck")) };
  });
  host.services.provide("cyclic", () => fail());
  const plugin = await host.load(await test.bundle("worker", WORKER, { context: CONTEXT }));
  const ask = (key: string, method: string) => plugin.call("ask", { key, method });
  for (const method of ["sync", "later", "nothing", "unreadable"]) {
    const error = await assertRejectsWithCode(ask("fails", method), "plugin-error");
    assert.ok(!JSON.stringify(error).includes("callbacks_test"), JSON.stringify(error));
  }
  await reported(test.logger, /^Service "fails" failed: Error: the application's mistake/);
  await reported(
    test.logger,
    /^Answering plugin "worker" failed: Error: the application's mistake/,
  );
  await assertRejectsWithCode(ask("cyclic", "x"), "plugin-error");
  await reported(test.logger, /^Service "cyclic" failed/);
  assert.equal(await ask("made", "count"), 1);
  assert.equal(plugin.state, "active");

  // nothing of the application keeps a plugin from being unloaded
  await plugin.unload();
  assert.equal(plugin.state, "inactive");
  await reported(test.logger, /^Disposing of service "made" failed: Error: stuck/);
  await reported(test.logger, /^A service's listener for "worker" failed: Error: the application/);
  await host.load(plugin.path);
  assert.equal(await ask("made", "count"), 2);
});

Deno.test("a logger without a method is refused when the host is opened", async () => {
  await using test = await hostTest();
  const logger = { info() {} } as unknown as Logger;
  await assert.rejects(test.open({ logger }), /TypeError: .*logger has no method "debug"/);
});
