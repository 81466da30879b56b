import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decide,
  isAtLeast,
  standingAction,
  type ViolationRules,
  violationRules,
} from "../../../src/monitor/violations/response.ts";
import { createViolation, ViolationLog } from "../../../src/monitor/violations/violations.ts";
import {
  VIOLATION_ACTIONS,
  VIOLATION_KINDS,
  VIOLATION_SEVERITIES,
  type ViolationKind,
  type ViolationSeverity,
} from "../../../src/permissions/policy/watch_policy.ts";

const NOW = new Date("2027-01-31T12:00:00Z");

function violation(kind: ViolationKind, severity: ViolationSeverity) {
  return createViolation(
    { kind, severity, code: "limit-exceeded", message: `too much ${kind}` },
    NOW,
  );
}

/** Adds violations one second apart, and gives the action that each one brings. */
function actions(
  rules: ViolationRules,
  happened: readonly (readonly [ViolationKind, ViolationSeverity])[],
  stepMs = 1_000,
): string[] {
  const log = new ViolationLog(rules);
  return happened.map(([kind, severity], index) => {
    const each = violation(kind, severity);
    log.add(each, index * stepMs);
    return decide(log, each, rules).action;
  });
}

const repeat = (count: number, kind: ViolationKind, severity: ViolationSeverity) =>
  Array.from({ length: count }, () => [kind, severity] as const);

Deno.test("violationRules() records and unloads at 10 within 60 s unless told otherwise", () => {
  const rules = violationRules();
  assert.deepEqual(rules, {
    windowMs: 60_000,
    threshold: 10,
    responses: [{ action: "unload", except: "permission", at: 10 }],
  });
  assert.ok(Object.isFrozen(rules) && Object.isFrozen(rules.responses[0]));
  assert.deepEqual(violationRules({ threshold: 3 }).responses, [
    { action: "unload", except: "permission", at: 3 },
  ]);
  const own = violationRules({ threshold: 7, responses: [{ action: "warn", kind: "cpu" }] });
  assert.deepEqual(own.responses, [{ action: "warn", kind: "cpu", at: 7 }]);
});

Deno.test("decide() by default unloads on the tenth low violation, not on the ninth", () => {
  const found = actions(violationRules(), repeat(10, "descriptors", "low"));
  assert.deepEqual(found, [...Array(9).fill("record"), "unload"]);
  const denied = actions(violationRules(), repeat(100, "permission", "low"));
  assert.deepEqual(new Set(denied), new Set(["record"]), "a denial has done no harm");
});

Deno.test("decide() by default unloads on two high violations, or one critical one", () => {
  assert.deepEqual(actions(violationRules(), repeat(2, "cpu", "high")), ["record", "unload"]);
  assert.deepEqual(actions(violationRules(), repeat(1, "memory", "critical")), ["unload"]);
});

Deno.test("decide() never unloads for violations that are further apart than the window", () => {
  const found = actions(violationRules(), repeat(100, "cpu", "high"), 60_000);
  assert.deepEqual(new Set(found), new Set(["record"]));
});

Deno.test("decide() answers by degrees, in whatever order they are written", () => {
  const responses = [
    { at: 10, action: "quarantine" },
    { at: 1, action: "warn" },
    { at: 8, action: "unload" },
    { at: 5, action: "throttle" },
  ] as const;
  const found = actions(violationRules({ responses }), repeat(10, "log-rate", "low"));
  assert.deepEqual(found, [
    ...Array(4).fill("warn"),
    ...Array(3).fill("throttle"),
    ...Array(2).fill("unload"),
    "quarantine",
  ]);
});

Deno.test("decide() with an empty list only records", () => {
  const found = actions(violationRules({ responses: [] }), repeat(30, "memory", "critical"));
  assert.deepEqual(new Set(found), new Set(["record"]));
});

