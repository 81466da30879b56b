/** A host whose folder a cleaner of temporary files removes goes on, and says what happened. */
import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { removeTree } from "../../src/io/remove_tree.ts";
import { DataDir } from "../../src/host/data/data_dir.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { requiringTest, sandboxTest } from "../helpers/sandbox.ts";
import { tempDir } from "../helpers/signing.ts";

const MAIN = `let ctx;
export default {
  init(given) { ctx = given; },
  methods: {
    echo: (value) => value,
    async database() {
      await ctx.get("database").execute("CREATE TABLE IF NOT EXISTS t (n)");
      return await ctx.get("database").query("SELECT count(*) AS n FROM t");
    },
  },
};`;

const told = ({ logger }: HostTest) =>
  logger.entries.filter(({ message }) => /removed from under it/.test(message));

for (const isolation of ["plain", "bwrap", "unshare"] as const) {
  const define = isolation === "plain"
    ? Deno.test
    : (name: string, fn: () => Promise<void>) => sandboxTest(name, isolation, fn);
  for (const what of ["run", "whole"] as const) {
    define(`a host starts plugins when its ${what} folder was removed, ${isolation}`, async () => {
      await using test = await hostTest();
      const host = await test.open({
        isolation,
        dataDir: what === "whole" ? undefined : test.dataDir,
        pool: { size: 1 },
        policy: { default: { grant: { context: { database: "readwrite" } } } },
      });
      const context = [{ key: "database", access: "readwrite" }];
      const first = await host.load(await test.bundle("first", MAIN, { context }));
      assert.deepEqual(await first.call("database"), [{ n: 0 }]);
      await host.filled();

      await removeTree(what === "whole" ? host.dataDir : `${host.dataDir}/run`);
      assert.equal(await first.call("echo", 1), 1, "what runs goes on");
      const second = await host.load(await test.bundle("second", MAIN, { context }));
      assert.equal(await second.call("echo", 2), 2);
      assert.deepEqual(await second.call("database"), [{ n: 0 }]);
      await first.reload();
      assert.equal(await first.call("echo", 3), 3);
      assert.equal(told(test).length, 1);
      assert.match(String(told(test)[0]!.fields.hint), /cleaners of temporary files/);

      // others see again that this host lives
      if (what === "run") {
        await using _other = await DataDir.open(host.dataDir);
        assert.equal(await (await host.load(await test.bundle("third", MAIN))).call("echo", 4), 4);
      }
      const { dataDir } = host;
      await host.close();
      if (what === "whole") await assert.rejects(Deno.lstat(dataDir), Deno.errors.NotFound);
    });
  }
}

Deno.test("what cannot be made again is said", async () => {
  await using dir = await tempDir();
  await using data = await DataDir.open(dir.join("parent/data"));
  await removeTree(dir.join("parent"));
  await Deno.writeTextFile(dir.join("parent"), "a file in its place");
  const error = await assertRejectsWithCode(
    data.heal(),
    "launch-failed",
    /Cannot make ".*data" again/,
  );
  assert.match(error.hint ?? "", /choose a dataDir/);
  await Deno.remove(dir.join("parent"));
  await data.heal(); // the control
});

const notRoot = Deno.build.os !== "linux" || Deno.uid() !== 0 ? "not root" : undefined;
requiringTest("a folder of somebody else's in its place is not taken", notRoot, async () => {
  await using data = await DataDir.open();
  await removeTree(data.root);
  await Deno.mkdir(data.root, { mode: 0o700 });
  await Deno.chown(data.root, 12_345, 12_345);
  await assertRejectsWithCode(data.heal(), "bad-state", /somebody else's now/);
  await Deno.remove(data.root);
  await data.heal(); // the control
});
