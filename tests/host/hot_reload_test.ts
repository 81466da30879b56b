import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { isAlive, processesNaming, until } from "../helpers/process.ts";
import { COUNTING_MANIFEST, countingPlugin, loadWhile } from "../helpers/reload_load.ts";

const HOOKS = { default: { grant: { hooks: ["*"] } } };

/** A plugin with state that says who it is. */
const stateful = (word: string, more = "") =>
  `let state = { word: "first", sum: 0 };
  export default {
    methods: {
      say: () => "${word}",
      state: () => state,
      add: ({ n }) => state.sum += n,
      async slowAdd({ n }) { console.log("adding"); await new Promise((r) => setTimeout(r, 150)); return state.sum += n; },
    },
    snapshot: () => state,
    restore: (given, { from }) => { state = { ...given, word: "${word}", from }; },
    ${more}
  };`;

/** Counts what is in the folder of the one process that runs, when the host compiles nothing beside it. */
async function filesOfRuns(dataDir: string): Promise<number> {
  const run = `${dataDir}/run`;
  let paths: string[] = [];
  const walk = async (dir: string) => {
    for await (const { name, isDirectory } of Deno.readDir(dir)) {
      // for the next process, whenever that comes, and what is written anew every other second
      if (/^(?:next-|status\.json)/.test(name)) continue;
      const path = `${dir}/${name}`;
      paths.push(path.slice(run.length));
      // what is in a cache folder depends on what was there to be put into it
      if (isDirectory && name !== "deno") await walk(path);
    }
  };
  await until(async () => {
    paths = [];
    await walk(run).catch(() => paths = []); // a folder went meanwhile
    return paths.filter((path) => /^\/[^/]+\/\d+$/.test(path)).length === 1;
  }, "one process alone");
  return paths.length;
}

Deno.test("under the load of eight callers no call is lost, made twice or answered by what is gone", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: HOOKS, times: { drainMs: 5_000 } });
  const write = (version: string) =>
    test.bundle("counting", countingPlugin(version), { version, ...COUNTING_MANIFEST });
  const plugin = await host.load(await write("1.0.0"));
  const pids = [plugin.pid!];
  const files = await filesOfRuns(test.dataDir);
  const versions = Array.from({ length: 8 }, (_, i) => `1.0.${i + 1}`);
  const result = await loadWhile(host, "counting", versions, async (version) => {
    await write(version);
    await host.reload("counting");
    pids.push(plugin.pid!);
  });
  assert.deepEqual(result.wrong, []);
  assert.ok(result.calls > 20 && result.streams > 5 && result.hooks > 20, JSON.stringify(result));
  assert.deepEqual([plugin.version, plugin.state], ["1.0.8", "active"]);
  assert.deepEqual(pids.map(isAlive), [...Array(8).fill(false), true]);
  assert.deepEqual(processesNaming(test.dataDir), [plugin.pid]);
  assert.equal(host.hooks.list().length, 1);
  assert.equal(await filesOfRuns(test.dataDir), files);
});

Deno.test("state goes from one version to the next, with the version that it comes from", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", stateful("one")));
  await plugin.call("add", { n: 2 });
  await test.bundle("sample", stateful("two"), { version: "1.1.0" });
  await plugin.reload();
  assert.deepEqual(await plugin.call("state"), { word: "two", sum: 2, from: "1.0.0" });
  const event = await events.find("reloaded", "sample");
  assert.deepEqual([event.from, event.version, event.rollback], ["1.0.0", "1.1.0", false]);
});

Deno.test("restore() may leave the version aside, and bytes are handed over as bytes", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const source = `let kept = new Uint8Array([1, 2, 3]);
    export default {
      methods: { kept: () => kept, grow: () => { kept = new Uint8Array([...kept, 4]); } },
      snapshot: () => ({ kept }), restore: (state) => { kept = state.kept; },
    };`;
  const plugin = await host.load(await test.bundle("sample", source));
  await plugin.call("grow");
  await plugin.reload();
  assert.deepEqual(await plugin.call("kept"), new Uint8Array([1, 2, 3, 4]));
});

