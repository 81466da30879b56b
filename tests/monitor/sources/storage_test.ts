import assert from "node:assert/strict";
import { nestDeeper } from "../../helpers/deep_folders.ts";
import { startWatched } from "../watched_child.ts";
import { until } from "../../helpers/process.ts";
import { requiringTest } from "../../helpers/sandbox.ts";
import { removeTree } from "../../../src/io/remove_tree.ts";
import { holdProcesses } from "../../../src/monitor/sources/hold.ts";
import { mayReadProc } from "../../../src/monitor/sources/proc.ts";
import { fileKey, StorageScan } from "../../../src/monitor/sources/storage.ts";

const KIB = 1024;

async function withFolder(act: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "sallyport-test-" });
  try {
    await act(dir);
  } finally {
    await removeTree(dir);
  }
}

function walk(scan: StorageScan, pids?: readonly number[]): void {
  scan.begin(pids);
  while (scan.running) scan.step(1_000);
}

Deno.test("StorageScan counts files, not what symlinks point to", () =>
  withFolder((dir) => {
    const scan = new StorageScan(dir);
    assert.equal(scan.size, undefined);
    walk(scan);
    const empty = scan.size!.bytes;
    Deno.mkdirSync(`${dir}/a/b`, { recursive: true });
    Deno.writeFileSync(`${dir}/a/b/file`, new Uint8Array(256 * KIB).fill(1));
    Deno.symlinkSync(Deno.execPath(), `${dir}/link`);
    Deno.symlinkSync("/usr", `${dir}/folder`);
    Deno.symlinkSync(dir, `${dir}/a/loop`);
    walk(scan);
    const grown = scan.size!.bytes - empty;
    assert.ok(grown >= 256 * KIB && grown < 300 * KIB, `grew by ${grown}`);
    assert.ok(scan.size!.complete);
    Deno.removeSync(`${dir}/a`, { recursive: true });
    walk(scan);
    assert.ok(scan.size!.bytes - empty < 8 * KIB);
  }));

Deno.test("StorageScan counts a sparse file by its length and small ones by their blocks", () =>
  withFolder((dir) => {
    Deno.writeTextFileSync(`${dir}/sparse`, "");
    Deno.truncateSync(`${dir}/sparse`, 1_000_000_000);
    const scan = new StorageScan(dir);
    walk(scan);
    assert.ok(scan.size!.bytes >= 1_000_000_000);
    Deno.removeSync(`${dir}/sparse`);
    Deno.writeTextFileSync(`${dir}/small`, "x");
    const { blocks } = Deno.statSync(`${dir}/small`);
    walk(scan);
    assert.ok(scan.size!.bytes >= Math.max(1, (blocks ?? 0) * 512));
  }));

Deno.test("StorageScan looks at so many entries at a time and goes on", () =>
  withFolder((dir) => {
    for (let i = 0; i < 100; i++) {
      Deno.writeFileSync(`${dir}/${i}`, new Uint8Array(8 * KIB).fill(1));
    }
    const scan = new StorageScan(dir);
    walk(scan);
    const whole = scan.size!.bytes;
    for (let i = 100; i < 200; i++) {
      Deno.writeFileSync(`${dir}/${i}`, new Uint8Array(8 * KIB).fill(1));
    }
    scan.begin();
    assert.equal(scan.step(50), 50);
    assert.equal(scan.size!.bytes, whole, "half a walk is no answer where it finds less");
    assert.equal(scan.step(125), 125);
    assert.ok(scan.running);
    assert.ok(scan.size!.bytes > whole, "but what is there is there");
    scan.begin(); // does not start again
    assert.equal(scan.step(1_000), 26);
    assert.ok(!scan.running);
    assert.ok(scan.size!.bytes >= whole + 100 * 8 * KIB);
  }));

Deno.test("StorageScan counts a file once that is renamed during the walk, whichever name is met first", () =>
  withFolder((dir) => {
    for (let i = 0; i < 20; i++) {
      Deno.writeFileSync(`${dir}/${i}`, new Uint8Array(64 * KIB).fill(1));
    }
    const scan = new StorageScan(dir);
    walk(scan);
    const { bytes } = scan.size!;
    scan.begin();
    scan.step(11);
    for (let i = 0; i < 20; i++) Deno.renameSync(`${dir}/${i}`, `${dir}/new ${i}`);
    while (scan.running) scan.step(11);
    assert.deepEqual(scan.size, { bytes, complete: true });
  }));

Deno.test("StorageScan counts a folder once that is renamed while it is walked through", () =>
  withFolder((dir) => {
    Deno.mkdirSync(`${dir}/a/b`, { recursive: true });
    for (let i = 0; i < 20; i++) {
      Deno.writeFileSync(`${dir}/a/b/${i}`, new Uint8Array(64 * KIB).fill(1));
    }
    const scan = new StorageScan(dir);
    walk(scan);
    const { bytes } = scan.size!;
    for (
      const [from, to, steps] of [["a/b", "a/c", 10], ["a", "d", 10], ["d/c", "e", 3]] as const
    ) {
      scan.begin();
      scan.step(steps);
      Deno.renameSync(`${dir}/${from}`, `${dir}/${to}`);
      while (scan.running) scan.step(7);
      assert.deepEqual(scan.size, { bytes, complete: true }, `${from} to ${to}`);
    }
  }));

