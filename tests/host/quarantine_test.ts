import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { isAlive, until } from "../helpers/process.ts";

const POLICY = {
  default: {
    monitor: { logLinesPerSecond: 20 },
    violations: {
      responses: [{ at: 1, kind: "log-rate" as const, action: "quarantine" as const }],
    },
  },
};
const FLOODS = `export default { methods: {
  ping: () => "pong",
  flood: async () => {
    for (;;) { console.log("more"); await new Promise((resolve) => setTimeout(resolve, 2)); }
  },
} };`;
const MONITOR = { intervalMs: 100 };

Deno.test("a plugin in quarantine is down, is not loaded by the next host either, and then is", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: POLICY, monitor: MONITOR });
  const events = recordEvents(host);
  const dir = await test.bundle("floods", FLOODS);
  const plugin = await host.load(dir);
  const { pid } = plugin;
  const error = await assertRejectsWithCode(plugin.call("flood"), "limit-exceeded", /quarantine/);
  assert.equal(error.details.kind, "log-rate");
  assert.ok(Number(error.details.measured) > 20 && error.details.limit === 20);
  await events.find("quarantined", "floods");
  await events.find("unloaded", "floods");
  assert.deepEqual([plugin.state, isAlive(pid!)], ["quarantined", false]);
  await until(async () => {
    const file = await Deno.stat(`${test.dataDir}/quarantine/floods.json`).catch(() => undefined);
    return file !== undefined;
  }, "it is written down");
  await assertRejectsWithCode(host.load(dir), "bad-state", /quarantine/);
  await assertRejectsWithCode(host.reload("floods"), "bad-state", /quarantine/);
  assert.equal(plugin.state, "quarantined");
  // the control: another one is loaded as ever
  assert.equal(await (await host.load(await test.bundle("calm", FLOODS))).call("ping"), "pong");
  await host.close();

  const next = await test.open({ policy: POLICY, monitor: MONITOR });
  const refused = await assertRejectsWithCode(next.load(dir), "bad-state", /quarantine/);
  assert.match(refused.hint ?? "", /releaseQuarantine\("floods"\)/);
  assert.equal(next.plugin("floods")?.state, "quarantined");
  const released = recordEvents(next);
  assert.equal(await next.releaseQuarantine("floods"), true);
  await released.find("released", "floods");
  assert.equal(next.plugin("floods")?.state, "available");
  assert.equal(await (await next.load(dir)).call("ping"), "pong");
  await assert.rejects(next.releaseQuarantine("../x"), RangeError);
});
