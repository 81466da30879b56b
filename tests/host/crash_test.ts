import assert from "node:assert/strict";
import type { SallyportError } from "../../src/errors.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";

Deno.test("a plugin that exits mid-call fails every pending call with how it ended", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  const plugin = await host.load(await test.fixture("exits_mid_call"));
  const pending = [1, 2, 3].map(() => plugin.call("hang"));
  const settled = Promise.allSettled(pending);
  const error = await assertRejectsWithCode(
    plugin.call("exit", { code: 3 }),
    "crashed",
    /^Plugin "exits_mid_call" crashed: exit code 3$/,
  );
  assert.equal(error.details.exitCode, 3);
  assert.equal(error.details.signal, null);
  assert.equal(error.details.stderrTail, "first line\n\\u001b[31mlast words");
  assert.match(error.hint ?? "", /last words/);
  for (const result of await settled) {
    assert.equal(result.status, "rejected");
    const { reason } = result as PromiseRejectedResult;
    assert.deepEqual([reason.code, reason.details.exitCode], ["crashed", 3]);
  }
  const event = await events.find("crashed", "exits_mid_call");
  assert.equal(event.error.details.exitCode, 3);
  assert.equal(plugin.state, "failed");
  assert.equal(plugin.error?.code, "crashed");
  assert.equal(plugin.pid, undefined);

  await assertRejectsWithCode(plugin.call("echo", 1), "bad-state", /it is failed.*exit code 3/);
  await host.reload("exits_mid_call");
  assert.equal(await plugin.call("echo", "back"), "back");
  assert.equal(plugin.state, "active");
  assert.equal(plugin.error, undefined);
});

Deno.test("an exit with code 0 in a call is a crash all the same", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("exits_mid_call"));
  const error = await assertRejectsWithCode(plugin.call("exit", { code: 0 }), "crashed");
  assert.equal(error.details.exitCode, 0);
});

Deno.test("a plugin killed mid-call fails its calls and streams with the signal", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.fixture("echo"));
  const other = await host.load(
    await test.bundle("other", "export default { methods: { a: () => 1 } };"),
  );
  const stream = plugin.stream("numbers", { to: Number.MAX_SAFE_INTEGER });
  assert.equal((await stream.next()).value, 1);
  const call = plugin.call("untilCancelled");
  await test.logger.find(({ message }) => message === "waiting");
  Deno.kill(plugin.pid!, "SIGKILL");
  const error = await assertRejectsWithCode(call, "crashed", /signal SIGKILL/);
  assert.deepEqual([error.details.exitCode, error.details.signal], [137, "SIGKILL"]);
  await assertRejectsWithCode(
    async () => {
      for await (const _ of stream);
    },
    "crashed",
    /SIGKILL/,
  );
  assert.equal(await other.call("a"), 1);
});

Deno.test("an idle plugin that dies is noticed, and its folders are removed", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  const plugin = await host.load(await test.fixture("echo"));
  const { cwd } = await plugin.call("environment") as { cwd: string };
  Deno.kill(plugin.pid!, "SIGKILL");
  await events.find("crashed", "echo");
  assert.equal(host.counts().failed, 1);
  assert.throws(() => Deno.statSync(cwd), Deno.errors.NotFound);
  assert.deepEqual(events.story("echo").slice(-2), ["state:failed", "crashed"]);
});

Deno.test("an uncaught error in the background ends the plugin with the error in its log", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  const plugin = await host.load(
    await test.bundle(
      "background",
      `export default { methods: {
        later() { setTimeout(() => { throw new Error("nobody caught me"); }); return "soon"; },
        reject() { Promise.reject(new Error("nobody awaited me")); return "soon"; },
      } };`,
    ),
  );
  assert.equal(await plugin.call("later"), "soon");
  const { error } = await events.find("crashed", "background");
  assert.equal(error.details.exitCode, 1);
  await test.logger.find(({ message }) => message.includes("nobody caught me"));
  await host.reload("background");
  await plugin.call("reject").catch((error: SallyportError) => assert.equal(error.code, "crashed"));
  await test.logger.find(({ message }) => message.includes("nobody awaited me"));
});

