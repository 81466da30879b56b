import assert from "node:assert/strict";
import { SallyportError } from "../../src/errors.ts";
import { HOOK_PRIORITY } from "../../src/hooks/names.ts";
import { HookRegistry } from "../../src/hooks/registry.ts";
import type { HookFailure, PluginHookRunner } from "../../src/hooks/types.ts";
import { assertRejectsWithCode, assertThrowsWithCode } from "../helpers/assert_code.ts";

/** A plugin's handler that adds its name to a list. */
function adds(name: string): PluginHookRunner {
  return (data) => Promise.resolve({ value: [...data as string[], name] });
}

/** A plugin's handler that fails. */
function fails(code: "plugin-error" | "crashed" = "plugin-error"): PluginHookRunner {
  return () => Promise.reject(new SallyportError(code, "it broke"));
}

/** A plugin's handler that never answers but keeps the signal that it got. */
function hangs(): { run: PluginHookRunner; signals: AbortSignal[] } {
  const signals: AbortSignal[] = [];
  return {
    signals,
    run: (_data, { signal }) => {
      signals.push(signal!);
      return new Promise(() => {});
    },
  };
}

Deno.test("HookRegistry.run() chains by priority, host before plugins, then owner, then order", async () => {
  const hooks = new HookRegistry();
  hooks.registerPlugin("zeta", "h", 200, adds("zeta"));
  hooks.registerPlugin("alpha", "h", 200, adds("alpha"));
  hooks.registerPlugin("late", "h", 400, adds("late"));
  hooks.registerPlugin("early", "h", 100, adds("early"));
  hooks.register("h", (data) => [...data as string[], "host 2"], { owner: "b" });
  hooks.register("h", (data) => [...data as string[], "host 1"], { owner: "a" });
  hooks.register("h", (data) => [...data as string[], "host 3"], { owner: "b" });
  hooks.register("h", (data) => [...data as string[], "system"], { priority: 0 });
  const order = ["system", "early", "host 1", "host 2", "host 3", "alpha", "zeta", "late"];
  assert.deepEqual(await hooks.run("h", [] as string[]), order);
  assert.deepEqual(hooks.list("h").map(({ priority }) => priority), [
    ...[0, 100],
    ...Array(5).fill(200),
    400,
  ]);
  assert.deepEqual(
    hooks.list("h").map(({ band }) => band).filter((b, i, all) => b !== all[i - 1]),
    [
      "critical",
      "high",
      "normal",
      "cleanup",
    ],
  );
});

Deno.test("HookRegistry.run() gives the input back where nobody handles the hook or changes it", async () => {
  const hooks = new HookRegistry();
  const data = { a: 1 };
  assert.equal(await hooks.run("nobody", data), data);
  hooks.register("h", () => undefined);
  hooks.registerPlugin("p", "h", 200, () => Promise.resolve({}));
  assert.equal(await hooks.run("h", data), data);
  hooks.registerPlugin("q", "h", 300, () => Promise.resolve({ value: null }));
  assert.equal(await hooks.run<unknown>("h", data), null, "null is a value");
});

Deno.test("HookRegistry keeps the band below 100 for the host", () => {
  const hooks = new HookRegistry();
  for (const priority of [0, 99, -1, 100.5, 10_000, NaN]) {
    assertThrowsWithCode(
      () => hooks.registerPlugin("p", "h", priority, adds("p")),
      "bad-config",
      /plugin "p".*from 100 to 9999/,
    );
  }
  hooks.registerPlugin("p", "h", HOOK_PRIORITY.high, adds("p"));
  hooks.register("h", () => undefined, { priority: HOOK_PRIORITY.critical });
  assert.throws(() => hooks.register("h", () => undefined, { priority: -1 }), RangeError);
});

Deno.test("HookRegistry refuses bad names, a second handler of a plugin, and too many", () => {
  const hooks = new HookRegistry({ maxHandlers: 2, maxHooks: 2 });
  for (const name of ["", "Upper", "1st", "a b", "a".repeat(65), "__proto__"]) {
    assert.throws(() => hooks.register(name, () => undefined), TypeError);
    assert.throws(() => hooks.define(name, {}), TypeError);
    assertThrowsWithCode(() => hooks.registerPlugin("p", name, 200, adds("p")), "bad-config");
  }
  hooks.registerPlugin("p", "h", 200, adds("p"));
  assertThrowsWithCode(
    () => hooks.registerPlugin("p", "h", 300, adds("p")),
    "bad-config",
    /handles it already/,
  );
  hooks.registerPlugin("q", "h", 200, adds("q"));
  assertThrowsWithCode(() => hooks.register("h", () => undefined), "limit-exceeded", /has 2/);
  hooks.define("i", { timeoutMs: 1 });
  assertThrowsWithCode(() => hooks.define("j", {}), "limit-exceeded", /"j"/);
  assert.throws(() => hooks.define("i", { timeoutMs: 0 }), RangeError);
  assert.throws(() => hooks.register("i", "no" as never), TypeError);
});

