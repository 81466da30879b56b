import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { revokePlugin } from "../../src/trust/list/changes.ts";
import {
  folders,
  held,
  heldAgain,
  isolatedTest,
  ISOLATIONS,
  nothingRemains,
  runOf,
  runtimes,
  topRuntimes,
} from "../helpers/anticipation.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest } from "../helpers/host.ts";
import { until } from "../helpers/process.ts";
import { listTest } from "./trust_kit.ts";

for (const isolation of ISOLATIONS) {
  isolatedTest("a plugin runs in the process that came up before it", isolation, async () => {
    await using test = await hostTest();
    const top = await held(test, { isolation });
    // the control: from a folder that never ran nothing comes up ahead
    const first = await top.begin(1);
    assert.deepEqual(topRuntimes(test), []);
    top.release();
    await first.load;
    await top.reset();

    for (const round of ["from its modules", "from its code"]) {
      const { load } = await top.begin(2);
      const ahead = topRuntimes(test);
      const slots = folders(test).map((name) => `${runOf(test)}/${name}/slot`).filter(existsSync);
      assert.equal(slots.length, isolation === "plain" ? 0 : 1);
      assert.deepEqual(slots.flatMap((slot) => readdirSync(slot)), [], "it sees no bundle yet");
      assert.ok(!existsSync(top.telltale), "nothing of it was run");
      top.release();
      const plugin = await load;
      assert.deepEqual([plugin.pid], ahead, round);
      assert.equal(await plugin.call("answer"), 2);
      assert.equal(await Deno.readTextFile(top.telltale), "x");
      await until(() => runtimes(test).length === 2, "none to spare when all is compiled");
      await top.reset();
      await nothingRemains(test);
    }
  });

  isolatedTest("a load that is given up takes its process along", isolation, async () => {
    await using test = await hostTest();
    const top = await heldAgain(test, { isolation });

    const abort = new AbortController();
    const { load } = await top.begin(2, abort.signal);
    abort.abort();
    await assertRejectsWithCode(load, "cancelled");
    await nothingRemains(test);
    assert.ok(!existsSync(top.telltale));

    const again = await top.begin(2); // the control
    top.release();
    assert.equal(await (await again.load).call("answer"), 2);
  });

  isolatedTest("a host that closes takes such a process along", isolation, async () => {
    await using test = await hostTest();
    const top = await heldAgain(test, { isolation });

    const { load } = await top.begin(2);
    await top.host.close();
    await assert.rejects(load);
    await until(() => runtimes(test).length === 0, "the end of every process");
    assert.deepEqual(readdirSync(`${test.dataDir}/run`), []);
    assert.ok(!existsSync(top.telltale));
  });

  isolatedTest(
    "a plugin that is revoked while its process waits never runs",
    isolation,
    async () => {
      await using test = await listTest();
      const top = await heldAgain(test, { isolation }, {
        open: (options) => test.openByList(options),
      });

      const { load } = await top.begin(2);
      await test.change((list) => revokePlugin(list, { name: "top" }, { reason: "it leaks" }));
      await top.host.refreshTrust();
      top.release();
      await assertRejectsWithCode(load, "revoked");
      assert.ok(!existsSync(top.telltale));
      await top.host.unload("base");
      await nothingRemains(test);
    },
  );

  isolatedTest("plugins that ask for the same answer for themselves", isolation, async () => {
    await using test = await hostTest();
    const host = await test.open({ isolation });
    const names = ["first", "second", "third", "fourth"];
    for (const [n, name] of names.entries()) {
      // each depends on the one before, so that they take from the same processes in turn
      const dependencies = n === 0 ? {} : { [names[n - 1]!]: "*" };
      const main = `export default { methods: { answer: () => "${name}" } };`;
      await test.bundle(name, main, { dependencies });
    }
    await host.discover(test.plugins);
    for (let round = 0; round < 3; round++) {
      const plugins = await Promise.all(names.map((name) =>
        // a dependency may be there already when its own turn comes
        host.loadByName(name).catch(() => host.plugin(name)!)
      ));
      const answers = await Promise.all(plugins.map((plugin) => plugin.call("answer")));
      assert.deepEqual(answers, names);
      assert.equal(new Set(plugins.map(({ pid }) => pid)).size, names.length);
      await until(
        () => runtimes(test).length === names.length,
        "none to spare when all is compiled",
      );
      await host.unloadAll();
      await nothingRemains(test);
    }
  });
}