Deno.test("a plugin with too much on its heap is ended by its own runtime, not the host", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(
    await test.bundle(
      "hungry",
      `export default { methods: { eat() {
        const eaten = [];
        while (true) eaten.push({ more: [eaten.length, "x" + eaten.length] });
      } } };`,
      { limits: { memoryBytes: 32 * 1024 * 1024 } },
    ),
  );
  const error = await assertRejectsWithCode(plugin.call("eat"), "limit-exceeded", /V8 heap/);
  assert.match(String(error.details.stderrTail), /heap|out of memory/i);
  assert.equal(error.details.limit, "memoryBytes");
  assert.equal(error.details.value, 32 * 1024 * 1024);
  assert.equal(plugin.state, "failed");
  assert.equal(host.violations("hungry")[0]?.code, "limit-exceeded");
});

Deno.test("who sees a call fail with a crash finds the plugin failed, and may reload it at once", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle(
    "sample",
    `export default {
      methods: { die: () => Deno.exit(3), hello: () => "hello" },
      snapshot: () => 1,
      restore() {},
    };`,
  );
  const plugin = await host.load(dir);
  for (
    const again of [() => plugin.reload(), () => host.load(dir), () => host.loadByName("sample")]
  ) {
    await assertRejectsWithCode(plugin.call("die"), "crashed", /exit code 3/);
    assert.equal(plugin.state, "failed");
    assert.equal(plugin.error?.code, "crashed");
    assert.equal(host.counts().active, 0);
    await again();
    assert.equal(await plugin.call("hello"), "hello");
  }
});

Deno.test("a plugin killed in the middle of a message has crashed, one that ends there broke the protocol", async () => {
  await using test = await hostTest();
  const host = await test.open({ transport: { lane: "stdio" } });
  const events = recordEvents(host);
  const plugin = await host.load(
    await test.bundle(
      "torn",
      `import { writeSync } from "node:fs";
      const half = (act: () => void) => () => { writeSync(1, '{"jsonrpc":"2.0","me'); act(); };
      export default { methods: {
        killed: half(() => Deno.kill(Deno.pid, "SIGKILL")),
        exits: half(() => Deno.exit(0)),
      } };`,
    ),
  );
  await assertRejectsWithCode(plugin.call("killed"), "crashed", /SIGKILL/);
  assert.equal((await events.find("crashed", "torn")).error.code, "crashed");
  assert.equal(plugin.error?.code, "crashed");
  await plugin.reload();
  await assertRejectsWithCode(plugin.call("exits"), "protocol-violation", /middle of a message/);
  assert.equal((await events.find("violation", "torn")).error.code, "protocol-violation");
});

Deno.test("what nothing in a plugin caught reaches the caller, with its stack", async () => {
  await using test = await hostTest();
  const host = await test.open();
  for (
    const [throws, message] of [
      [
        `setTimeout(() => { throw new Error("out of \\x1b[31mrange"); }, 1)`,
        /Uncaught Error: out of/,
      ],
      [
        `Promise.reject(new TypeError("nobody waits"))`,
        /Uncaught \(in promise\) TypeError: nobody/,
      ],
      [`queueMicrotask(() => { throw 5; })`, /Uncaught .*5/],
    ] as const
  ) {
    const hang = "new Promise(() => setTimeout(() => {}, 1e6))";
    const main = `export default { methods: { go: () => { ${throws}; return ${hang}; } } };`;
    const plugin = await host.load(await test.bundle("sample", main));
    const error = await assertRejectsWithCode(plugin.call("go"), "crashed", message);
    assert.match(error.message, /^Plugin "sample" crashed: exit code 1: Uncaught /);
    assert.ok(!error.message.includes("\x1b"));
    assert.match(String(error.details.stack), /main\.ts:1:\d+|^$/);
    await plugin.unload();
    const early = `export default { init: () => { ${throws}; return ${hang}; } };`;
    const failed = await assertRejectsWithCode(
      host.load(await test.bundle("sample", early)),
      "launch-failed",
    );
    assert.match(`${failed.message} ${failed.hint}`, message);
  }
  // the control: one that ends of its own accord has thrown nothing, whatever it logged before
  const exits = `export default { methods: { go() {
    console.error("Uncaught nonsense"); console.error("bye"); Deno.exit(1);
  } } };`;
  const plugin = await host.load(await test.bundle("sample", exits));
  await assertRejectsWithCode(plugin.call("go"), "crashed", /exit code 1$/);
});
