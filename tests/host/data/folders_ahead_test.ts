import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DataDir } from "../../../src/host/data/data_dir.ts";
import { folders, runOf } from "../../helpers/runtimes.ts";
import { hostTest } from "../../helpers/host.ts";
import { until } from "../../helpers/process.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";
import { tempDir } from "../../helpers/signing.ts";

const file = (path: string, byte: number) => ({ path, bytes: new Uint8Array(100).fill(byte) });
const ONE = [file("dep_analysis_cache_v2", 1), file("gen/file/a/main.ts.js", 1)];
const TWO = [file("dep_analysis_cache_v2", 2)];

const waiting = (run: string) => readdirSync(run).filter((name) => name.startsWith("next-"));
const marked = (denoDir: string) => Deno.readFileSync(`${denoDir}/dep_analysis_cache_v2`)[0];
const inode = (path: string) => statSync(path).ino;

async function command(program: string, ...args: string[]): Promise<boolean> {
  return (await new Deno.Command(program, { args }).output()).success;
}

/** Opens a host's folder on a disk of a size. */
async function onSmallDisk(size: string, act: (data: DataDir) => Promise<void>): Promise<void> {
  await using dir = await tempDir();
  const path = dir.join("data");
  await Deno.mkdir(path);
  assert.ok(await command("mount", "-t", "tmpfs", "-o", `${size},mode=700`, "tmpfs", path));
  try {
    await using data = await DataDir.open(path);
    await act(data);
  } finally {
    assert.ok(await command("umount", "-l", path));
  }
}

Deno.test("folders wait for each kind of process, and none gets those of another", async () => {
  await using dir = await tempDir();
  await using data = await DataDir.open(dir.join("data"));
  data.createRun(ONE);
  data.createRun(TWO);
  await until(() => waiting(data.scratch).length === 2, "one of each kind");
  const ahead = new Set(waiting(data.scratch).map((name) => inode(`${data.scratch}/${name}`)));
  const taken = [data.createRun(TWO), data.createRun(ONE)];
  assert.deepEqual(taken.map(({ denoDir }) => marked(denoDir)), [2, 1]);
  assert.deepEqual(new Set(taken.map(({ cwd }) => inode(dirname(cwd)))), ahead, "the very same");
  assert.ok(!existsSync(`${taken[0]!.denoDir}/gen`));
  // of a kind that is new there is none to take
  const again = data.createRun([...TWO]);
  assert.equal(marked(again.denoDir), 2);
  assert.ok(!ahead.has(inode(dirname(again.cwd))));
});

Deno.test("what a process left in its folders is not in those of the next one", async () => {
  await using dir = await tempDir();
  await using data = await DataDir.open(dir.join("data"));
  for (let round = 0; round < 3; round++) {
    const run = data.createRun(ONE);
    const places = [`${run.denoDir}/left`, `${run.cwd}/left`, `${run.sharedDir}/left`];
    assert.deepEqual(places.filter(existsSync), []);
    for (const place of places) await Deno.writeTextFile(place, "mine");
    await Deno.writeFile(`${run.denoDir}/dep_analysis_cache_v2`, new Uint8Array(1).fill(9));
    await until(() => waiting(data.scratch).length === 1, "the next ones");
    await run[Symbol.asyncDispose]();
    assert.equal(existsSync(dirname(run.cwd)), false);
    assert.equal(marked(`${data.scratch}/${waiting(data.scratch)[0]}/deno`), 1);
  }
});

Deno.test("a host that closes before the next folders are made makes none", async () => {
  await using dir = await tempDir();
  const data = await DataDir.open(dir.join("data"));
  data.createRun(ONE);
  await data[Symbol.asyncDispose]();
  await using next = await DataDir.open(dir.join("data"));
  next.createRun(ONE);
  // those of the first would have been made before these
  await until(() => waiting(next.scratch).length === 1, "the next ones");
  assert.deepEqual(readdirSync(dir.join("data/run")).length, 2, "the second host's, and its lock");
});

Deno.test("a plugin starts in the folders that were made ahead", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle("one", "export default { methods: { answer: () => 42 } };");
  for (let start = 0; start < 3; start++) {
    const plugin = await host.load(dir);
    assert.equal(await plugin.call("answer"), 42);
    await plugin.unload();
    assert.deepEqual(folders(test), []);
  }
  // those of this kind: what was compiled of the bundle is in them
  const ahead = () =>
    waiting(runOf(test)).map((name) => `${runOf(test)}/${name}`)
      .find((folder) => existsSync(`${folder}/deno/gen`));
  await until(() => ahead() !== undefined, "the next ones");
  const expected = inode(ahead()!);
  const plugin = await host.load(dir);
  const [own] = folders(test);
  assert.equal(inode(`${runOf(test)}/${own}`), expected);
  assert.equal(await plugin.call("answer"), 42);
  await plugin.unload();
});

Deno.test("folders that somebody has removed are made again", async () => {
  await using dir = await tempDir();
  await using data = await DataDir.open(dir.join("data"));
  data.createRun(ONE);
  await until(() => waiting(data.scratch).length === 1, "the next ones");
  await Deno.remove(`${data.scratch}/${waiting(data.scratch)[0]}`, { recursive: true });
  assert.equal(marked(data.createRun(ONE).denoDir), 1);
});

sandboxTest(
  "a disk that is full says so, leaves nothing half made, and passes",
  "root",
  async () => {
    await onSmallDisk("size=256k,nr_inodes=64", async (data) => {
      data.createRun(ONE);
      await until(() => waiting(data.scratch).length === 1, "the next ones");
      const before = readdirSync(data.scratch).sort();
      const fill: string[] = [];
      for (let room = true; room;) {
        const path = `${data.root}/fill-${fill.length}`;
        try {
          Deno.writeTextFileSync(path, "");
          fill.push(path);
        } catch {
          room = false;
        }
      }
      const problems: string[] = [];
      for (const free of [0, 1, 2, 3]) {
        if (free > 0) Deno.removeSync(fill.pop()!);
        try {
          data.createRun(TWO);
          problems.push(`with ${free}: no error`);
        } catch (error) {
          if (!/No space left/.test(String(error))) problems.push(`with ${free}: ${error}`);
        }
        const left = readdirSync(data.scratch).filter((name) => !before.includes(name));
        if (left.length > 0) problems.push(`with ${free}: ${left} left`);
        for (const name of left) Deno.removeSync(`${data.scratch}/${name}`, { recursive: true });
      }
      assert.deepEqual(problems, []);
      for (const path of fill) Deno.removeSync(path);
      assert.equal(marked(data.createRun(TWO).denoDir), 2);
    });
  },
);