Deno.test("HookRegistry.run() fails closed by default: the error names hook and plugin, later handlers do not run", async () => {
  const failures: HookFailure[] = [];
  const hooks = new HookRegistry({ onFailure: (failure) => failures.push(failure) });
  let later = 0;
  hooks.registerPlugin("bad", "h", 200, fails("crashed"));
  hooks.register("h", () => void (later += 1), { priority: 300 });
  const error = await assertRejectsWithCode(
    hooks.run("h", 1),
    "crashed",
    /^Hook "h" failed in plugin "bad": it broke$/,
  );
  assert.deepEqual(error.details, { hook: "h", plugin: "bad", owner: "bad" });
  assert.equal(later, 0);
  assert.equal(failures.length, 1);
  assert.deepEqual({ ...failures[0], error: undefined }, {
    hook: "h",
    mode: "chain",
    plugin: "bad",
    owner: "bad",
    error: undefined,
    skipped: false,
  });
  hooks.removePlugin("bad");
  await hooks.run("h", 1);
  assert.equal(later, 1, "control: it runs once nothing fails before it");
});

Deno.test("HookRegistry.run() under fail-open skips what fails and reports it", async () => {
  const heard: string[] = [];
  const hooks = new HookRegistry({
    onFailure({ owner, skipped }) {
      heard.push(`listener ${owner} ${skipped}`);
      throw new Error("a listener's mistake");
    },
  });
  hooks.define("h", { onFailure: "fail-open" });
  hooks.registerPlugin("a", "h", 200, adds("a"));
  hooks.registerPlugin("b", "h", 201, fails());
  hooks.register("h", () => {
    throw new Error("thrown");
  }, { priority: 202, owner: "audit" });
  hooks.registerPlugin("c", "h", 203, adds("c"));
  const onFailed = ({ owner, error }: HookFailure) => heard.push(`run ${owner} ${error.code}`);
  assert.deepEqual(await hooks.run("h", [] as string[], { onFailed }), ["a", "c"]);
  assert.deepEqual(heard, [
    "listener b true",
    "run b plugin-error",
    "listener audit true",
    "run audit plugin-error",
  ]);
  await assertRejectsWithCode(
    hooks.run("h", [], { onFailure: "fail-closed" }),
    "plugin-error",
    /plugin "b"/,
  );
});

Deno.test("HookRegistry ends a handler at its deadline, aborts its signal, and drops what it gives later", async () => {
  const hooks = new HookRegistry();
  const late = hangs();
  hooks.registerPlugin("slow", "h", 200, late.run);
  hooks.registerPlugin("next", "h", 300, adds("next"));
  const error = await assertRejectsWithCode(
    hooks.run("h", [], { timeoutMs: 5 }),
    "timeout",
    /^Hook "h" failed in plugin "slow": deadline of 5 ms passed$/,
  );
  assert.equal(late.signals[0]?.aborted, true);
  assert.equal(late.signals[0]?.reason, error);
  assert.match(error.hint ?? "", /timeoutMs/);
  hooks.define("h", { timeoutMs: 5, onFailure: "fail-open" });
  assert.deepEqual(await hooks.run("h", []), ["next"]);
  for (const timeoutMs of [Infinity, 2 ** 31, NaN, "5" as unknown as number]) {
    await assert.rejects(hooks.run("h", [], { timeoutMs }), /more than 0 and at most 2147483647/);
  }
});

