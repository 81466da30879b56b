import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { isolatedTest, killUnseen, runtimes } from "../../helpers/runtimes.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../../helpers/host.ts";
import { processesNaming, until } from "../../helpers/process.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";

const NUMBERED = (answer: number) =>
  `import { part } from "./part.ts";
  export default { methods: {
    answer: (): number => ${answer} + part,
    see: (): string[] => [...Deno.readDirSync(new URL(".", import.meta.url))].map(({ name }) => name).sort(),
    secret: (value: string) => { (globalThis as Record<string, unknown>).left = value; },
    left: () => (globalThis as Record<string, unknown>).left ?? null,
  } };`;
const FILES = { "part.ts": "export const part: number = 0;\n" };

const STORING = `let kept;
  export default {
    init: ({ storage }) => { kept = storage + "/kept"; },
    methods: { keep: (text) => Deno.writeTextFileSync(kept, text) },
  };`;

/** The processes that wait: those of the host's own that no plugin has. */
function waiting(dataDir: string): number {
  return readdirSync(`${dataDir}/run`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(`${dataDir}/run/${name}`))
    .filter((name) => /^\d+$/.test(name)).length;
}

async function openHost(test: HostTest, isolation: "plain" | "bwrap" | "unshare", size = 2) {
  return await test.open({ isolation, pool: { size } });
}

for (const isolation of ["plain", "bwrap", "unshare"] as const) {
  const declare = isolation === "plain"
    ? (name: string, fn: () => Promise<void>) => Deno.test(name, fn)
    : (name: string, fn: () => Promise<void>) => sandboxTest(name, isolation, fn);

  declare(`a plugin starts in a process that waits for it, ${isolation}`, async () => {
    await using test = await hostTest();
    const host = await openHost(test, isolation);
    const dir = await test.bundle("one", NUMBERED(41), {}, FILES);
    const pids = new Set<number>();
    for (let round = 0; round < 4; round++) {
      const plugin = await host.load(dir);
      assert.equal(await plugin.call("answer"), 41);
      pids.add(plugin.pid!);
      const { sandbox } = plugin;
      assert.equal(sandbox?.launcher, isolation);
      if (isolation !== "plain") {
        assert.ok(sandbox!.namespaces && sandbox!.seccomp && sandbox!.facts !== undefined);
      }
      await plugin.call("secret", "of this process");
      await plugin.unload();
      await host.filled();
    }
    assert.equal(pids.size, 4, "each process is used once");
    const again = await host.load(dir);
    assert.equal(await again.call("left"), null, "nothing is left of the one before");
    await again.unload();
  });
}

sandboxTest(
  "a waiting process sees the bundle that it gets, and none before",
  "bwrap",
  async () => {
    await using test = await hostTest();
    const host = await openHost(test, "bwrap");
    const one = await host.load(await test.bundle("one", NUMBERED(1), {}, FILES));
    await host.filled();
    const before = waiting(test.dataDir);
    const { pid: marker, status } = new Deno.Command("true").spawn();
    await status;
    const two = await host.load(await test.bundle("two", NUMBERED(2), {}, FILES));
    assert.equal(await two.call("answer"), 2);
    assert.ok(two.pid! < marker, "it asks for the same, so it gets the process that waits already");
    assert.deepEqual(await two.call("see"), ["main.ts", "part.ts", "plugin.json"]);
    await host.filled();
    assert.equal(waiting(test.dataDir), before + 1, "the one that was used is replaced");
    assert.equal(await one.call("answer"), 1);
    await assertRejectsWithCode(two.call("missing" as never), "method-not-found", /two\.missing/);
  },
);

