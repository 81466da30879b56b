import assert from "node:assert/strict";
import { DataDir } from "../../../src/host/data/data_dir.ts";
import { until } from "../../helpers/process.ts";
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

function ready(data: DataDir): string[] {
  return [...Deno.readDirSync(data.scratch)].map(({ name }) => name)
    .filter((name) => name.startsWith("next-"));
}

const baseOf = (denoDir: string) => denoDir.slice(0, denoDir.lastIndexOf("/"));

Deno.test("folders that were made ahead are as those that are made at once, and used once", async () => {
  await using dir = await tempDir();
  await using data = await DataDir.open(dir.join("data"));
  const first = data.createRun(CACHES);
  const made = listing(baseOf(first.denoDir));
  assert.ok(made.includes("deno/dep_analysis_cache_v2-wal "), made.join("\n"));
  await until(() => ready(data).length === 1, "the next ones");
  const second = data.createRun(CACHES);
  assert.deepEqual(ready(data), []);
  assert.deepEqual(listing(baseOf(second.denoDir)), made);
  assert.notEqual(second.denoDir, first.denoDir);
  const other = data.createRun();
  assert.deepEqual(listing(other.denoDir), [], "with other files in them, they are others");
  await first[Symbol.asyncDispose]();
  assert.deepEqual(listing(baseOf(second.denoDir)), made);
});

Deno.test("32 wait at most, and none is left when the host is closed", async () => {
  await using dir = await tempDir();
  {
    await using data = await DataDir.open(dir.join("data"));
    for (let n = 0; n < 40; n++) data.createRun([...CACHES]);
    await until(() => ready(data).length === 32, "as many as may wait");
    const last = data.createRun([...CACHES]);
    await until(() => ready(data).some((name) => Number(name.slice(5)) > 80), "the latest");
    assert.equal(ready(data).length, 32);
    assert.ok(last.denoDir.startsWith(data.scratch));
  }
  assert.deepEqual([...Deno.readDirSync(dir.join("data/run"))], []);
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
