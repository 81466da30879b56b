import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import {
  type Held,
  heldAgain,
  isolatedTest,
  type Isolation,
  ISOLATIONS,
  nothingRemains,
  topRuntimes,
} from "../helpers/anticipation.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";

/** Puts a new folder or file where there is one, and gives back how to undo that. */
async function replace(path: string, make: (path: string) => Promise<void>): Promise<() => void> {
  await Deno.rename(path, `${path}-before`);
  await make(path);
  return () => {
    Deno.renameSync(path, `${path}-after`);
    Deno.renameSync(`${path}-before`, path);
  };
}

const folder = (path: string) => Deno.mkdir(path, { mode: 0o700 });

/** Starts a load that is held up, changes something, and tells whether the process was used. */
async function isUsed(test: HostTest, top: Held, change: () => unknown): Promise<boolean> {
  const { load } = await top.begin(2);
  const [ahead] = topRuntimes(test);
  await change();
  top.release();
  const { pid } = await load;
  return pid === ahead;
}

for (const isolation of ISOLATIONS) {
  // without a root of its own nothing is mounted: paths lead to what is there
  const isPlain = isolation === "plain";

  isolatedTest("a plugin writes into the storage that there is", isolation, async () => {
    await using test = await hostTest();
    const top = await heldAgain(test, { isolation });
    const storage = `${test.dataDir}/storage/top`;
    assert.equal(await isUsed(test, top, () => {}), true, "the control");
    assert.equal(await Deno.readTextFile(top.telltale), "x");
    await top.reset();

    assert.equal(await isUsed(test, top, () => replace(storage, folder)), isPlain);
    assert.equal(await Deno.readTextFile(top.telltale), "x");
    assert.ok(!existsSync(`${storage}-before/ran`));
    await top.reset();

    await Deno.remove(`${storage}-before`);
    assert.equal(await isUsed(test, top, () => Deno.remove(storage)), isPlain);
    assert.equal(await Deno.readTextFile(top.telltale), "x");
    await top.reset();
    await nothingRemains(test);
  });

  isolatedTest(
    "a folder is replaced while the process starts, and put back",
    isolation,
    async () => {
      await using test = await hostTest();
      const top = await heldAgain(test, { isolation });
      const storage = `${test.dataDir}/storage/top`;
      const undo = await replace(storage, folder);
      assert.equal(
        await isUsed(test, top, undo),
        isPlain,
        "what it was at first stands there again",
      );
      assert.equal(await Deno.readTextFile(top.telltale), "x");
      assert.ok(!existsSync(`${storage}-after/ran`));
      await top.reset();
      await Deno.remove(`${storage}-after`);

      const toAndFro = async () => (await replace(storage, folder))();
      assert.equal(await isUsed(test, top, toAndFro), true, "what is mounted stands there again");
      assert.equal(await Deno.readTextFile(top.telltale), "x");
      await top.reset();
    },
  );

  for (
    const [what, make, file] of [
      ["folder", folder, "/file"],
      ["file", (path: string) => Deno.writeTextFile(path, "before"), ""],
    ] as const
  ) grantedTest(isolation, what, make, file);
}

/** Tests what a plugin sees of a granted folder or file that is replaced. */
function grantedTest(
  isolation: Isolation,
  what: string,
  make: (path: string) => Promise<void>,
  file: string,
): void {
  isolatedTest(`a granted ${what} that is replaced is seen as it is`, isolation, async () => {
    await using test = await hostTest();
    const granted = test.join("granted");
    const text = async (path: string) => {
      await make(path);
      await Deno.writeTextFile(path + file, path.slice(-5));
    };
    await make(granted);
    const top = await heldAgain(test, { isolation }, { granted });
    assert.equal(await isUsed(test, top, () => {}), true, "the control");
    await top.reset();

    const change = () => replace(granted, text);
    assert.equal(await isUsed(test, top, change), isolation === "plain");
    const plugin = top.host.plugin("top")!;
    assert.equal(await plugin.call("read", granted + file), "anted");
    await plugin.call("write", { path: granted + file, text: "written" });
    assert.equal(await Deno.readTextFile(granted + file), "written");
    const before = await Deno.readTextFile(`${granted}-before${file}`).catch(() => "before");
    assert.equal(before, "before");
    await top.reset();
    await nothingRemains(test);
  });
}