sandboxTest(
  "a waiting process serves no plugin with other permissions or limits",
  "bwrap",
  async () => {
    await using test = await hostTest();
    const host = await openHost(test, "bwrap", 1);
    const plain = await host.load(await test.bundle("one", NUMBERED(1), {}, FILES));
    await host.filled();
    const limits = { memoryBytes: 200 * 1024 * 1024 };
    const other = await host.load(
      await test.bundle("two", NUMBERED(2), { limits }, FILES),
    );
    assert.notEqual(
      other.sandbox!.facts?.cgroup?.memoryBytes,
      plain.sandbox!.facts?.cgroup?.memoryBytes,
    );
  },
);

Deno.test({
  name: "a waiting process that dies is replaced, and the next load succeeds",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using test = await hostTest();
    const host = await openHost(test, "plain", 1);
    const dir = await test.bundle("one", NUMBERED(7), {}, FILES);
    await (await host.load(dir)).unload();
    await host.filled();
    const [first] = processesNaming(test.dataDir);
    assert.ok(first !== undefined, "it waits");
    Deno.kill(first, "SIGKILL");
    await until(() => !processesNaming(test.dataDir).includes(first), "its end");
    await until(() => processesNaming(test.dataDir).length === 1, "another one");
    await host.filled();
    const plugin = await host.load(dir);
    assert.equal(await plugin.call("answer"), 7);
  },
});

for (const isolation of ["plain", "bwrap", "unshare"] as const) {
  isolatedTest("a waiting process serves a plugin that sees what is there", isolation, async () => {
    await using test = await hostTest();
    const write = ["$STORAGE"];
    const policy = { default: { grant: { write } } };
    const host = await test.open({ isolation, pool: { size: 1 }, policy });
    const dir = await test.bundle("one", STORING, {
      permissions: { write },
      storage: { quotaBytes: 1_000_000 },
    });
    const storage = `${test.dataDir}/storage/one`;
    /** Loads it, has it write, and tells whether it got the process that waited. */
    const isFromPool = async (text: string) => {
      await host.filled();
      const before = runtimes(test);
      const plugin = await host.load(dir);
      await plugin.call("keep", text);
      const { pid } = plugin;
      await plugin.unload();
      return before.includes(pid!);
    };
    await isFromPool("first");
    assert.equal(await isFromPool("control"), true);

    await host.filled();
    await Deno.rename(storage, `${storage}-before`);
    await Deno.mkdir(storage, { mode: 0o700 });
    // without a root of its own nothing is mounted: paths lead to what is there
    assert.equal(await isFromPool("after"), isolation === "plain");
    assert.equal(await Deno.readTextFile(`${storage}/kept`), "after");
    assert.equal(await Deno.readTextFile(`${storage}-before/kept`), "control");
    await host.close();
    assert.deepEqual(runtimes(test), []);
  });

  isolatedTest("a waiting process that died unseen is not used", isolation, async () => {
    await using test = await hostTest();
    const host = await openHost(test, isolation, 1);
    const dir = await test.bundle("one", NUMBERED(7), {}, FILES);
    await (await host.load(dir)).unload();
    await host.filled();
    const [waits] = runtimes(test);
    assert.ok(waits !== undefined, "it waits");
    killUnseen(waits);
    const plugin = await host.load(dir);
    assert.equal(await plugin.call("answer"), 7);
    assert.notEqual(plugin.pid, waits);
  });
}

Deno.test("a host with a pool leaves nothing behind when it is closed", async () => {
  await using test = await hostTest();
  const host = await openHost(test, "plain");
  const dir = await test.bundle("one", NUMBERED(1), {}, FILES);
  await (await host.load(dir)).unload();
  await host.filled();
  assert.equal(waiting(test.dataDir), 1);
  await host.close();
  assert.deepEqual(readdirSync(`${test.dataDir}/run`), []);
});

Deno.test("a wrong pool is refused", async () => {
  await using test = await hostTest();
  await assert.rejects(test.open({ pool: { size: -1 } }), RangeError);
  await assert.rejects(test.open({ pool: { size: 65 } }), RangeError);
  await assert.rejects(test.open({ pool: { sise: 1 } as never }), TypeError);
  await assert.rejects(test.open({ pool: 3 as never }), TypeError);
});
