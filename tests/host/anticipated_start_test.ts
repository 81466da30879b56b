import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { processesNaming, until } from "../helpers/process.ts";
import { sandboxTest } from "../helpers/sandbox.ts";

const ANSWERS = (answer: number) =>
  `const left = globalThis as { left?: string };
  export default { methods: {
    answer: () => ${answer},
    mark: () => { left.left = "of this process"; },
    left: () => left.left ?? null,
  } };`;
/** So much that reading and hashing it takes longer than it takes to see a process. */
const LARGE = Object.fromEntries(
  Array.from({ length: 8 }, (_, n) => [`data-${n}.bin`, new Uint8Array(1024 * 1024).fill(n)]),
);

/** Waits for a load, and tells whether a process of the host was there before it was over. */
async function seenDuring(test: HostTest, load: Promise<unknown>): Promise<boolean> {
  let seen = false;
  let over = false;
  const end = load.then(() => over = true, () => over = true);
  while (!over && !seen) {
    seen = processesNaming(test.dataDir).length > 0 || runs(test).length > 0;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await end;
  return seen;
}

/** The folders of processes. */
function runs(test: HostTest): string[] {
  return readdirSync(`${test.dataDir}/run`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(`${test.dataDir}/run/${name}`))
    .filter((name) => /^\d+$/.test(name));
}

async function tamper(dir: string): Promise<() => Promise<void>> {
  const path = `${dir}/data-7.bin`;
  const before = await Deno.readFile(path);
  await Deno.writeFile(path, new Uint8Array(before.length).fill(99));
  return () => Deno.writeFile(path, before);
}

for (const isolation of ["plain", "bwrap", "unshare"] as const) {
  const declare = isolation === "plain"
    ? (name: string, fn: () => Promise<void>) => Deno.test(name, fn)
    : (name: string, fn: () => Promise<void>) => sandboxTest(name, isolation, fn);

  declare(
    `a process comes up while a folder is verified that ran before, ${isolation}`,
    async () => {
      await using test = await hostTest();
      const host = await test.open({ isolation });
      const dir = await test.bundle("one", ANSWERS(1), {}, LARGE);
      for (let round = 0; round < 4; round++) {
        const plugin = await host.load(dir);
        assert.equal(await plugin.call("answer"), 1);
        assert.equal(await plugin.call("left"), null, "nothing is left of the one before");
        await plugin.call("mark");
        assert.equal(plugin.sandbox?.launcher, isolation);
        await plugin.unload();
        assert.deepEqual([processesNaming(test.dataDir), runs(test)], [[], []]);
      }
      const restore = await tamper(dir);
      const refused = host.load(dir);
      assert.ok(await seenDuring(test, refused), "it comes up");
      await assertRejectsWithCode(refused, "hash-mismatch");
      assert.deepEqual([processesNaming(test.dataDir), runs(test)], [[], []], "it is gone again");

      await restore();
      assert.equal(await (await host.load(dir)).call("answer"), 1);
    },
  );

  declare(`another version gets its own process, flags and code, ${isolation}`, async () => {
    await using test = await hostTest();
    const host = await test.open({ isolation });
    for (const [version, memoryMiB] of [[1, 128], [1, 128], [2, 96], [3, 96], [1, 128]] as const) {
      const limits = { memoryBytes: memoryMiB * 1024 * 1024 };
      const dir = await test.bundle("one", ANSWERS(version), { version: `1.0.${version}`, limits });
      const plugin = await host.load(dir, {});
      assert.equal(await plugin.call("answer"), version);
      const command = processesNaming(test.dataDir).concat(plugin.pid!)
        .map((pid) => Deno.readTextFileSync(`/proc/${pid}/cmdline`)).join("\0");
      assert.match(command, new RegExp(`--max-old-space-size=${memoryMiB}\\b`));
      await plugin.unload();
    }
  });
}

Deno.test("nothing comes up for a folder that never ran, a lazy load or where a process waits", async () => {
  await using test = await hostTest();
  const dir = await test.bundle("one", ANSWERS(1), {}, LARGE);
  const restore = await tamper(dir);
  const host = await test.open();
  const first = host.load(dir);
  assert.equal(await seenDuring(test, first), false, "it never ran");
  await assertRejectsWithCode(first, "hash-mismatch");
  await restore();
  await (await host.load(dir)).unload();

  const again = await tamper(dir);
  const lazy = host.load(dir, { lazy: true });
  assert.equal(await seenDuring(test, lazy), false, "it may never be called");
  await assertRejectsWithCode(lazy, "hash-mismatch");
  // the control
  const plain = host.load(dir);
  assert.equal(await seenDuring(test, plain), true);
  await assertRejectsWithCode(plain, "hash-mismatch");
  await host.close();

  await again();
  const pooled = await test.open({ pool: { size: 1 } });
  await (await pooled.load(dir)).unload();
  await pooled.filled();
  const waiting = processesNaming(test.dataDir);
  assert.equal(waiting.length, 1);
  await tamper(dir);
  await assertRejectsWithCode(pooled.load(dir), "hash-mismatch");
  assert.deepEqual(processesNaming(test.dataDir), waiting, "one that waits is enough");
});

Deno.test("a process comes up beside a pool that has none for a bundle", async () => {
  await using test = await hostTest();
  const host = await test.open({ pool: { size: 1 } });
  const [one, two] = [
    await test.bundle("one", ANSWERS(1), {}, LARGE),
    await test.bundle("two", ANSWERS(2), {}, LARGE),
  ];
  for (const dir of [one, two]) {
    await (await host.load(dir)).unload();
    await host.filled();
  }
  const [waiting, ...others] = processesNaming(test.dataDir); // for the bundle that was used last
  assert.deepEqual(others, []);
  const restore = await tamper(one);
  const seen: number[][] = [];
  const load = host.load(one);
  load.catch(() => {}); // looked at below
  await until(() => {
    seen.push(processesNaming(test.dataDir).filter((pid) => pid !== waiting));
    return seen.at(-1)!.length > 0;
  }, "a process comes up");
  await assertRejectsWithCode(load, "hash-mismatch");
  assert.deepEqual(processesNaming(test.dataDir), [waiting], "it is gone again");
  await restore();
  const plugin = await host.load(one);
  assert.notEqual(plugin.pid, waiting);
  assert.equal(await plugin.call("answer"), 1);
});

for (const isolation of ["bwrap", "unshare"] as const) {
  sandboxTest(
    `storage that is gone before a load is not what the plugin writes into, ${isolation}`,
    isolation,
    async () => {
      await using test = await hostTest();
      const policy = { plugins: { keeps: { grant: { read: ["$STORAGE"], write: ["$STORAGE"] } } } };
      const host = await test.open({ isolation, policy });
      const dir = await test.bundle(
        "keeps",
        `let storage: string | undefined;
      export default { init: (ctx: { storage?: string }) => { storage = ctx.storage; }, methods: {
        write: () => Deno.writeTextFileSync(storage + "/note", "written"),
      } };`,
        {
          permissions: { read: ["$STORAGE"], write: ["$STORAGE"] },
          storage: { quotaBytes: 1_000_000 },
        },
        LARGE,
      );
      for (const _ of ["first", "second"]) await (await host.load(dir)).unload();
      const undo = await tamper(dir);
      const anticipated = host.load(dir);
      assert.equal(await seenDuring(test, anticipated), true, "the control");
      await assertRejectsWithCode(anticipated, "hash-mismatch");
      await undo();
      // one that stood there before would be mounted still, and what is written be lost
      const storage = `${test.dataDir}/storage/keeps`;
      await Deno.rename(storage, `${test.dataDir}/storage/before`);
      const restore = await tamper(dir);
      await assertRejectsWithCode(host.load(dir), "hash-mismatch");
      await restore();
      await (await host.load(dir)).call("write");
      assert.equal(await Deno.readTextFile(`${storage}/note`), "written");
      assert.deepEqual([...Deno.readDirSync(`${test.dataDir}/storage/before`)], []);
    },
  );
}

Deno.test("a load that is given up, or whose host is closed, leaves no process", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("one", ANSWERS(1), {}, LARGE);
  await (await host.load(dir)).unload();
  const abort = new AbortController();
  const given = host.load(dir, { signal: abort.signal });
  abort.abort();
  await assertRejectsWithCode(given, "cancelled");
  assert.deepEqual([processesNaming(test.dataDir), runs(test)], [[], []]);

  const load = host.load(dir);
  load.catch(() => {});
  await host.close();
  await assert.rejects(load);
  assert.deepEqual(processesNaming(test.dataDir), []);
});

