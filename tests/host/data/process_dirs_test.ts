import assert from "node:assert/strict";
import { DataDir } from "../../../src/host/data/data_dir.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";
import { tempDir } from "../../helpers/signing.ts";

const CACHES = [
  { path: "dep_analysis_cache_v2", bytes: new Uint8Array(4_096).fill(1) },
  { path: "gen/file/main.ts.js", bytes: new Uint8Array(10).fill(2) },
];

/** Everything in a folder, with its content. */
function listing(folder: string, base = folder): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    const shown = path.slice(base.length + 1);
    return isDirectory
      ? [`${shown}/`, ...listing(path, base)]
      : [`${shown} ${Deno.readFileSync(path).join()}`];
  }).sort();
}

const baseOf = (denoDir: string) => denoDir.slice(0, denoDir.lastIndexOf("/"));

Deno.test("what a process left in its folders is not in those of the next one", async () => {
  await using dir = await tempDir();
  await using data = await DataDir.open(dir.join("data"));
  const first = data.createRun(CACHES);
  const made = listing(baseOf(first.denoDir));
  assert.ok(made.some((path) => path.startsWith("deno/dep_analysis_cache_v2 ")), made.join("\n"));
  await Deno.writeFile(`${first.denoDir}/dep_analysis_cache_v2`, new Uint8Array(1).fill(9));
  await Deno.writeTextFile(`${first.cwd}/left`, "mine");
  const second = data.createRun(CACHES);
  assert.deepEqual(listing(baseOf(second.denoDir)), made);
  assert.deepEqual(listing(data.createRun().denoDir), [], "without files it is empty");
  await first[Symbol.asyncDispose]();
  assert.equal([...Deno.readDirSync(data.scratch)].length, 2);
  assert.deepEqual(listing(baseOf(second.denoDir)), made);
});

async function command(program: string, ...args: string[]): Promise<boolean> {
  return (await new Deno.Command(program, { args }).output()).success;
}

sandboxTest(
  "a disk that has no room for what was compiled still has some for a run",
  "root",
  async () => {
    await using dir = await tempDir();
    const path = dir.join("data");
    await Deno.mkdir(path);
    assert.ok(await command("mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", path));
    try {
      await using data = await DataDir.open(path);
      const large = [{ path: "v8_code_cache_v2", bytes: new Uint8Array(512 * 1024) }];
      const run = data.createRun(large);
      assert.deepEqual(listing(run.denoDir), []);
      assert.ok(Deno.statSync(run.cwd).isDirectory);
      const small = data.createRun(CACHES); // the control
      assert.ok(listing(small.denoDir).length > 0);
    } finally {
      assert.ok(await command("umount", "-l", path));
    }
  },
);

sandboxTest("a full disk says so, leaves nothing half made, and passes", "root", async () => {
  await using dir = await tempDir();
  const path = dir.join("data");
  await Deno.mkdir(path);
  const options = "size=256k,nr_inodes=64,mode=700";
  assert.ok(await command("mount", "-t", "tmpfs", "-o", options, "tmpfs", path));
  try {
    await using data = await DataDir.open(path);
    const fill: string[] = [];
    for (let room = true; room;) {
      const file = `${data.root}/fill-${fill.length}`;
      try {
        Deno.writeTextFileSync(file, "");
        fill.push(file);
      } catch {
        room = false;
      }
    }
    for (const free of [0, 1, 2, 3]) {
      if (free > 0) Deno.removeSync(fill.pop()!);
      assert.throws(() => data.createRun(CACHES), /No space left/);
      assert.deepEqual([...Deno.readDirSync(data.scratch)], [], `with room for ${free}`);
    }
    for (const file of fill) Deno.removeSync(file);
    assert.ok(listing(data.createRun(CACHES).denoDir).length > 0);
  } finally {
    assert.ok(await command("umount", "-l", path));
  }
});
