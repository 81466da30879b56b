import assert from "node:assert/strict";
import { settledWithin, stopChild } from "../../src/process/stop.ts";
import { isAlive, startShell, until } from "../helpers/process.ts";

// Short, so that the whole ladder takes less than a second; the defaults are in seconds.
const TIMES = { shutdownMs: 300, graceMs: 200 };

Deno.test("stopChild() ends a child that exits when asked at the first step", async () => {
  await using test = startShell("echo ready; read line; exit 3");
  await test.line();
  const asked = Promise.withResolvers<void>();
  const end = await stopChild(test.child, {
    shutdown: async () => {
      await test.write("shutdown\n");
      await asked.promise;
    },
    endInput: () => assert.fail("the input was ended though the child had exited"),
    shutdownMs: 5_000,
  });
  assert.deepEqual(end, { code: 3, signal: null, step: "shutdown" });
  asked.resolve();
});

Deno.test("stopChild() goes on when the child refuses to shut down, and ends its input", async () => {
  await using test = startShell("echo ready; cat >/dev/null; exit 0");
  await test.line();
  const end = await stopChild(test.child, {
    shutdown: () => Promise.reject(new Error("no")),
    endInput: () => test.endInput(),
    shutdownMs: 5_000,
    graceMs: 5_000,
  });
  assert.deepEqual(end, { code: 0, signal: null, step: "stdin" });
});

Deno.test("stopChild() sends SIGTERM to a child that ignores the end of its input", async () => {
  await using test = startShell("echo ready; exec sleep 1000");
  await test.line();
  const end = await stopChild(test.child, {
    ...TIMES,
    shutdown: () => new Promise(() => {}),
    endInput: () => test.endInput(),
  });
  assert.deepEqual(end, { code: 143, signal: "SIGTERM", step: "SIGTERM" });
});

Deno.test("stopChild() kills a child that ignores SIGTERM, after the sum of its times", async () => {
  await using test = startShell("trap '' TERM; echo ready; exec sleep 1000");
  await test.line();
  const start = performance.now();
  const end = await stopChild(test.child, {
    ...TIMES,
    shutdown: () => new Promise(() => {}),
    endInput: () => test.endInput(),
  });
  assert.deepEqual(end, { code: 137, signal: "SIGKILL", step: "SIGKILL" });
  const bound = TIMES.shutdownMs + 2 * TIMES.graceMs;
  const took = performance.now() - start;
  assert.ok(took >= bound - 20, `took ${took} ms`);
});

Deno.test("stopChild() kills a child that stopped itself and so never sees SIGTERM", async () => {
  await using test = startShell("echo ready; kill -STOP $$");
  await test.line();
  const end = await stopChild(test.child, { ...TIMES, endInput: () => test.endInput() });
  assert.deepEqual(end, { code: 137, signal: "SIGKILL", step: "SIGKILL" });
});

Deno.test("stopChild() is not held up by an input whose end never comes", async () => {
  await using test = startShell("echo ready; exec sleep 1000");
  await test.line();
  const end = await stopChild(test.child, { ...TIMES, endInput: () => new Promise(() => {}) });
  assert.equal(end.step, "SIGTERM");
});

Deno.test("stopChild() goes on when ending the input throws at once", async () => {
  await using test = startShell("echo ready; exec sleep 1000");
  await test.line();
  const end = await stopChild(test.child, {
    ...TIMES,
    endInput: () => {
      throw new Error("the pipe is broken");
    },
  });
  assert.equal(end.step, "SIGTERM");
});

Deno.test("stopChild() reports a child that had exited before", async () => {
  await using test = startShell("exit 7");
  await test.child.exited;
  const end = await stopChild(test.child, { shutdown: () => assert.fail("asked a dead child") });
  assert.deepEqual(end, { code: 7, signal: null, step: "exited" });
});

Deno.test("stopChild() awaits the exit, not the pipes that a grandchild holds", async () => {
  await using test = startShell("sleep 1000 & echo $!; exec cat >/dev/null");
  const grandchild = Number(await test.line());
  try {
    const end = await stopChild(test.child, { ...TIMES, endInput: () => test.endInput() });
    assert.equal(end.step, "stdin");
    assert.ok(isAlive(grandchild), "the grandchild was to outlive the child in this test");
  } finally {
    Deno.kill(grandchild, "SIGKILL");
  }
  await until(() => !isAlive(grandchild), "the grandchild is gone");
});

Deno.test("settledWithin() tells settled promises, rejected ones too, from late ones", async () => {
  assert.equal(await settledWithin(Promise.resolve(), 5_000), true);
  assert.equal(await settledWithin(Promise.reject(new Error("no")), 5_000), true);
  assert.equal(await settledWithin(new Promise(() => {}), 5), false);
});