requiringTest(
  "StorageScan counts files that a process renames without end, and holds it for a moment only",
  mayReadProc() ? undefined : "no /proc here",
  () =>
    withFolder(async (dir) => {
      Deno.mkdirSync(`${dir}/folder/in`, { recursive: true });
      for (let i = 0; i < 3_000; i++) Deno.writeTextFileSync(`${dir}/${i}`, "");
      for (let i = 0; i < 1_000; i++) Deno.writeTextFileSync(`${dir}/folder/in/${i}`, "");
      const big = [`${dir}/big1.`, `${dir}/big2.`, `${dir}/folder`];
      for (const name of [...big.slice(0, 2), `${dir}/folder/in/3`, `${dir}/folder/in/4`]) {
        Deno.writeFileSync(name, new Uint8Array(1024 * KIB));
      }
      await using child = await startWatched();
      await child.ask(`rename ${big.join(" ")}`);
      const scan = new StorageScan(dir);
      let held = 0;
      const hold = () => {
        held++;
        return holdProcesses([child.pid]);
      };
      for (let walks = 1; walks <= 3 && (scan.size?.bytes ?? 0) < 4096 * KIB; walks++) {
        scan.begin([child.pid]);
        while (scan.running) {
          scan.step(500, hold);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
      assert.ok(scan.size!.bytes >= 4096 * KIB, `${scan.size!.bytes} bytes were counted`);
      assert.ok(held > 0);
      const names = () => Deno.readDirSync(dir).map(({ name }) => name).toArray().sort().join();
      const before = names();
      await until(() => names() !== before, "the process goes on");
    }),
);

Deno.test("StorageScan says that it cannot count a folder of too many names", () =>
  withFolder((dir) => {
    const scan = new StorageScan(`${dir}/missing`);
    walk(scan);
    assert.deepEqual(scan.size, { bytes: 0, complete: true });
    const name = "n".repeat(240);
    Deno.mkdirSync(`${dir}/many`);
    for (let i = 0; Deno.statSync(`${dir}/many`).size <= 1024 * KIB; i++) {
      if (i === 100_000) return; // a file system that does not tell in the folder's size
      Deno.openSync(`${dir}/many/${name}${i}`, { write: true, create: true }).close();
    }
    const full = new StorageScan(dir);
    walk(full);
    assert.equal(full.size!.complete, false);
    assert.ok(full.size!.bytes > 1024 * KIB);
  }));

const noProc = mayReadProc() ? undefined : "the host may not read /proc here";

requiringTest(
  "StorageScan counts files that are open and have no name any more",
  noProc,
  () =>
    withFolder(async (dir) => {
      const elsewhere = await Deno.makeTempDir({ dir: "/dev/shm" }).catch(() => undefined);
      await using child = await startWatched();
      await using another = await startWatched();
      const make = (name: string, bytes: number) => {
        Deno.writeFileSync(`${dir}/${name}`, new Uint8Array(bytes));
        return `${dir}/${name}`;
      };
      const [named, first, given] = ["named", "first", "given"].map((name) => make(name, 64 * KIB));
      const sparse = make("sparse", 0);
      Deno.truncateSync(sparse, KIB * KIB);
      const keys = new Set([fileKey(Deno.statSync(given!))]);
      for (const path of [named, first, given, sparse, first]) await child.ask(`hold ${path}`);
      await another.ask(`hold ${first}`);
      if (elsewhere !== undefined) {
        Deno.writeFileSync(`${elsewhere}/file`, new Uint8Array(KIB * KIB));
        await child.ask(`hold ${elsewhere}/file`);
        Deno.removeSync(elsewhere, { recursive: true });
      }
      for (const path of [first, given, sparse]) Deno.removeSync(path!);
      const scan = new StorageScan(dir, keys);
      walk(scan);
      const withName = scan.size!.bytes;
      assert.ok(withName < 80 * KIB, "control: a walk of the names finds one of them");
      walk(scan, [child.pid, another.pid, 2 ** 22 + 1]);
      // the one once, whoever has it open; the sparse one by its length; not what was given; nothing in memory
      const grown = scan.size!.bytes - withName;
      assert.ok(grown >= 1088 * KIB && grown < 1104 * KIB, `grew by ${grown}`);
      assert.ok(scan.size!.complete);
      walk(scan, [another.pid]);
      assert.ok(scan.size!.bytes - withName < 80 * KIB, "it has one of them");
    }),
);

Deno.test("StorageScan says that it cannot count folders that are too deep", () =>
  withFolder((dir) => {
    Deno.mkdirSync(`${dir}/${"n".repeat(200)}`);
    Deno.writeFileSync(`${dir}/file`, new Uint8Array(KIB));
    const scan = new StorageScan(dir);
    walk(scan);
    assert.ok(scan.size!.complete);
    nestDeeper(dir, 2, KIB * KIB);
    walk(scan);
    assert.equal(scan.size!.complete, false);
    assert.ok(scan.size!.bytes < KIB * KIB);
  }));

Deno.test("StorageScan keeps to what it found while the host itself cannot look at the folder", () =>
  withFolder((dir) => {
    const storage = `${dir}/storage`;
    Deno.mkdirSync(storage);
    Deno.writeFileSync(`${storage}/file`, new Uint8Array(64 * KIB).fill(1));
    const scan = new StorageScan(storage);
    walk(scan);
    const found = scan.size!;
    assert.ok(found.complete && found.bytes >= 64 * KIB);
    Deno.renameSync(storage, `${dir}/away`);
    walk(scan);
    assert.deepEqual([scan.size, scan.walks], [found, 2]);
    Deno.renameSync(`${dir}/away`, storage);
    // the control: what the plugin does within it counts
    Deno.removeSync(`${storage}/file`);
    walk(scan);
    assert.ok(scan.size!.bytes < found.bytes);
  }));
