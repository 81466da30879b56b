import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { PluginHost } from "../../src/host/host.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import {
  folders,
  foldersMade,
  heldAgain,
  isolatedTest,
  ISOLATIONS,
  killUnseen,
  nothingRemains,
  runOf,
  runtimes,
  topRuntimes,
} from "../helpers/anticipation.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { until } from "../helpers/process.ts";

for (const isolation of ISOLATIONS) {
  isolatedTest("a load starts afresh when its process has died", isolation, async () => {
    await using test = await hostTest();
    const top = await heldAgain(test, { isolation });
    for (const dies of [true, false]) {
      const { load } = await top.begin(2);
      const [ahead] = topRuntimes(test);
      if (dies) {
        Deno.kill(ahead!, "SIGKILL");
        await until(() => folders(test).length === 1, "the host has seen to its end");
      }
      top.release();
      const plugin = await load;
      assert.equal(plugin.pid === ahead, !dies, "the control is that very process");
      assert.equal(await plugin.call("answer"), 2);
      assert.equal(await Deno.readTextFile(top.telltale), "x");
      await top.reset();
      await nothingRemains(test);
    }
  });

  isolatedTest("a process that dies after it was looked for costs no load", isolation, async () => {
    await using test = await hostTest();
    const top = await heldAgain(test, { isolation });
    for (const dies of [true, false]) {
      const { load } = await top.begin(2);
      const [ahead] = topRuntimes(test);
      const starting = startOf(top.host, "top");
      top.release();
      await starting;
      if (dies) killUnseen(ahead!);
      const plugin = await load;
      assert.equal(plugin.pid === ahead, !dies);
      assert.equal(await plugin.call("answer"), 2);
      assert.equal(await Deno.readTextFile(top.telltale), "x");
      await top.reset();
      await nothingRemains(test);
    }
  });

  isolatedTest("giving a load up waits for no process that stands still", isolation, async () => {
    await using test = await hostTest();
    const top = await heldAgain(test, { isolation, startTimeoutMs: 60_000 });
    let stoodStill = false;
    for (let tries = 0; !stoodStill && tries < 20; tries++) {
      const abort = new AbortController();
      const begun = top.begin(2, abort.signal);
      await until(() => topRuntimes(test).length === 1, "a process comes up");
      const [ahead] = topRuntimes(test);
      Deno.kill(ahead!, "SIGSTOP");
      // its socket goes when it connects to it, which is before it has entered
      stoodStill = existsSync(`${runOf(test)}/${folderOf(test, ahead!)}/io/lane`);
      if (!stoodStill) Deno.kill(ahead!, "SIGCONT");
      const { load } = await begun;
      const starting = startOf(top.host, "top");
      top.release();
      await starting;
      if (stoodStill) {
        abort.abort();
        let isOver = false;
        load.finally(() => isOver = true).catch(() => {});
        await until(() => isOver, "the end of the load");
        await assertRejectsWithCode(load, "cancelled");
        await top.host.unload("base");
      } else {
        await load;
        await top.reset();
      }
      await nothingRemains(test);
    }
    assert.ok(stoodStill);
  });

  isolatedTest("a load that was given up is not started afresh", isolation, async () => {
    await using test = await hostTest();
    const top = await heldAgain(test, { isolation });
    const compiled = await top.begin(2);
    top.release();
    await compiled.load;
    await top.reset(); // from now on only plugins have folders
    for (const isGivenUp of [true, false]) {
      const abort = new AbortController();
      const { load } = await top.begin(2, abort.signal);
      const [ahead] = topRuntimes(test);
      const starting = startOf(top.host, "top");
      const made = await foldersMade(test, async () => {
        top.release();
        await starting;
        if (isGivenUp) abort.abort();
        killUnseen(ahead!);
        if (isGivenUp) await assertRejectsWithCode(load, "cancelled");
        else await load;
      });
      assert.equal(made.length, isGivenUp ? 0 : 1);
      assert.equal(existsSync(top.telltale), !isGivenUp);
      if (isGivenUp) await top.host.unload("base");
      else await top.reset();
      await nothingRemains(test);
    }
  });

  isolatedTest("a plugin that dies in its init fails the load", isolation, async () => {
    await using test = await hostTest();
    const policy = { default: { grant: { context: { gate: "read" as const } } } };
    const host = await test.open({ isolation, policy });
    let passed = 0;
    let reached = Promise.withResolvers<void>();
    let gate: Promise<void> | undefined;
    const pass = () => {
      passed++;
      reached.resolve();
      return gate;
    };
    host.services.provide("gate", { pass }, { access: { pass: "read" } });
    const dir = await test.bundle(
      "one",
      `export default { init: (ctx) => ctx.get("gate").pass(), methods: { answer: () => 1 } };`,
      { context: [{ key: "gate", access: "read" }] },
    );
    for (const _ of ["first", "second"]) await (await host.load(dir)).unload();
    passed = 0;
    reached = Promise.withResolvers();
    gate = new Promise(() => {});
    const made = await foldersMade(test, async () => {
      const load = host.load(dir);
      load.catch(() => {}); // looked at below
      await reached.promise;
      const [pid] = runtimes(test);
      Deno.kill(pid!, "SIGKILL");
      await assertRejectsWithCode(load, "launch-failed", /ended with/);
    });
    assert.equal(made.length, 1, "it ran in the one that came up, and in no other");
    assert.equal(passed, 1);
    await nothingRemains(test);
    gate = undefined;
    assert.equal(await (await host.load(dir)).call("answer"), 1); // the control
  });
}

/** The folder of a process, by what it was started with and what is mounted for it. */
function folderOf(test: HostTest, pid: number): string {
  const run = runOf(test).replace(/.*\//, "");
  const known = ["cmdline", "mountinfo"].map((file) =>
    Deno.readTextFileSync(`/proc/${pid}/${file}`)
  );
  const found = new RegExp(`/${run}/(\\d+)/io`).exec(known.join("\n"));
  assert.ok(found, known.join("\n"));
  return found[1]!;
}

/** Waits until a plugin, which is verified, is about to be started. */
async function startOf(host: PluginHost, name: string): Promise<void> {
  for await (const event of host.events()) {
    if (event.type === "state" && event.plugin === name && event.to === "starting") return;
  }
}
