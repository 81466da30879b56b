import assert from "node:assert/strict";
import { PreparedPlugin } from "../../../src/host/admission/admit.ts";
import { ProcessStarter } from "../../../src/host/process/process_starter.ts";
import type { RequestHandlers } from "../../../src/host/process/plugin_requests.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { hostTest } from "../../helpers/host.ts";
import { foldersMade, isolatedTest, ISOLATIONS } from "../../helpers/runtimes.ts";

Deno.test("only what was admitted is started: not a copy of it, nor what looks like it", async () => {
  const Forge = PreparedPlugin as unknown as new (proof: symbol, fields: object) => PreparedPlugin;
  assert.throws(() => new Forge(Symbol("PreparedPlugin"), {}), TypeError);
  const alike = Object.create(PreparedPlugin.prototype) as PreparedPlugin;
  assert.equal(PreparedPlugin.is(alike), false);
  const start = ProcessStarter.prototype.start;
  for (const forged of [alike, { ...alike }, {}, null]) {
    const starting = start.call(
      {} as ProcessStarter,
      forged as PreparedPlugin,
      {} as RequestHandlers,
    );
    await assert.rejects(() => starting, /was not admitted/);
  }
});

for (const isolation of ISOLATIONS) {
  isolatedTest("no process is begun for a bundle before its verdict", isolation, async () => {
    await using test = await hostTest();
    const host = await test.open({ isolation });
    const dir = await test.bundle("one", "export default { methods: {} };");
    const plugin = await host.load(dir);
    await plugin.unload();
    const main = `${dir}/main.ts`;
    const good = await Deno.readTextFile(main);
    await Deno.writeTextFile(main, `${good}\n`);
    const refused = () => assertRejectsWithCode(host.load(dir), "hash-mismatch");
    assert.deepEqual(await foldersMade(test, refused), []);
    await Deno.writeTextFile(main, good);
    // control: the folders of a process are made for one that is good
    assert.notEqual((await foldersMade(test, () => host.load(dir))).length, 0);
  });
}
