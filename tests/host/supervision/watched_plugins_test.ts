import assert from "node:assert/strict";
import type { PluginHost } from "../../../src/host/host.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { hostTest, recordEvents } from "../../helpers/host.ts";
import { isAlive, until } from "../../helpers/process.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";

const INTERVAL_MS = 200;
const AT_ONCE = { violations: { responses: [{ at: 1, action: "unload" as const }] } };

/** Takes more of something than it may have, and holds it. */
const GREEDY = `
  import { openSync } from "node:fs";
  const kept = [];
  export default {
    methods: {
      ping: () => "pong",
      descriptors: async ({ count }) => {
        for (let n = 0; n < count; n++) kept.push(openSync(new URL(import.meta.url), "r"));
        await new Promise(() => {});
      },
      spin: ({ ms }) => { for (const end = Date.now() + ms; Date.now() < end;); },
      log: async ({ lines }) => {
        for (let n = 0; n < lines; n++) {
          console.log("line " + n);
          if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        }
        await new Promise(() => {});
      },
    },
  };`;

Deno.test("the control: within its limits the same plugin is left alone", async () => {
  await using test = await hostTest();
  const host = await test.open({
    monitor: { intervalMs: INTERVAL_MS },
    policy: { default: AT_ONCE },
  });
  const plugin = await host.load(await test.bundle("greedy", GREEDY));
  await plugin.call("spin", { ms: 300 });
  await nextSamples(host, 3);
  assert.deepEqual([plugin.state, host.violations("greedy")], ["active", []]);
});

/** Waits for so many samples. */
async function nextSamples(host: PluginHost, count: number): Promise<void> {
  for await (const event of host.samples()) if (event.type === "sample" && --count === 0) break;
}

Deno.test("by default violations add up, and the threshold unloads", async () => {
  await using test = await hostTest();
  const host = await test.open({ monitor: { intervalMs: 100 } });
  const events = recordEvents(host);
  const dir = await test.bundle("greedy", GREEDY, { limits: { fileDescriptors: 64 } });
  const plugin = await host.load(dir);
  await assertRejectsWithCode(plugin.call("descriptors", { count: 55 }), "limit-exceeded");
  await events.find("unloaded", "greedy");
  const actions = events.seen.flatMap((event) => event.type === "violation" ? event.action : []);
  assert.ok(actions.length > 1);
  assert.deepEqual([...new Set(actions)], ["record", "unload"]);
  assert.equal(actions.indexOf("unload"), actions.length - 1);
  host.resetViolations("greedy");
  assert.deepEqual(host.violations("greedy"), []);
  await host.loadByName("greedy");
  assert.equal(await plugin.call("ping"), "pong");
});

Deno.test("a warned plugin is told with the figures", async () => {
  await using test = await hostTest();
  const warn = { violations: { responses: [{ at: 1, action: "warn" as const }] } };
  const host = await test.open({ monitor: { intervalMs: 100 }, policy: { default: warn } });
  const source = GREEDY.replace(
    "methods:",
    "warned: (w) => console.log('told ' + w.kind), methods:",
  );
  const dir = await test.bundle("greedy", source, { limits: { fileDescriptors: 64 } });
  const plugin = await host.load(dir);
  plugin.call("descriptors", { count: 80 }).catch(() => {});
  const { fields } = await test.logger.find(({ message }) => message.startsWith("The host warns"));
  assert.equal(fields.kind, "descriptors");
  assert.ok(Number(fields.measured) >= 64 && fields.limit === 64);
  assert.deepEqual([fields.version, fields.bundleHash], [plugin.version, plugin.bundleHash]);
  await test.logger.find(({ message }) => message === "told descriptors");
  assert.equal(plugin.state, "active");
});

const THROTTLE = {
  violations: { windowMs: 1_000, responses: [{ at: 1, action: "throttle" as const }] },
};

