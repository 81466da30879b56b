// What a cgroup must do, whichever way it was made: run by the tests here and in the virtual machine.
import assert from "node:assert/strict";
import type { CgroupManager } from "../../../src/sandbox/cgroup/groups/cgroup_manager.ts";
import type { ProcessLimits } from "../../../src/sandbox/launch/launch_spec.ts";
import { LAUNCHER_TASKS } from "../../../src/sandbox/cgroup/groups/group_limits.ts";
import { eventually, foldersOf, runs, startMember, throttledCount } from "./members.ts";

export const MIB = 1024 * 1024;

/** Limits under which a shell lives well. */
export const LIMITS: ProcessLimits = {
  memoryBytes: 48 * MIB,
  cpuPercent: 100,
  threads: 16,
  fileDescriptors: 256,
  fileBytes: MIB,
};

/** Fills a buffer of that many MiB in one go. */
const fill = (mib: number) => `dd if=/dev/zero of=/dev/null bs=${mib}M count=1 && echo all`;
const HOG = fill(96);
const FORKS = 'i=0; p=""; while [ $i -lt 30 ]; do sleep 600 >/dev/null 2>&1 & p="$p $!"; ' +
  "i=$((i+1)); done; kill $p; echo all";
const SPIN = "echo up; while :; do :; done";
const STUBBORN = "trap '' TERM INT HUP; sleep 600 >/dev/null 2>&1 & echo $!; wait";

/** One thing that groups must do. */
export interface Check {
  /** What it is, as a sentence about the group. */
  readonly name: string;
  /** Whether it depends on who made the group where, and not on the kernel alone. */
  readonly everywhere: boolean;
  /** Does it; fails where the group does not. */
  run(manager: CgroupManager): Promise<void>;
}

/** The checks, in the order in which a reader would ask. */
export const CHECKS: readonly Check[] = [
  {
    name: "holds a process to the limits that were asked for, and says so",
    everywhere: true,
    run: saysItsLimits,
  },
  { name: "refuses memory beyond the cap and counts it", everywhere: true, run: refusesMemory },
  { name: "refuses tasks beyond the cap", everywhere: false, run: refusesTasks },
  {
    name: "makes a busy process wait for its share of cpu time",
    everywhere: false,
    run: throttles,
  },
  {
    name: "ends what is left in it, whatever signals that ignores, and is removed",
    everywhere: true,
    run: endsAll,
  },
];

async function saysItsLimits(manager: CgroupManager): Promise<void> {
  await using group = await manager.create({ ...LIMITS, cpuPercent: 50 });
  await using member = startMember(group, "echo up; sleep 600");
  assert.equal(await member.line(), "up");
  const facts = group.facts(member.pid);
  assert.ok(facts, "the process is not in its group");
  const { ioWeight, ...limits } = facts;
  assert.deepEqual(limits, {
    kind: manager.kind,
    memoryBytes: LIMITS.memoryBytes,
    swapLimited: true,
    cpuPercent: 50,
    tasks: LIMITS.threads + LAUNCHER_TASKS,
  });
  assert.ok(ioWeight === undefined || ioWeight < 100, `weight ${ioWeight}`);
  assert.equal(group.facts(Deno.pid), undefined, "the host itself is in the group");
}

async function refusesMemory(manager: CgroupManager): Promise<void> {
  await using free = startMember(undefined, HOG);
  assert.equal((await free.finish()).output, "all\n", "the control does not get its memory");
  await using group = await manager.create(LIMITS);
  await using held = startMember(group, HOG);
  assert.notEqual((await held.finish()).output, "all\n", "the process got all that it wanted");
  const outcome = await group.outcome();
  assert.ok(outcome.oomKills >= 1, "no kill was counted");
  assert.equal(outcome.memoryLimitBytes, LIMITS.memoryBytes);
  const peak = outcome.peakMemoryBytes;
  assert.ok(peak === undefined || (peak > 40 * MIB && peak <= LIMITS.memoryBytes), `peak ${peak}`);
  // and one that stays below it is not said to have been killed
  await using modest = await manager.create(LIMITS);
  await using fits = startMember(modest, fill(1));
  assert.equal((await fits.finish()).output, "all\n");
  assert.equal((await modest.outcome()).oomKills, 0);
}

async function refusesTasks(manager: CgroupManager): Promise<void> {
  await using free = startMember(undefined, FORKS);
  assert.equal((await free.finish()).output, "all\n", "the control cannot start its processes");
  await using group = await manager.create(LIMITS);
  await using held = startMember(group, FORKS);
  const { code, output } = await held.finish();
  assert.notEqual(output, "all\n", "the process started all that it wanted");
  assert.notEqual(code, 0);
  if (manager.kind !== "systemd-run") assert.ok((await group.outcome()).refusedTasks >= 1);
}

async function throttles(manager: CgroupManager): Promise<void> {
  await using wide = await manager.create({ ...LIMITS, cpuPercent: 102_400 });
  await using free = startMember(wide, SPIN);
  await using narrow = await manager.create({ ...LIMITS, cpuPercent: 5 });
  await using held = startMember(narrow, SPIN);
  assert.equal(await free.line(), "up");
  assert.equal(await held.line(), "up");
  await eventually(() => (throttledCount(held.pid) ?? 0) >= 3, "the busy process had to wait");
  assert.equal(throttledCount(free.pid), 0, "the control had to wait");
}

async function endsAll(manager: CgroupManager): Promise<void> {
  const group = await manager.create(LIMITS);
  await using member = startMember(group, STUBBORN);
  const grandchild = Number(await member.line());
  Deno.kill(member.pid, "SIGTERM");
  assert.ok(runs(member.pid) && runs(grandchild), "they end without the group");
  await group[Symbol.asyncDispose]();
  await eventually(() => !runs(member.pid) && !runs(grandchild), "both are dead");
  assertRemoved(foldersOf(group));
  await group[Symbol.asyncDispose](); // again: nothing to do
}

/** Fails while a folder is there. */
export function assertRemoved(folders: readonly string[]): void {
  for (const folder of folders) {
    assert.throws(() => Deno.statSync(folder), Deno.errors.NotFound, `${folder} is still there`);
  }
}