Deno.test("HookRegistry.run() is cancelled by its signal, whatever the policy", async () => {
  const hooks = new HookRegistry();
  const controller = new AbortController();
  const late = hangs();
  hooks.registerPlugin("slow", "h", 200, late.run);
  const running = hooks.run("h", [], { signal: controller.signal, onFailure: "fail-open" });
  const told = hooks.broadcast("h", [], { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejectsWithCode(running, "cancelled", /^Hook "h" was cancelled$/);
  await assertRejectsWithCode(told, "cancelled");
  assert.equal(late.signals.every((signal) => signal.aborted), true);
  await assertRejectsWithCode(hooks.run("h", [], { signal: controller.signal }), "cancelled");
});

Deno.test("HookRegistry.broadcast() runs all at once and gives results by priority", async () => {
  const hooks = new HookRegistry();
  const started: string[] = [];
  const all = Promise.withResolvers<void>();
  const meets = (name: string): PluginHookRunner => async () => {
    started.push(name);
    if (started.length === 2) all.resolve();
    await all.promise; // settles only when both run at the same time
    return { value: name };
  };
  hooks.registerPlugin("b", "h", 300, meets("b"));
  hooks.registerPlugin("a", "h", 200, meets("a"));
  hooks.registerPlugin("bad", "h", 250, fails());
  hooks.register("h", () => 7, { priority: 0 });
  const failed: string[] = [];
  const results = await hooks.broadcast("h", {}, { onFailed: ({ owner }) => failed.push(owner) });
  assert.deepEqual(
    results.map((each) => [
      each.plugin,
      each.owner,
      each.status === "fulfilled" ? each.value : each.error.code,
    ]),
    [[undefined, "host", 7], ["a", "a", "a"], ["bad", "bad", "plugin-error"], ["b", "b", "b"]],
  );
  assert.deepEqual(failed, ["bad"]);
  await assertRejectsWithCode(
    hooks.broadcast("h", {}, { onFailure: "fail-closed" }),
    "plugin-error",
    /plugin "bad"/,
  );
});

Deno.test("HookRegistry.first() gives the first answer and runs nobody after it", async () => {
  const hooks = new HookRegistry();
  let after = 0;
  hooks.registerPlugin("silent", "h", 200, () => Promise.resolve({ value: null }));
  hooks.registerPlugin("empty", "h", 201, () => Promise.resolve({}));
  hooks.registerPlugin("answers", "h", 202, () => Promise.resolve({ value: 0 }));
  hooks.register("h", () => ++after, { priority: 300 });
  assert.deepEqual(await hooks.first("h", {}), { plugin: "answers", owner: "answers", value: 0 });
  assert.equal(after, 0);
  hooks.removePlugin("answers");
  assert.deepEqual(await hooks.first("h", {}), { owner: "host", value: 1 });
  assert.equal(await hooks.first("nobody", {}), undefined);
  hooks.registerPlugin("bad", "h", 100, fails());
  await assertRejectsWithCode(hooks.first("h", {}), "plugin-error", /plugin "bad"/);
  assert.equal((await hooks.first("h", {}, { onFailure: "fail-open" }))?.owner, "host");
});

Deno.test("a handler of the host gets a copy: what it changes in place affects nobody", async () => {
  const hooks = new HookRegistry();
  hooks.register("h", (data) => {
    (data as { list: number[] }).list.push(1);
  });
  hooks.register("h", (data) => (data as { list: number[] }).list.length);
  const data = { list: [] };
  const results = await hooks.broadcast("h", data);
  assert.deepEqual(results.map((each) => each.status === "fulfilled" && each.value), [
    undefined,
    0,
  ]);
  assert.deepEqual(data, { list: [] });
  assert.equal(await hooks.run<unknown>("h", data), 0);
  await assert.rejects(hooks.run("h", { call() {} }), {
    name: "TypeError",
    message: /hook "h": its data is not plain data/,
  });
});

Deno.test("handlers added and removed during a run do not change it", async () => {
  const hooks = new HookRegistry();
  hooks.register("h", (data) => {
    hooks.removePlugin("p");
    hooks.registerPlugin("new", "h", 400, adds("new"));
    return data;
  });
  hooks.registerPlugin("p", "h", 300, adds("p"));
  assert.deepEqual(await hooks.run("h", []), ["p"]);
  assert.deepEqual(hooks.list("h").map(({ owner }) => owner), ["host", "new"]);
});

Deno.test("disposing a registration removes that handler, once", () => {
  const hooks = new HookRegistry();
  const first = hooks.register("h", () => undefined, { owner: "one" });
  const second = hooks.register("h", () => undefined, { owner: "two" });
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assert.deepEqual(hooks.list().map(({ owner }) => owner), ["two"]);
  second[Symbol.dispose]();
  assert.deepEqual(hooks.list(), []);
});