Deno.test("a throttled plugin's calls wait, until its violations are old", async () => {
  await using test = await hostTest();
  const host = await test.open({ policy: { default: THROTTLE }, monitor: false });
  host.services.provide("vault", { open: () => "the secret" }, { access: { open: "read" } });
  const source = `let ctx; export default { init(given) { ctx = given; }, methods: {
    ping: () => "pong",
    ask: () => ctx.get("vault").open().then(String, (error) => error.code),
  } };`;
  const plugin = await host.load(
    await test.bundle("asks", source, { context: [{ key: "vault", access: "read" }] }),
  );
  const events = recordEvents(host);
  const took = async () => {
    const start = performance.now();
    await plugin.call("ping");
    return performance.now() - start;
  };
  await plugin.call("ask").catch(() => {});
  const { action, violation } = await events.find("violation", "asks");
  assert.deepEqual([violation.kind, action], ["permission", "throttle"]);
  assert.ok(await took() >= 245);
  while (await took() >= 245); // ends with the window
});

sandboxTest(
  "a throttled plugin with a control group has a quarter of its processor",
  "unshare",
  async () => {
    await using test = await hostTest();
    const host = await test.open({
      isolation: "unshare",
      monitor: { intervalMs: 100 },
      policy: {
        default: {
          ...THROTTLE,
          limits: { cpuPercent: 80 },
          monitor: { logLinesPerSecond: 10 },
        },
      },
    });
    const plugin = await host.load(await test.bundle("greedy", GREEDY));
    const events = recordEvents(host);
    if (plugin.sandbox?.facts?.cgroup?.cpuPercent === undefined) return; // no group caps it here
    plugin.call("log", { lines: 200 }).catch(() => {});
    await events.find("violation", "greedy");
    const share = () => cpuPercentOf(plugin.pid!);
    await until(() => share() === 20, "it is throttled");
    await until(() => share() === 80, "it is let go");
  },
);

/** Reads the cap on a process's processor time. */
function cpuPercentOf(pid: number): number | undefined {
  const lines = Deno.readTextFileSync(`/proc/${pid}/cgroup`).split("\n");
  const v1 = lines.find((line) => line.split(":")[1]?.split(",").includes("cpu"));
  if (v1 !== undefined) {
    const path = v1.split(":")[2];
    return Number(Deno.readTextFileSync(`/sys/fs/cgroup/cpu${path}/cpu.cfs_quota_us`)) / 1_000;
  }
  const path = lines.find((line) => line.startsWith("0::"))?.slice(3);
  return Number(Deno.readTextFileSync(`/sys/fs/cgroup${path}/cpu.max`).split(" ")[0]) / 1_000;
}

Deno.test("a call that outlasts its limit ends a plugin that is stuck", async () => {
  await using test = await hostTest();
  const host = await test.open({ monitor: false });
  const events = recordEvents(host);
  const limits = { callTimeoutMs: 300 };
  const stuck = await host.load(await test.bundle("greedy", GREEDY, { limits }));
  const slow = await host.load(
    await test.bundle(
      "slow",
      "export default { methods: { wait: () => new Promise(() => {}), ping: () => 1 } };",
      {
        limits,
      },
    ),
  );
  const { pid } = stuck;
  await Promise.all([
    assertRejectsWithCode(stuck.call("spin", { ms: 1e9 }), "timeout"),
    assertRejectsWithCode(slow.call("wait"), "timeout"),
  ]);
  await events.find("unloaded", "greedy");
  assert.ok(!isAlive(pid!));
  assert.deepEqual(
    host.violations("greedy").map((it) => [it.kind, it.limit, it.severity]),
    [["call-duration", 300, "medium"], ["call-duration", 300, "critical"]],
  );
  // the control: one that is slow and alive is not stuck
  assert.equal(await slow.call("ping"), 1);
  assert.deepEqual(host.violations("slow").map(({ severity }) => severity), ["medium"]);
  // and a caller's own impatience is nobody's fault
  await assertRejectsWithCode(slow.call("wait", null, { timeoutMs: 50 }), "timeout");
  assert.equal(host.violations("slow").length, 1);
});