Deno.test("a call under way when state is handed over is part of it; new ones wait for the new version", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.bundle("sample", stateful("one")));
  const slow = plugin.call("slowAdd", { n: 1 });
  await test.logger.find(({ message }) => message === "adding");
  const init = `async init() {}, async health() { console.log("asked"); },`;
  await test.bundle("sample", stateful("two", init), { version: "1.1.0" });
  const reload = plugin.reload();
  await test.logger.find(({ message }) => message === "asked");
  const later: unknown[] = [];
  // all the while until the reload is done
  let done = false;
  void reload.finally(() => done = true);
  for (let n = 0; !done; n++) {
    later.push(await plugin.call("add", { n: 1 }));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await reload;
  assert.ok(typeof await slow === "number");
  const { sum } = await plugin.call("state") as { sum: number };
  assert.equal(sum, later.length + 1, "a change was lost between snapshot and switch");
});

Deno.test("a call that waits for the hand-over keeps its own deadline and signal", async () => {
  await using test = await hostTest();
  const host = await test.open({ times: { handOverMs: 3_000 } });
  const plugin = await host.load(await test.bundle("sample", stateful("one")));
  const slow = (word: string) =>
    stateful(word).replace(
      "restore: (",
      `restore: async (state, info) => { console.log("restoring"); await new Promise((r) => setTimeout(r, 400)); state_(state, info); }, x: (`,
    ).replace(
      "export default {",
      `const state_ = (given, { from }) => { state = { ...given, from }; };
      export default {`,
    );
  await test.bundle("sample", slow("two"), { version: "1.1.0" });
  const reload = plugin.reload();
  await test.logger.find(({ message }) => message === "restoring");
  const abort = new AbortController();
  const cancelled = plugin.call("say", undefined, { signal: abort.signal });
  const late = plugin.call("say", undefined, { timeoutMs: 50 });
  const patient = plugin.call("say");
  abort.abort();
  await assertRejectsWithCode(cancelled, "cancelled");
  await assertRejectsWithCode(late, "timeout");
  assert.equal(await patient, "two");
  await reload;
});

Deno.test("whatever fails before the switch leaves the old version serving, and says why", async () => {
  await using test = await hostTest();
  const policy = { default: { grant: { hooks: ["*"] } } };
  const host = await test.open({ policy, times: { handOverMs: 600, startTimeoutMs: 2_000 } });
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", stateful("one"), {}));
  await plugin.call("add", { n: 5 });
  const files = await filesOfRuns(test.dataDir);
  const { pid } = plugin;
  const never = "new Promise(() => {})";
  const attempts: [what: string, main: string, manifest: object, code: string, message: RegExp][] =
    [
      ["import", "throw new Error('at import');", {}, "launch-failed", /at import/],
      ["syntax", "export default {", {}, "launch-failed", /import/],
      [
        "init",
        stateful("two", "init() { throw new Error('no init'); },"),
        {},
        "launch-failed",
        /no init/,
      ],
      [
        "health",
        stateful("two", "health() { throw new Error('sick'); },"),
        {},
        "launch-failed",
        /sick/,
      ],
      ["silence", stateful("two", `health: () => ${never},`), {}, "launch-failed", /not healthy/],
      ["exit", stateful("two", "init() { Deno.exit(3); },"), {}, "launch-failed", /./],
      ["exit when asked", stateful("two", "health() { Deno.exit(3); },"), {}, "launch-failed", /./],
      ["hook", stateful("two"), { hooks: [{ name: "on_x" }] }, "launch-failed", /on_x/],
      [
        "restore",
        stateful("two").replace("state = { ...", "throw new Error('not mine'); state = { ..."),
        {},
        "plugin-error",
        /not mine/,
      ],
      [
        "restore never ends",
        stateful("two").replace("state = { ...", `return ${never}; state = { ...`),
        {},
        "timeout",
        /restore/,
      ],
      [
        "permissions",
        stateful("two"),
        { permissions: { net: ["a.example:1"] } },
        "permission-denied",
        /a\.example/,
      ],
    ];
  for (const [what, main, manifest, code, message] of attempts) {
    await test.bundle("sample", main, { version: "2.0.0", ...manifest });
    await assertRejectsWithCode(plugin.reload(), code as "timeout", message);
    const told = events.seen.filter((event) => event.type === "reload-failed").at(-1);
    assert.deepEqual([told?.error.code, told?.serving], [code, "1.0.0"], what);
    assert.deepEqual([plugin.state, plugin.pid, plugin.version], ["active", pid, "1.0.0"], what);
    assert.equal(await plugin.call("say"), "one", what);
    await until(() => processesNaming(test.dataDir).length === 1, `one process after ${what}`);
  }
  assert.deepEqual(await plugin.call("state"), { word: "first", sum: 5 });
  assert.equal(await filesOfRuns(test.dataDir), files);
  await test.bundle("sample", stateful("two"), { version: "2.0.0" });
  await plugin.reload(); // the control
  assert.deepEqual(await plugin.call("state"), { word: "two", sum: 5, from: "1.0.0" });
});

