import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../../src/bundle/manifest/limits.ts";
import { checkSample, type SampleLimits } from "../../../src/monitor/violations/limits_check.ts";
import type { PluginSample } from "../../../src/monitor/samples/sample.ts";
import { violationOfBreach } from "../../../src/monitor/violations/violations.ts";

const MIB = 1024 * 1024;
const LIMITS: SampleLimits = { ...DEFAULT_LIMITS, messagesPerSecond: 100, logLinesPerSecond: 50 };

function sampleOf(figures: Partial<PluginSample>): PluginSample {
  return {
    time: "2026-01-01T00:00:00.000Z",
    plugin: "sample",
    version: "1.0.0",
    bundleHash: "",
    pid: 1,
    sources: {},
    elapsedMs: 1_000,
    ...figures,
  };
}

function kinds(figures: Partial<PluginSample>, previous?: Partial<PluginSample>): string[] {
  return checkSample(sampleOf(figures), LIMITS, previous && sampleOf(previous))
    .map(({ kind, severity }) => `${kind} ${severity}`);
}

Deno.test("checkSample() finds nothing at the limits and nothing where nothing is known", () => {
  assert.deepEqual(checkSample(sampleOf({}), LIMITS), []);
  const at = {
    memoryBytes: DEFAULT_LIMITS.memoryBytes,
    cpuPercent: 104,
    threads: 32,
    refusedThreads: 0,
    fileDescriptors: 255,
    connections: 50,
    storageBytes: 64 * MIB,
    unaskedPerSecond: 100,
    messagesPerSecond: 100_000,
    logLinesPerSecond: 50,
  };
  assert.deepEqual(kinds(at, at), []);
  assert.deepEqual(checkSample(sampleOf({ memoryBytes: 1e12 }), {}), []);
});

Deno.test("checkSample() finds a plugin that the host holds back, sample after sample", () => {
  const limits = { hostPercent: 40 };
  const check = (figures: Partial<PluginSample>, previous?: Partial<PluginSample>) =>
    checkSample(sampleOf(figures), limits, previous && sampleOf(previous))
      .map(({ kind, measured, limit, severity }) => [kind, measured, limit, severity]);
  const held = { hostPercent: 38, hostHeldPercent: 50 };
  assert.deepEqual(check(held, held), [["host-time", 88, 40, "medium"]]);
  assert.deepEqual(check(held), [], "a burst");
  assert.deepEqual(check(held, { hostPercent: 38, hostHeldPercent: 10 }), []);
  assert.deepEqual(check({ hostPercent: 45 }, { hostPercent: 45 }), [], "no more than its share");
  assert.deepEqual(check({ hostPercent: 20, hostHeldPercent: 50 }, held), []);
});

Deno.test("checkSample() finds each limit that is broken, with its figures", () => {
  const over = sampleOf({
    memoryBytes: 129 * MIB,
    threads: 33,
    fileDescriptors: 256,
    connections: 51,
    storageBytes: 65 * MIB,
    unaskedPerSecond: 101,
    logLinesPerSecond: 51,
  });
  const breaches = checkSample(over, LIMITS);
  assert.deepEqual(
    breaches.map(({ kind, measured, limit, unit }) => [kind, measured, limit, unit]),
    [
      ["memory", 129 * MIB, 128 * MIB, "bytes"],
      ["threads", 33, 32, "threads"],
      ["descriptors", 256, 256, "fileDescriptors"],
      ["connections", 51, 50, "connections"],
      ["storage", 65 * MIB, 64 * MIB, "bytes"],
      ["message-rate", 101, 100, "per second"],
      ["log-rate", 51, 50, "per second"],
    ],
  );
  assert.match(
    violationOfBreach("sample", breaches[0]!, new Date()).message,
    /135266304 bytes where 134217728 bytes/,
  );
});

Deno.test("checkSample() takes processor time only over two samples", () => {
  assert.deepEqual(kinds({ cpuPercent: 300 }), []);
  assert.deepEqual(kinds({ cpuPercent: 300 }, { cpuPercent: 90 }), []);
  assert.deepEqual(kinds({ cpuPercent: 90 }, { cpuPercent: 300 }), []);
  assert.deepEqual(kinds({ cpuPercent: 300 }, { cpuPercent: 110 }), ["cpu high"]);
});

Deno.test("checkSample() takes being held back at its share for wanting more", () => {
  const held = { cpuPercent: 99, throttledPercent: 30 };
  assert.deepEqual(kinds(held, held), ["cpu medium"]);
  const [breach] = checkSample(sampleOf(held), LIMITS, sampleOf(held));
  assert.equal(breach!.measured, 129);
  assert.deepEqual(kinds(held, { cpuPercent: 99, throttledPercent: 3 }), []);
  // held back in bursts, but far from its share on the whole
  const burst = { cpuPercent: 40, throttledPercent: 80 };
  assert.deepEqual(kinds(burst, burst), []);
});

Deno.test("checkSample() takes half as much again as the share, twice in a row, for critical", () => {
  const spins = { cpuPercent: 99, throttledPercent: 80 };
  assert.deepEqual(kinds(spins, spins), ["cpu critical"]);
  assert.deepEqual(kinds({ cpuPercent: 150 }, { cpuPercent: 150 }), ["cpu critical"]);
  assert.deepEqual(kinds({ cpuPercent: 200 }, { cpuPercent: 149 }), ["cpu high"]);
});

Deno.test("checkSample() takes a refused thread as one too many, once", () => {
  assert.deepEqual(kinds({ threads: 20, refusedThreads: 2 }), ["threads low"]);
  assert.deepEqual(kinds({ threads: 20, refusedThreads: 2 }, { refusedThreads: 2 }), []);
  assert.deepEqual(kinds({ threads: 20, refusedThreads: 3 }, { refusedThreads: 2 }), [
    "threads low",
  ]);
  const [breach] = checkSample(sampleOf({ threads: 20, refusedThreads: 1 }), LIMITS);
  assert.equal(breach!.measured, 32);
});

Deno.test("checkSample() takes storage that cannot be counted for too much", () => {
  assert.deepEqual(kinds({ storageBytes: 1, storageUncounted: true }), ["storage low"]);
  const said = (storageBytes: number) => {
    const [breach] = checkSample(sampleOf({ storageBytes, storageUncounted: true }), LIMITS);
    const { message, measured, limit } = violationOfBreach("sample", breach!, new Date());
    return { message, measured, limit };
  };
  // a figure below the limit would be no breach: there is none, and the message says why
  assert.deepEqual(said(5), {
    message:
      'Plugin "sample" broke its limit of storage: folders that are too deep or too full to be ' +
      "counted, besides 5 bytes, where 67108864 bytes are allowed",
    measured: undefined,
    limit: 64 * MIB,
  });
  assert.equal(said(65 * MIB).measured, 65 * MIB);
});

Deno.test("checkSample() grades by the excess", () => {
  const severities = [51, 63, 100, 200].map((connections) => kinds({ connections })[0]);
  const expected = ["low", "medium", "high", "critical"].map((word) => `connections ${word}`);
  assert.deepEqual(severities, expected);
  assert.deepEqual(kinds({ memoryBytes: 128 * MIB + 1 }), ["memory high"]);
  assert.deepEqual(kinds({ memoryBytes: 160 * MIB }), ["memory critical"]);
  const none = checkSample(sampleOf({ connections: 1 }), { connections: 0 });
  assert.equal(none[0]!.severity, "critical");
});