Deno.test("decide() counts a response's own kind and severity only", () => {
  const rules = violationRules({
    responses: [
      { kind: "memory", severity: "critical", at: 1, action: "unload" },
      { kind: "log-rate", at: 2, action: "throttle" },
    ],
  });
  assert.deepEqual(
    actions(rules, [
      ["memory", "high"],
      ["log-rate", "low"],
      ["cpu", "critical"],
      ["log-rate", "low"],
      ["memory", "critical"],
      ["cpu", "low"], // what came before does not unload it again for something else
    ]),
    ["record", "record", "record", "throttle", "unload", "record"],
  );
});

Deno.test("decide() says why, with the response that asked for it", () => {
  const rules = violationRules({
    responses: [{ kind: "cpu", severity: "high", at: 5, action: "unload" }],
  });
  const log = new ViolationLog(rules);
  const each = violation("cpu", "high");
  log.add(each, 0);
  const decision = decide(log, each, rules);
  assert.equal(decision.weight, 5);
  assert.equal(decision.response, rules.responses[0]);
  assert.match(decision.reason, /^too much cpu \(violations of cpu, high or worse weigh 5 within/);
});

Deno.test("decide() refuses a violation that was not just added", () => {
  const log = new ViolationLog();
  const first = violation("cpu", "low");
  assert.throws(() => decide(log, first, violationRules()), TypeError);
  log.add(first, 0);
  log.add(violation("cpu", "low"), 0);
  assert.throws(() => decide(log, first, violationRules()), TypeError);
});

Deno.test("standingAction() falls as violations leave the window", () => {
  const rules = violationRules({
    windowMs: 1_000,
    responses: [{ at: 1, action: "warn" }, { at: 2, action: "throttle" }],
  });
  const log = new ViolationLog(rules);
  assert.equal(standingAction(log, rules, 0), "record");
  log.add(violation("cpu", "low"), 0);
  log.add(violation("cpu", "low"), 500);
  assert.equal(standingAction(log, rules, 999), "throttle");
  assert.equal(standingAction(log, rules, 1_000), "warn");
  assert.equal(standingAction(log, rules, 1_500), "record");
});

const kinds = fc.constantFrom(...VIOLATION_KINDS);
const severities = fc.constantFrom(...VIOLATION_SEVERITIES);
const policies = fc.record({
  windowMs: fc.integer({ min: 1_000, max: 60_000 }),
  threshold: fc.integer({ min: 1, max: 100 }),
  responses: fc.array(
    fc.record(
      {
        at: fc.integer({ min: 1, max: 100 }),
        kind: kinds,
        severity: severities,
        action: fc.constantFrom(...VIOLATION_ACTIONS),
      },
      { requiredKeys: ["action"] },
    ),
    { maxLength: 6 },
  ),
}, { requiredKeys: [] });
const happenings = fc.array(fc.tuple(kinds, severities), {
  minLength: 1,
  maxLength: 60,
  size: "max",
});

Deno.test("decide() gives the same for the same, asked again too (property)", () => {
  fc.assert(fc.property(policies, happenings, fc.nat(5_000), (policy, happened, stepMs) => {
    const rules = violationRules(policy);
    assert.deepEqual(actions(rules, happened, stepMs), actions(rules, happened, stepMs));
    const log = new ViolationLog(rules);
    for (const [index, [kind, severity]] of happened.entries()) {
      const each = violation(kind, severity);
      log.add(each, index * stepMs);
      assert.deepEqual(decide(log, each, rules), decide(log, each, rules));
    }
  }));
});

Deno.test("decide() is never milder because a response was added (property)", () => {
  fc.assert(fc.property(policies, happenings, (policy, happened) => {
    const [, ...fewer] = policy.responses ?? [{ action: "warn" }];
    const all = actions(violationRules(policy), happened);
    const some = actions(violationRules({ ...policy, responses: fewer }), happened);
    for (const [index, action] of all.entries()) {
      assert.ok(isAtLeast(action as "warn", some[index] as "warn"), `${action}, ${some[index]}`);
    }
  }));
});
