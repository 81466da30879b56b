import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../src/bundle/manifest/limits.ts";
import { BreachWatch } from "../../../src/monitor/violations/breach_watch.ts";
import type { SampleLimits } from "../../../src/monitor/violations/limits_check.ts";
import type { PluginSample } from "../../../src/monitor/samples/sample.ts";

const MIB = 1024 * 1024;
const LIMITS: SampleLimits = {
  ...DEFAULT_LIMITS,
  messagesPerSecond: 100,
  logLinesPerSecond: 50,
  hostPercent: 50,
};

/** Feeds samples to a watch; gives what each of them breaks. */
function watch(...samples: Partial<PluginSample>[]): string[][] {
  const breaches = new BreachWatch();
  let previous: PluginSample | undefined;
  return samples.map((figures) => {
    const sample: PluginSample = {
      time: "2026-01-01T00:00:00.000Z",
      plugin: "sample",
      version: "1.0.0",
      bundleHash: "",
      pid: 1,
      sources: {},
      elapsedMs: 1_000,
      ...figures,
    };
    const found = breaches.check(sample, LIMITS, previous);
    previous = sample;
    return found.map(({ kind, severity }) => `${kind} ${severity}`);
  });
}

Deno.test("BreachWatch takes a breach that lasts into the next sample for critical", () => {
  const over: Record<string, Partial<PluginSample>> = {
    descriptors: { fileDescriptors: 256 },
    connections: { connections: 51 },
    "message-rate": { unaskedPerSecond: 101 },
    "log-rate": { logLinesPerSecond: 51 },
  };
  for (const [kind, figures] of Object.entries(over)) {
    assert.deepEqual(watch(figures, figures), [[`${kind} low`], [`${kind} critical`]]);
    // the control: once and over, and each begins anew
    const once = [[`${kind} low`], [], [`${kind} low`]];
    assert.deepEqual(watch(figures, {}, figures), once);
  }
  const held = { hostPercent: 50, hostHeldPercent: 40 };
  assert.deepEqual(watch(held, held, held), [[], ["host-time medium"], ["host-time medium"]]);
  const memory = { memoryBytes: 129 * MIB };
  assert.deepEqual(watch(memory, memory), [["memory high"], ["memory critical"]]);
  // one kind after another does not last
  assert.deepEqual(
    watch({ connections: 51 }, { logLinesPerSecond: 51 }),
    [["connections low"], ["log-rate low"]],
  );
});

Deno.test("BreachWatch forgets with a new process", () => {
  const breaches = new BreachWatch();
  const sample = { fileDescriptors: 256 } as PluginSample;
  const severities = [undefined, sample, undefined].map((previous) =>
    breaches.check(sample, LIMITS, previous)[0]!.severity
  );
  assert.deepEqual(severities, ["low", "critical", "low"]);
});

Deno.test("BreachWatch leaves processor time to what was wanted", () => {
  const busy = { cpuPercent: 120 };
  assert.deepEqual(watch(busy, busy, busy), [[], ["cpu low"], ["cpu low"]]);
  const greedy = { cpuPercent: 160 };
  assert.deepEqual(watch(greedy, greedy), [[], ["cpu critical"]]);
});

Deno.test("BreachWatch takes a plugin that keeps its threads after a refusal for one that stays", () => {
  const refused = { threads: 32, refusedThreads: 1 };
  assert.deepEqual(watch(refused, refused), [["threads low"], ["threads critical"]]);
  assert.deepEqual(
    watch({ threads: 20, refusedThreads: 1 }, { threads: 20, refusedThreads: 2 }),
    [["threads low"], ["threads critical"]],
  );
  // the controls: it let go of some; it has many and was refused none
  assert.deepEqual(watch(refused, { threads: 28, refusedThreads: 1 }), [["threads low"], []]);
  assert.deepEqual(watch({ threads: 32 }, { threads: 32 }), [[], []]);
});

Deno.test("BreachWatch says nothing of storage that was not walked through again", () => {
  const at = (storageWalks: number, storageBytes = 65 * MIB) => ({ storageBytes, storageWalks });
  assert.deepEqual(
    watch(at(1), at(1), at(2)),
    [["storage low"], [], ["storage critical"]],
  );
  assert.deepEqual(watch(at(1), at(1), at(2, MIB)), [["storage low"], [], []]);
});
