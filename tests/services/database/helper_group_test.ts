import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../src/bundle/manifest/limits.ts";
import { helperGroup } from "../../../src/sandbox/cgroup/helper_group.ts";
import { openCgroups } from "../../../src/sandbox/cgroup/manager.ts";
import type { Cgroup, CgroupManager } from "../../../src/sandbox/cgroup/groups/cgroup_manager.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { requiringTest } from "../../helpers/sandbox.ts";
import { caller, databaseOf, ENDLESS, openContext } from "../kit.ts";
import { processesWith } from "../processes.ts";

const probe = await openCgroups();
await probe.manager?.[Symbol.asyncDispose]();
const missing = probe.manager === undefined ? probe.missing.join("; ") : undefined;
const request = { database: "readwrite" } as const;
const limits = { ...DEFAULT_LIMITS, fileBytes: Infinity, threads: 64, memoryBytes: 768 * 2 ** 20 };

requiringTest("a database process has the processor share of its plugin", missing, async () => {
  const { manager } = await openCgroups();
  await using _ = manager!;
  const groups: Cgroup[] = [];
  const seen: Pick<CgroupManager, "create"> = {
    async create(limits) {
      const group = await manager!.create(limits);
      groups.push(group);
      return group;
    },
  };
  const test = await openContext({
    databaseTimeoutMs: 2_000,
    confine: ({ cpuPercent }) => helperGroup(seen, { ...limits, cpuPercent }),
  });
  try {
    const who = caller("calm", { request, limits: { cpuPercent: 20 } });
    const db = databaseOf(test.services, who);
    await db.query("SELECT 1 AS one");
    const pids = await processesWith(test.dir);
    assert.equal(pids.length, 1);
    assert.equal(groups[0]!.facts(pids[0]!)?.cpuPercent, 20);
    assert.equal(groups[0]!.facts(Deno.pid), undefined, "the host is outside");
    await assertRejectsWithCode(db.query(ENDLESS), "timeout");
    assert.deepEqual(await db.query("SELECT 2 AS two"), [{ two: 2 }], "the next has a group anew");
    assert.equal(groups.length, 2);
    const [pid] = await processesWith(test.dir);
    assert.equal(groups[1]!.facts(pid!)?.cpuPercent, 20);
    await test.services.release("calm");
    assert.deepEqual(await processesWith(test.dir), []);
  } finally {
    await test[Symbol.asyncDispose]();
  }
});

Deno.test("a database process that cannot be capped is not used", async () => {
  let removed = 0;
  const test = await openContext({
    confine: () =>
      Promise.resolve({
        prefix: [],
        prefixEnv: {},
        adopt() {
          throw new Error("no");
        },
        [Symbol.asyncDispose]: () => Promise.resolve(void removed++),
      }),
  });
  try {
    const db = databaseOf(test.services, caller("a", { request }));
    await assertRejectsWithCode(db.query("SELECT 1 AS one"), "plugin-error");
    await test.services.release("a");
    assert.equal(removed, 1);
    assert.deepEqual(await processesWith(test.dir), []);
  } finally {
    await test[Symbol.asyncDispose]();
  }
});
