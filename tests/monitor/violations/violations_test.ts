import assert from "node:assert/strict";
import fc from "fast-check";
import { SallyportError } from "../../../src/errors.ts";
import {
  createViolation,
  SEVERITY_WEIGHTS,
  type Violation,
  ViolationLog,
  violationOfBreach,
  violationOfError,
} from "../../../src/monitor/violations/violations.ts";
import {
  VIOLATION_KINDS,
  VIOLATION_SEVERITIES,
  type ViolationKind,
  type ViolationSeverity,
} from "../../../src/permissions/policy/watch_policy.ts";

const NOW = new Date("2027-01-31T12:00:00Z");

function violation(kind: ViolationKind = "cpu", severity: ViolationSeverity = "low"): Violation {
  return createViolation({ kind, severity, code: "limit-exceeded", message: "x" }, NOW);
}

Deno.test("createViolation() makes hostile text safe, bounds it and leaves out what is no number", () => {
  const made = createViolation({
    kind: "log-rate",
    code: "limit-exceeded",
    message: `\u001b[31m${"x".repeat(5_000)}`,
    measured: NaN,
    limit: Infinity,
    unit: "lines\u202e",
    severity: "high",
  }, NOW);
  assert.ok(Object.isFrozen(made));
  assert.equal(made.time, "2027-01-31T12:00:00.000Z");
  assert.match(made.message, /^\\u001b\[31mx+…$/);
  assert.ok(made.message.length < 1_100);
  assert.equal(made.unit, "lines\\u202e");
  assert.ok(!("measured" in made) && !("limit" in made));
});

Deno.test("violationOfBreach() says what was measured and what was allowed", () => {
  const made = violationOfBreach("greedy", {
    kind: "memory",
    measured: 300,
    limit: 128,
    unit: "bytes",
    severity: "critical",
  }, NOW);
  assert.deepEqual(made, {
    time: NOW.toISOString(),
    kind: "memory",
    code: "limit-exceeded",
    message: 'Plugin "greedy" broke its limit of memory: 300 bytes where 128 bytes are allowed',
    measured: 300,
    limit: 128,
    unit: "bytes",
    severity: "critical",
  });
});

Deno.test("violationOfError() tells the kind by the limit's name, else by the code", () => {
  const kindOf = (code: SallyportError["code"], details = {}) => {
    const { kind, severity } = violationOfError(new SallyportError(code, "x", { details }), NOW);
    return `${kind} ${severity}`;
  };
  assert.equal(kindOf("protocol-violation"), "protocol high");
  assert.equal(kindOf("protocol-violation", { maxMessageBytes: 1_024 }), "message-size high");
  assert.equal(kindOf("limit-exceeded", { limit: "memoryBytes", value: 5 }), "memory high");
  assert.equal(kindOf("limit-exceeded", { limit: "storageBytes" }), "storage high");
  assert.equal(kindOf("limit-exceeded", { limit: "toString" }), "crash high");
  assert.equal(kindOf("timeout"), "call-duration medium");
  assert.equal(kindOf("service-denied"), "permission low");
  assert.equal(kindOf("crashed"), "crash medium");
  const error = new SallyportError("limit-exceeded", "x", {
    details: { limit: "memoryBytes", value: 100, peakMemoryBytes: 99 },
  });
  const { measured, limit, unit, severity } = violationOfError(error, NOW, "critical");
  assert.deepEqual({ measured, limit, unit, severity }, {
    measured: 99,
    limit: 100,
    unit: "bytes",
    severity: "critical",
  });
});

Deno.test("ViolationLog keeps the latest hundred and counts what it dropped, until reset()", () => {
  const log = new ViolationLog();
  assert.equal(log.last, undefined);
  const all = Array.from({ length: 130 }, () => violation());
  for (const [index, each] of all.entries()) log.add(each, index);
  assert.deepEqual(log.entries, all.slice(30));
  assert.ok(log.entries.every((entry, index) => entry === all[index + 30]));
  assert.equal(log.last, all.at(-1));
  assert.equal(log.dropped, 30);
  log.reset();
  assert.deepEqual([log.entries.length, log.dropped, log.weight(), log.last], [0, 0, 0, undefined]);
});

Deno.test("ViolationLog weighs what ended within the window, and what counts for a filter", () => {
  const log = new ViolationLog({ windowMs: 1_000 });
  log.add(violation("memory", "high"), 0);
  log.add(violation("cpu", "low"), 500);
  log.add(violation("cpu", "critical"), 999);
  assert.equal(log.weight(), 16);
  assert.equal(log.weight({ kind: "cpu" }), 11);
  assert.equal(log.weight({ severity: "high" }), 15);
  assert.equal(log.weight({ kind: "cpu", severity: "medium" }), 10);
  assert.equal(log.weight({ kind: "threads" }), 0);
  assert.equal(log.weight({}, 1_000), 11, "one that is as old as the window is long is out");
  assert.equal(log.weight({}, 1_999), 0);
});

Deno.test("ViolationLog: a flood of mild violations pushes out no grave one", () => {
  const log = new ViolationLog();
  log.add(violation("permission", "high"), 0);
  for (let index = 0; index < 5_000; index++) log.add(violation("permission", "low"), 1);
  assert.equal(log.weight({ severity: "high" }), 5);
  assert.ok(log.weight() >= 100);
});

Deno.test("ViolationLog refuses a window out of bounds and a time that is none", () => {
  for (const windowMs of [0, 999, 1_000.5, 86_400_001, NaN]) {
    assert.throws(() => new ViolationLog({ windowMs }), RangeError);
  }
  assert.throws(() => new ViolationLog().add(violation(), NaN), RangeError);
});

const history = fc.array(
  fc.record({
    kind: fc.constantFrom(...VIOLATION_KINDS),
    severity: fc.constantFrom(...VIOLATION_SEVERITIES),
    // a clock that goes back, too
    step: fc.integer({ min: -2_000, max: 5_000 }),
  }),
  { maxLength: 300, size: "max" },
);

Deno.test("ViolationLog: the list stays within its cap, and dropped is exact (property)", () => {
  fc.assert(fc.property(history, (steps) => {
    const log = new ViolationLog();
    let now = 0;
    for (const { kind, severity, step } of steps) log.add(violation(kind, severity), now += step);
    assert.equal(log.entries.length, Math.min(steps.length, 100));
    assert.equal(log.dropped, Math.max(0, steps.length - 100));
  }));
});

Deno.test("ViolationLog: the window never counts an old violation, and misses none (property)", () => {
  const windows = fc.integer({ min: 1_000, max: 20_000 });
  fc.assert(fc.property(history, windows, fc.nat(30_000), (steps, windowMs, later) => {
    const log = new ViolationLog({ windowMs });
    const added: { of: Violation; at: number }[] = [];
    let now = 0;
    let latest = -Infinity;
    for (const { kind, severity, step } of steps) {
      const of = violation(kind, severity);
      latest = Math.max(latest, now += step);
      log.add(of, now);
      added.push({ of, at: latest });
    }
    if (added.length === 0) return;
    const end = latest + later;
    for (const severity of VIOLATION_SEVERITIES) {
      for (const kind of [undefined, "cpu", "memory"] as const) {
        const counted = added.filter(({ of, at }) =>
          at > end - windowMs && (kind === undefined || of.kind === kind) &&
          SEVERITY_WEIGHTS[of.severity] >= SEVERITY_WEIGHTS[severity]
        );
        const expected = counted.reduce((sum, { of }) => sum + SEVERITY_WEIGHTS[of.severity], 0);
        const weight = log.weight({ kind, severity }, end);
        assert.equal(Math.min(weight, 100), Math.min(expected, 100));
        assert.ok(weight <= expected);
      }
    }
  }));
});
