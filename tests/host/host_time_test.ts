/** What a plugin may take of the host's own thread. */
import assert from "node:assert/strict";
import { openCgroups } from "../../src/sandbox/cgroup/manager.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { processesNaming, until } from "../helpers/process.ts";
import { requiringTest } from "../helpers/sandbox.ts";

const HUNGRY = `
  let kv;
  export default {
    init(ctx) { kv = ctx.get("kv"); },
    methods: {
      fill: () => Promise.all(Array.from({ length: 1_000 }, (_, n) => kv.set("key " + n, n))),
      list: () => Promise.all(Array.from({ length: 64 }, async () => {
        for (;;) await kv.list({ limit: 1_000 });
      })),
      once: async () => (await kv.list({ limit: 1_000 })).length,
    },
  };`;
const CALM = `export default { methods: { ping: () => "pong" } };`;

const STORING = `
  let database;
  export default {
    init(ctx) { database = ctx.get("database"); },
    methods: { ask: () => database.query("SELECT 1 AS one") },
  };`;
const cgroups = await openCgroups();
await cgroups.manager?.[Symbol.asyncDispose]();
const missing = cgroups.manager === undefined ? cgroups.missing.join("; ") : undefined;

async function open(violations = {}) {
  const test = await hostTest();
  const host = await test.open({
    times: { startTimeoutMs: 30_000 },
    isolation: "plain",
    monitor: { intervalMs: 300 },
    policy: {
      default: { grant: { context: { kv: "readwrite" } } },
      plugins: { hungry: { monitor: { hostPercent: 10 }, violations } },
    },
  });
  const context = [{ key: "kv", access: "readwrite" as const }];
  const hungry = await host.load(await test.bundle("hungry", HUNGRY, { context }));
  const calm = await host.load(await test.bundle("calm", CALM));
  await hungry.call("fill");
  return { test, host, hungry, calm };
}

Deno.test("a plugin that makes the host work without end is held to its share, recorded, and stopped", async () => {
  const { test, host, hungry, calm } = await open();
  await using _ = test;
  const events = recordEvents(host);
  const before = (await hungry.usage()).hostTimeMs;
  assert.ok(before > 0, "what fill() took is charged");
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const listing = assertRejectsWithCode(hungry.call("list"), "limit-exceeded");
  let answers = 0;
  let hostTimeMs = before;
  while (hungry.state === "active") {
    assert.equal(await calm.call("ping"), "pong");
    answers++;
    hostTimeMs = Math.max(hostTimeMs, (await hungry.usage()).hostTimeMs);
  }
  const error = await listing;
  clearInterval(timer);
  assert.equal(error.details.kind, "host-time");
  assert.ok(hostTimeMs > before + 250, `${hostTimeMs} ms are a share of seconds`);
  assert.ok(turns > hostTimeMs / 10, `timers had ${turns} turns in ${hostTimeMs} ms of work`);
  assert.ok(answers > hostTimeMs / 10, `another plugin answered ${answers} times`);
  const kinds = events.seen.flatMap((event) =>
    event.type === "violation" ? [`${event.violation.kind} ${event.violation.severity}`] : []
  );
  assert.deepEqual([...new Set(kinds)], ["host-time medium"]);
  assert.equal(calm.state, "active");
});

Deno.test("the control: where the policy only records, such a plugin goes on, and is answered", async () => {
  const { test, host, hungry } = await open({ threshold: 4, responses: [] });
  await using _ = test;
  const events = recordEvents(host);
  hungry.call("list").catch(() => {});
  await until(
    () => events.seen.filter(({ type }) => type === "violation").length >= 3,
    "more violations than are a reason to stop it",
  );
  assert.equal(hungry.state, "active");
  assert.equal(await hungry.call("once"), 1_000);
});

requiringTest(
  "what a plugin's database takes counts in a cgroup beside its own",
  missing,
  async () => {
    const test = await hostTest();
    await using _ = test;
    const policy = { default: { grant: { context: { database: "readwrite" as const } } } };
    const host = await test.open({ times: { startTimeoutMs: 30_000 }, policy });
    const context = [{ key: "database", access: "readwrite" as const }];
    const plugin = await host.load(await test.bundle("storing", STORING, { context }));
    await plugin.call("ask");
    const pids = processesNaming(`${test.dataDir}/services/database/storing.sqlite`);
    assert.equal(pids.length, 1);
    const groupOf = (pid: number) => Deno.readTextFileSync(`/proc/${pid}/cgroup`);
    assert.notEqual(groupOf(pids[0]!), groupOf(Deno.pid));
    assert.notEqual(groupOf(pids[0]!), groupOf(plugin.pid!));
  },
);
