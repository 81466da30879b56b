/**
 * A short version of `deno task soak --cycles 2000`: what a host holds does not grow with what it has
 * loaded and unloaded. The host is a process of its own.
 */
import assert from "node:assert/strict";
import { compareHalves, soakCycles } from "../soak/cycles.ts";
import type { CyclesSample } from "../soak/cycles_host.ts";

Deno.test("a host that loads and unloads again and again holds no more than before", async () => {
  const { samples, problems } = await soakCycles({
    cycles: 20,
    isolation: "plain",
    failEvery: 5,
    samples: 2,
  });
  assert.equal(samples.length, 2);
  const [before, { children, groups, hooks, handles }] = samples as [CyclesSample, CyclesSample];
  assert.deepEqual([children, hooks, handles], [0, 0, 0]);
  assert.equal(groups, before.groups); // the one of the host itself, in each tree
  // after so few, memory still settles; whatever is counted does not
  assert.deepEqual(
    problems.filter((problem) => !/^(?:rss|heapUsed|external) /.test(problem)),
    [],
  );
});

Deno.test("compareHalves() tells what grew by more than 5 %, and no other figure", () => {
  const half: CyclesSample = {
    cycle: 1_000,
    rss: 150e6,
    memory: 100e6,
    heapUsed: 20e6,
    external: 2e6,
    descriptors: 27,
    threads: 12,
    children: 0,
    groups: 4,
    runFiles: 50,
    files: 80,
    hooks: 0,
    handles: 0,
  };
  const end = { ...half, cycle: 2_000, rss: 157e6, memory: 300e6, descriptors: 28, files: 84 };
  assert.deepEqual(compareHalves([half, end]), []);
  assert.deepEqual(compareHalves([half, { ...end, rss: 158e6, children: 1 }]), [
    "rss grew from 150000000 after 1000 cycles to 158000000 after 2000",
    "children grew from 0 after 1000 cycles to 1 after 2000",
  ]);
  // a fall is no leak
  assert.deepEqual(compareHalves([end, { ...half, cycle: 2_000 }]), []);
});