Deno.test("a snapshot that is too large or fails keeps the old version serving", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const source = (size: string) =>
    `let size = 1;
    export default {
      methods: { say: () => "up", size: ({ n }) => { size = n; } },
      snapshot: () => { if (size < 0) throw new Error("none"); return "x".repeat(size); }, restore() {},
    }; // ${size}`;
  const plugin = await host.load(await test.bundle("sample", source("one")));
  const { pid } = plugin;
  await test.bundle("sample", source("two"), { version: "1.1.0" });
  for (
    const [n, code, message] of [
      [9 * 1024 * 1024, "limit-exceeded", /94372\d\d bytes, at most 8388608/],
      [17 * 1024 * 1024, "plugin-error", /./],
      [-1, "plugin-error", /none/],
    ] as const
  ) {
    await plugin.call("size", { n });
    await assertRejectsWithCode(plugin.reload(), code, message);
    assert.deepEqual([plugin.pid, await plugin.call("say")], [pid, "up"]);
  }
  await plugin.call("size", { n: 8 * 1024 * 1024 - 100 });
  await plugin.reload(); // the control
  assert.equal(plugin.version, "1.1.0");
});

Deno.test("a new version that is killed while it starts leaves the old one serving", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const plugin = await host.load(await test.bundle("sample", stateful("one")));
  const { pid } = plugin;
  const slow =
    `async init() { console.log("starting"); await new Promise((r) => setTimeout(r, 5_000)); },`;
  await test.bundle("sample", stateful("two", slow), { version: "1.1.0" });
  const reload = plugin.reload();
  reload.catch(() => {});
  await test.logger.find(({ message }) => message === "starting");
  for (const other of processesNaming(test.dataDir)) if (other !== pid) Deno.kill(other, "SIGKILL");
  await assertRejectsWithCode(reload, "launch-failed", /SIGKILL/);
  assert.deepEqual([plugin.pid, await plugin.call("say")], [pid, "one"]);
});

Deno.test("reload() is given up by its signal, in the start and in the hand-over", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const events = recordEvents(host);
  const plugin = await host.load(await test.bundle("sample", stateful("one")));
  const { pid } = plugin;
  const wait = `console.log("now"); await new Promise((r) => setTimeout(r, 5_000));`;
  const slow = [
    stateful("two", `async init() { ${wait} },`),
    stateful("two").replace(
      `restore: (given, { from }) => {`,
      `restore: async (given, { from }) => { ${wait}`,
    ),
  ];
  for (const main of slow) {
    test.logger.entries.length = 0;
    await test.bundle("sample", main, { version: "1.1.0" });
    const abort = new AbortController();
    const reload = host.reload("sample", { signal: abort.signal });
    reload.catch(() => {});
    await test.logger.find(({ message }) => message === "now");
    abort.abort();
    await assertRejectsWithCode(reload, "cancelled");
    assert.deepEqual([plugin.pid, await plugin.call("say")], [pid, "one"]);
  }
  assert.ok(!events.seen.some(({ type }) => type === "reload-failed"));
});

