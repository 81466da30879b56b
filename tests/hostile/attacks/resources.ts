import assert from "node:assert/strict";
import { allowed, answered, type Attack, ended, ranOn, type Report, timedOut } from "../attack.ts";

const MIB = 1024 * 1024;

const SPINS = [
  ["RS-01", "a loop"],
  ["RS-02", "a loop in each of 4 workers"],
  ["RS-10", "microtasks"],
  ["RS-10", "timers"],
  ["RS-11", "a regular expression"],
  ["RS-12", "Atomics.wait"],
  ["RS-13", "a query"],
  ["RS-14", "WebAssembly"],
  ["RS-15", "a key derivation"],
  ["RS-18", "a big number"],
  ["RS-19", "a generator"],
] as const;

const MEMORY = [
  ["RS-03", "the heap"],
  ["RS-04", "array buffers"],
  ["RS-05", "WebAssembly memory"],
  ["RS-06", "blobs"],
  ["RS-06", "shared memory"],
  ["RS-17", "a bomb"],
  ["RS-04", "strings"],
] as const;

/** The figure is in the error, so that whoever reads it knows what to raise. */
function outOfMemory(report: Report): void {
  ended("limit-exceeded", /memory|heap/)(report);
  const { limit } = report.error!.details as { limit?: string };
  assert.equal(limit, "memoryBytes");
  assert.deepEqual(report.violations, ["limit-exceeded"]);
}

/** Gets an error, or breaks on one. */
function refusedThreads({ error }: Report): void {
  assert.ok(
    ["plugin-error", "crashed", "limit-exceeded"].includes(error?.code ?? ""),
    JSON.stringify(error),
  );
}

const share = async (count: number, stage: Parameters<NonNullable<Attack["after"]>>[0]) => {
  const { plugin } = stage;
  const used = async () => (await plugin!.usage()).cpuTimeMs ?? 0;
  const before = await used();
  const began = performance.now();
  let percent = 0;
  // without a limit it gets more sooner or later, however busy the machine is with other things
  for (let round = 0; round < (plugin!.sandbox?.cgroup ? 1 : 20) && percent <= 25; round++) {
    await new Promise((resolve) => setTimeout(resolve, 800));
    percent = Math.max(percent, (await used() - before) / (performance.now() - began) * 100);
  }
  return { count, percent };
};

/** Attacks on memory, processor, threads and descriptors. */
export const RESOURCE_ATTACKS: readonly Attack[] = [
  ...SPINS.map(([row, how]): Attack => ({
    rows: [row],
    what: `burns time in ${how}`,
    plugin: "spins",
    manifest: { limits: { cpuPercent: 30, memoryBytes: 256 * MIB } },
    call: ["spins", { how }],
    timeoutMs: 250,
    contained: timedOut,
    control: { by: "direct", succeeded: ranOn },
  })),
  {
    rows: ["RS-01", "RS-02"],
    what: "takes more than its share of the processor",
    plugin: "spins",
    manifest: { limits: { cpuPercent: 10 } },
    call: ["starts", { count: 4 }],
    quiet: true,
    contained({ after }) {
      const { percent } = after as { percent: number };
      assert.ok(percent < 20, `it got ${percent} % of a processor, and 10 were its share`);
    },
    after: (stage) => share(4, stage),
    control: {
      by: "plain",
      succeeded({ after }) {
        const { percent } = after as { percent: number };
        assert.ok(percent > 25, `it got ${percent} % of a processor without a limit`);
      },
    },
  },
  ...MEMORY.map(([row, what]): Attack => ({
    rows: [row],
    what: `fills ${what}`,
    plugin: "resources",
    manifest: { limits: { memoryBytes: 64 * MIB } },
    call: ["takes", { what, mib: 144 }],
    contained: outOfMemory,
    control: {
      by: "plain",
      succeeded: what === "the heap"
        // the heap is capped by the runtime itself
        ? ended(["limit-exceeded", "crashed"])
        : allowed,
    },
  })),
  {
    rows: ["RS-03", "RS-16"],
    what: "fills the stack",
    plugin: "resources",
    call: ["recursion"],
    contained({ error, after }) {
      assert.equal(error?.code, "plugin-error");
      assert.equal(after, "pong");
    },
    after: ({ plugin }) => plugin!.call("ping"),
    control: { by: "nothing", because: "the engine ends it, whatever the flags" },
  },
  {
    rows: ["RS-07"],
    what: "starts 40 workers",
    plugin: "resources",
    manifest: { limits: { memoryBytes: 1024 * MIB, threads: 24 } },
    call: ["workers", { count: 40 }],
    contained: refusedThreads,
    control: { by: "plain", succeeded: answered },
  },
  {
    rows: ["RS-08"],
    what: "grows a tree of workers",
    plugin: "resources",
    manifest: { limits: { memoryBytes: 1024 * MIB, threads: 24 } },
    call: ["tree", { depth: 4 }],
    contained: refusedThreads,
    control: { by: "plain", succeeded: answered },
  },
  {
    rows: ["RS-09"],
    what: "opens 400 files at once",
    plugin: "resources",
    files: { "own.txt": "its own" },
    manifest: { limits: { fileDescriptors: 96 } },
    call: ["descriptors", { count: 400 }],
    contained({ answer }) {
      const { descriptors } = answer as Record<string, string>;
      const after = Number(/too many open files.* after (\d+)$/.exec(descriptors!)?.[1]);
      assert.ok(after < 96, descriptors);
    },
    control: { by: "plain", succeeded: allowed },
  },
];
