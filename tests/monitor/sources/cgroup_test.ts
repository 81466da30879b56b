import assert from "node:assert/strict";
import { CgroupReader, findCgroupFolders } from "../../../src/monitor/sources/cgroup.ts";
import { openCgroups } from "../../../src/sandbox/cgroup/manager.ts";
import { requiringTest, sandboxTest } from "../../helpers/sandbox.ts";
import { until } from "../../helpers/process.ts";
import { startWatched } from "../watched_child.ts";

const MIB = 1024 * 1024;
const LIMITS = {
  memoryBytes: 512 * MIB,
  cpuPercent: 10, // so little that it is held back on a busy machine, too
  threads: 40,
  fileDescriptors: 256,
  fileBytes: 16 * MIB,
};

const probe = await openCgroups({ probeSystemd: false });
const none = probe.manager === undefined
  ? `no cgroup here: ${probe.missing.join("; ")}`
  : undefined;
await probe.manager?.[Symbol.asyncDispose]();

async function startGrouped(stack: AsyncDisposableStack) {
  const { manager } = await openCgroups({ probeSystemd: false });
  stack.use(manager!);
  const group = stack.use(await manager!.create(LIMITS));
  const join = group.join.map((file) => `echo 0 > '${file}'`).join(" && ");
  return stack.use(await startWatched(`${join} && exec "$@"`));
}

requiringTest("CgroupReader reads what a process in the host's group uses", none, async () => {
  await using stack = new AsyncDisposableStack();
  const child = await startGrouped(stack);
  const folders = findCgroupFolders(child.pid);
  assert.ok(folders, "the group of the child was not found");
  const reader = new CgroupReader(folders);
  const before = reader.read();
  assert.deepEqual(before.pids, [child.pid]);
  assert.ok(before.memoryBytes! > 5 * MIB && before.memoryBytes! < LIMITS.memoryBytes);
  await child.ask("buffers 64");
  await child.ask("spin 200");
  const after = reader.read();
  const grown = after.memoryBytes! - before.memoryBytes!;
  assert.ok(grown > 50 * MIB && grown < 100 * MIB, `grew by ${grown}`);
  assert.ok(after.peakMemoryBytes === undefined || after.peakMemoryBytes >= after.memoryBytes!);
  if (after.throttledMs !== undefined) {
    // it wanted a whole processor and has a tenth of one
    assert.ok(after.throttledMs - before.throttledMs! > 50, `held back ${after.throttledMs} ms`);
  }
  if (after.tasks !== undefined) {
    // a runtime starts and ends threads of its own, so that one moment may not be the other's
    const listed = () => [...Deno.readDirSync(`/proc/${child.pid}/task`)].length;
    await until(() => reader.read().tasks === listed(), "as many tasks as threads");
  }
});

sandboxTest("CgroupReader reads the processor time of a v1 cpuacct group", "root", async () => {
  const folder = `/sys/fs/cgroup/cpuacct/sallyport-test-${crypto.randomUUID()}`;
  try {
    Deno.mkdirSync(folder);
  } catch {
    return assert.equal(findCgroupFolders(Deno.pid), undefined); // a machine with v2 only
  }
  try {
    await using child = await startWatched(`echo 0 > ${folder}/cgroup.procs && exec "$@"`);
    assert.equal(findCgroupFolders(child.pid)?.get("cpuacct"), folder);
    const reader = new CgroupReader(findCgroupFolders(child.pid)!);
    const before = reader.read().cpuTimeMs!;
    await child.ask("spin 200");
    const used = reader.read().cpuTimeMs! - before;
    assert.ok(used > 150 && used < 5_000, `used ${used} ms`);
  } finally {
    await until(() => {
      try {
        Deno.removeSync(folder);
        return true;
      } catch {
        return false;
      }
    }, "the group is removed");
  }
});

Deno.test("findCgroupFolders() gives none for a process in the host's own groups", async () => {
  await using child = await startWatched();
  assert.equal(findCgroupFolders(child.pid), undefined);
  assert.equal(findCgroupFolders(Deno.pid), undefined);
});

Deno.test("CgroupReader reads the files of version 2 and forgets those that are missing", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const write = (name: string, text: string) => Deno.writeTextFileSync(`${dir}/${name}`, text);
    write("memory.current", "1048576\n");
    write("cpu.stat", "usage_usec 2500000\nuser_usec 1\nnr_periods 5\nthrottled_usec 40000\n");
    write("pids.current", "17\n");
    write("pids.events", "max 3\n");
    write("cgroup.procs", "0\n41\n42\n");
    const reader = new CgroupReader(new Map([["", dir]]));
    const expected = {
      memoryBytes: 1_048_576,
      peakMemoryBytes: undefined,
      cpuTimeMs: 2_500,
      throttledMs: 40,
      tasks: 17,
      refusedTasks: 3,
      pids: [41, 42],
    };
    assert.deepEqual(reader.read(), expected);
    write("memory.peak", "9\n");
    write("memory.current", "max\n");
    assert.deepEqual(reader.read(), { ...expected, memoryBytes: undefined });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("CgroupReader reads again what a group that has not run cannot have changed, but seldom", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const write = (name: string, text: string) => Deno.writeTextFileSync(`${dir}/${name}`, text);
    const run = (usec: number) =>
      write("cpu.stat", `usage_usec ${usec}\nthrottled_usec ${usec / 10}\n`);
    run(1_000);
    write("memory.current", "1\n");
    write("pids.current", "3\n");
    write("pids.events", "max 0\n");
    write("cgroup.procs", "41\n");
    const reader = new CgroupReader(new Map([["", dir]]));
    const first = reader.read();
    reader.read(); // the first of five reads all
    write("memory.current", "2\n");
    write("pids.current", "4\n");
    write("pids.events", "max 1\n");
    write("cgroup.procs", "41\n42\n");
    assert.deepEqual(reader.read(), { ...first, memoryBytes: 2 });
    run(2_000);
    const after = {
      ...first,
      memoryBytes: 2,
      cpuTimeMs: 2,
      throttledMs: 0.2,
      tasks: 4,
      refusedTasks: 1,
      pids: [41, 42],
    };
    assert.deepEqual(reader.read(), after);
    write("pids.current", "5\n");
    await until(() => reader.read().tasks === 5, "the file that was taken for unchanged");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
