import assert from "node:assert/strict";
import { DEFAULT_LIMITS, type Limits } from "../../src/bundle/manifest/limits.ts";
import type { PluginHost } from "../../src/host/host.ts";
import type { PluginHandle } from "../../src/host/plugin_handle.ts";
import { BreachWatch } from "../../src/monitor/violations/breach_watch.ts";
import type { PluginSample } from "../../src/monitor/samples/sample.ts";
import type { PolicyEntry } from "../../src/permissions/policy/policy_schema.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type Greed, GREEDS, GREEDY } from "../helpers/greedy.ts";
import { hostTest, recordEvents } from "../helpers/host.ts";
import { isAlive, until } from "../helpers/process.ts";
import { sandboxTest } from "../helpers/sandbox.ts";

const CALM = `export default { methods: { ping: () => "pong" } };`;
const RECORD_ONLY = { violations: { responses: [] } };
const PATIENT = { times: { startTimeoutMs: 30_000 } };

async function open(isolation: "bwrap" | "plain", { monitor }: Greed, entry: PolicyEntry = {}) {
  const test = await hostTest();
  const host = await test.open({
    ...PATIENT,
    isolation,
    monitor: { intervalMs: 200, history: 1_000 },
    policy: {
      default: {
        grant: { context: { bell: "read" } },
        restart: { maxRestarts: 0 },
        ...entry,
      },
      plugins: { greedy: { monitor } },
    },
  });
  host.services.provide("bell", { ring: () => 1 }, { access: { ring: "read" } });
  return { test, host };
}

/** Collects every sample of a plugin. */
function recordSamples(host: PluginHost, plugin: string): PluginSample[] {
  const seen: PluginSample[] = [];
  void (async () => {
    for await (const event of host.samples({ plugin })) {
      assert.equal(event.type, "sample");
      if (event.type === "sample") seen.push(event.sample);
    }
  })();
  return seen;
}

/** Tells which samples break the limit; of processor time, which show greed. */
function breaks(
  { kind, manifest, monitor }: Greed,
  samples: readonly PluginSample[],
): readonly boolean[] {
  const limits = { ...DEFAULT_LIMITS, ...manifest.limits as Partial<Limits>, ...monitor };
  const watch = new BreachWatch();
  return samples.map((sample, index) =>
    watch.check(sample, limits, samples[index - 1]).some((breach) =>
      breach.kind === kind && (kind !== "cpu" || breach.severity === "critical")
    )
  );
}

/** Counts how many samples in a row show it, at most. */
function longestRun(shown: readonly boolean[]): number {
  let [longest, run] = [0, 0];
  for (const it of shown) longest = Math.max(longest, run = it ? run + 1 : 0);
  return longest;
}

/** Calls a plugin over and over until told to stop; says how often it answered. */
function keepAsking(plugin: PluginHandle): { stop(): Promise<number> } {
  let stopped = false;
  const asking = (async () => {
    let answers = 0;
    while (!stopped) {
      assert.equal(await plugin.call("ping"), "pong");
      answers++;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return answers;
  })();
  asking.catch(() => {}); // whoever stops it is told
  return {
    stop: () => {
      stopped = true;
      return asking;
    },
  };
}

async function isStopped(isolation: "bwrap" | "plain", greed: Greed): Promise<void> {
  const { test, host } = await open(isolation, greed);
  await using _ = test;
  const events = recordEvents(host);
  const samples = recordSamples(host, "greedy");
  const calm = await host.load(await test.bundle("calm", CALM));
  const greedy = await host.load(await test.bundle("greedy", GREEDY, greed.manifest));
  const { pid } = greedy;
  const answers = keepAsking(calm);
  const error = await assertRejectsWithCode(greedy.call(greed.method), "limit-exceeded");
  await until(() => ["inactive", "failed"].includes(greedy.state), "it is stopped");
  assert.ok(await answers.stop() > 0);
  assert.equal(greedy.error, error);
  const violations = events.seen.flatMap((event) => event.type === "violation" ? event : []);
  assert.deepEqual([...new Set(violations.map(({ plugin }) => plugin))], ["greedy"]);
  const last = violations.at(-1)!.violation;
  assert.equal(last.kind, greed.kind, last.message);
  assert.ok(last.measured! > 0 && last.limit! > 0, JSON.stringify(last));
  if (greedy.state === "inactive") {
    // the monitor found it: in the second sample that shows it, at the latest
    assert.ok(last.measured! >= last.limit!, JSON.stringify(last));
    const run = longestRun(breaks(greed, samples));
    assert.ok(run === 1 || run === 2, `${run} samples`);
    assert.deepEqual(error.details.kind, greed.kind);
  } else assert.match(greed.kind, /^(memory|threads|descriptors)$/); // the kernel or the runtime was faster still
  await until(() => !isAlive(pid!), "its process is gone");
  assert.equal(calm.state, "active");
}

for (const [what, greed] of Object.entries(GREEDS)) {
  sandboxTest(
    `greed for ${what} is recorded and stopped within two intervals, in bwrap`,
    "bwrap",
    () => isStopped("bwrap", greed),
  );
  // what the host counts itself, it counts the same without a sandbox
  if (["messages", "the log", "disk"].includes(what)) continue;
  Deno.test(`greed for ${what} is recorded and stopped within two intervals, plain`, () =>
    isStopped("plain", greed));
}

Deno.test("the control: where the policy only records, greed goes on", async () => {
  const greed = GREEDS["the log"]!;
  const { test, host } = await open("plain", greed, RECORD_ONLY);
  await using _ = test;
  const events = recordEvents(host);
  const greedy = await host.load(await test.bundle("greedy", GREEDY, greed.manifest));
  greedy.call(greed.method).catch(() => {});
  const severe = () =>
    events.seen.filter((event) =>
      event.type === "violation" && event.violation.severity === "critical"
    );
  await until(() => severe().length >= 3, "three samples more");
  assert.ok(severe().every((event) => event.type === "violation" && event.action === "record"));
  assert.equal(greedy.state, "active");
  assert.equal(await greedy.call("ping"), "pong");
});