Deno.test("a stream goes on with the version that began it, for as long as draining may take", async () => {
  await using test = await hostTest();
  const host = await test.open({ times: { drainMs: 400 } });
  const source = (word: string) =>
    `export default { methods: {
      async *few() { for (let i = 0; i < 5; i++) { yield "${word}"; await new Promise((r) => setTimeout(r, 20)); } },
      async *endless() { for (;;) { yield "${word}"; await new Promise((r) => setTimeout(r, 20)); } },
      say: () => "${word}",
    } };`;
  const plugin = await host.load(await test.bundle("sample", source("old")));
  const few = plugin.stream("few");
  const endless = plugin.stream("endless");
  await Promise.all([few.next(), endless.next()]);
  await test.bundle("sample", source("new"), { version: "1.1.0" });
  const reload = plugin.reload();
  const rest: unknown[] = [];
  for await (const item of few) rest.push(item);
  assert.deepEqual(rest, Array(4).fill("old"));
  const ended = (async () => {
    for await (const item of endless) assert.equal(item, "old");
  })();
  await assertRejectsWithCode(ended, "cancelled", /unloaded/);
  await reload;
  assert.equal(await plugin.call("say"), "new");
});

Deno.test("hooks change with the version; a run under way leaves out what is not handled any more", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: HOOKS });
  const first = `export default { hooks: { on_a: (d) => d + "1", on_b: (d) => d + "1" } };`;
  const dir = await test.bundle("sample", first, { hooks: [{ name: "on_a" }, { name: "on_b" }] });
  await host.load(dir);
  const second = `export default { hooks: { on_a: (d) => d + "2", on_c: (d) => d + "2" } };`;
  await test.bundle("sample", second, {
    version: "2.0.0",
    hooks: [{ name: "on_a" }, { name: "on_c" }],
  });
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  for (const hook of ["on_a", "on_b"]) {
    host.hooks.register(hook, async (data) => {
      entered.resolve();
      await gate.promise;
      return data;
    }, { priority: 10 });
  }
  const runs = ["on_a", "on_b"].map((hook) => host.hooks.run(hook, "x"));
  await entered.promise;
  await host.reload("sample");
  gate.resolve();
  assert.deepEqual(await Promise.all(runs), ["x2", "x"]);
  assert.deepEqual(
    [await host.hooks.run("on_b", "x"), await host.hooks.run("on_c", "x")],
    ["x", "x2"],
  );
});

Deno.test("a plugin that waits for its first use keeps its version when the new one is refused", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("sample", stateful("one"));
  const plugin = await host.load(dir, { lazy: true });
  await test.bundle("sample", stateful("two"), { permissions: { net: ["a.example:1"] } });
  await assertRejectsWithCode(plugin.reload(), "permission-denied");
  assert.deepEqual([plugin.state, plugin.version], ["available", "1.0.0"]);
  assert.equal(await plugin.call("say"), "one");
});

Deno.test("a version that loaded plugins cannot work with is kept out", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const base = await test.bundle("base", stateful("one"));
  const plugin = await host.load(base);
  await host.load(
    await test.bundle("user", stateful("user"), { dependencies: { base: "^1.0.0" } }),
  );
  await test.bundle("base", stateful("two"), { version: "2.0.0" });
  await assertRejectsWithCode(plugin.reload(), "bad-state", /"user" depends on \^1\.0\.0/);
  assert.equal(await plugin.call("say"), "one");
  await host.unload("user");
  await plugin.reload();
  assert.equal(await plugin.call("say"), "two");
});

Deno.test("too many calls that wait end the hand-over, and none of the calls", async () => {
  await using test = await hostTest();
  const host = await test.open({ times: { handOverMs: 20_000 } });
  const plugin = await host.load(await test.bundle("sample", stateful("one")));
  const wait =
    `restore: async () => { console.log("restoring"); await new Promise(() => {}); }, x: (`;
  await test.bundle("sample", stateful("two").replace("restore: (", wait), { version: "1.1.0" });
  const reload = plugin.reload();
  reload.catch(() => {});
  await test.logger.find(({ message }) => message === "restoring");
  const calls = Array.from({ length: 10_001 }, () => plugin.call("say"));
  await assertRejectsWithCode(reload, "limit-exceeded", /more than 10000 calls/);
  const answers = await Promise.all(calls);
  assert.deepEqual([answers.length, [...new Set(answers)]], [10_001, ["one"]]);
});