Deno.test("a plugin in quarantine is refused, and nothing of the process is left", async () => {
  await using test = await hostTest();
  const policy = {
    default: {
      violations: {
        responses: [{ at: 1, kind: "log-rate" as const, action: "quarantine" as const }],
      },
      monitor: { logLinesPerSecond: 1 },
    },
  };
  const host = await test.open({ policy, monitor: { intervalMs: 100 } });
  const dir = await test.bundle(
    "floods",
    `export default { methods: { ping: () => "pong", flood: async () => {
      for (;;) { console.log("more"); await new Promise((resolve) => setTimeout(resolve, 2)); }
    } } };`,
    {},
    LARGE,
  );
  await (await host.load(dir)).unload();
  const plugin = await host.load(dir);
  await assertRejectsWithCode(plugin.call("flood"), "limit-exceeded", /quarantine/);
  await until(() => runs(test).length === 0, "it is gone");
  const refused = host.load(dir);
  assert.equal(await seenDuring(test, refused), true);
  await assertRejectsWithCode(refused, "bad-state", /quarantine/);
  assert.deepEqual([processesNaming(test.dataDir), runs(test)], [[], []]);
});

Deno.test("plugins that all ran before are loaded at once, each in a process of its own", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const numbers = [1, 2, 3, 4, 5, 6];
  const dirs = await Promise.all(numbers.map((n) => test.bundle(`number-${n}`, ANSWERS(n))));
  for (let round = 0; round < 3; round++) {
    const plugins = await Promise.all(dirs.map((dir) => host.load(dir)));
    const answers = await Promise.all(plugins.map((plugin) => plugin.call("answer")));
    assert.deepEqual(answers, numbers);
    assert.equal(new Set(plugins.map(({ pid }) => pid)).size, numbers.length);
    await host.unloadAll();
    assert.deepEqual([processesNaming(test.dataDir), runs(test)], [[], []]);
  }
});
