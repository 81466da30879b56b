import assert from "node:assert/strict";
import fc from "fast-check";
import {
  NO_CRASHES,
  planRestart,
  type RestartRules,
  restartRules,
  type RestartStep,
} from "../../../src/monitor/violations/restart_plan.ts";

/** Plays crashes, each so long after the process was started again. */
function play(
  rules: RestartRules,
  uptimesMs: readonly number[],
  random: () => number = () => 1,
): RestartStep[] {
  const steps: RestartStep[] = [];
  let history = NO_CRASHES;
  let now = 5_000;
  for (const uptime of uptimesMs) {
    now += uptime;
    const planned = planRestart(history, now, rules, random);
    history = planned.history;
    steps.push(planned.step);
    if (planned.step.action === "restart") now += planned.step.delayMs;
  }
  return steps;
}

const delays = (steps: RestartStep[]) =>
  steps.map((step) => step.action === "restart" ? step.delayMs : step.action);

Deno.test("planRestart() doubles the longest wait up to its cap, then ends the loop", () => {
  const rules = restartRules({ maxRestarts: 6, maxBackoffMs: 4_000 });
  assert.deepEqual(delays(play(rules, Array(7).fill(10))), [
    500,
    1_000,
    2_000,
    4_000,
    4_000,
    4_000,
    "quarantine",
  ]);
});

Deno.test("planRestart() leaves to chance as much of a wait as the jitter says", () => {
  const wait = (jitter: number, chance: number) =>
    delays(play(restartRules({ backoffMs: 1_000, jitter }), [0], () => chance))[0];
  assert.deepEqual([wait(1, 0), wait(1, 0.5), wait(1, 1)], [0, 500, 1_000]);
  assert.deepEqual([wait(0, 0), wait(0, 1)], [1_000, 1_000]);
  assert.deepEqual([wait(0.2, 0), wait(0.2, 1)], [800, 1_000]);
});

Deno.test("planRestart() begins anew after the plugin ran for longer than the window", () => {
  const rules = restartRules({ maxRestarts: 2, windowMs: 60_000 });
  const steps = play(rules, [0, 0, 60_000, 59_999, 0]);
  assert.deepEqual(delays(steps), [500, 1_000, 500, 1_000, "quarantine"]);
  const { reason } = steps.at(-1) as { reason: string };
  assert.equal(reason, "it crashed 3 times within 60000 ms of running");
});

Deno.test("planRestart() does not let long waits hide a loop", () => {
  // each wait is longer than the window
  const rules = restartRules({ maxRestarts: 3, windowMs: 1_000, backoffMs: 60_000 });
  assert.equal(play(rules, [0, 100, 100, 100]).at(-1)!.action, "quarantine");
});

Deno.test("planRestart() with no restarts leaves the plugin and quarantines nothing", () => {
  const steps = play(restartRules({ maxRestarts: 0 }), Array(20).fill(0));
  assert.deepEqual(new Set(delays(steps)), new Set(["none"]));
});

Deno.test("planRestart() changes no history, and freezes the one it gives", () => {
  const rules = restartRules();
  const { history } = planRestart(NO_CRASHES, 0, rules);
  assert.deepEqual(NO_CRASHES, { crashes: [], waitedMs: 0 });
  assert.ok(Object.isFrozen(history) && Object.isFrozen(history.crashes));
});

Deno.test("planRestart() refuses a time and a chance that are none", () => {
  const rules = restartRules();
  assert.throws(() => planRestart(NO_CRASHES, NaN, rules), RangeError);
  for (const chance of [-0.1, 1.1, NaN]) {
    assert.throws(() => planRestart(NO_CRASHES, 0, rules, () => chance), RangeError);
  }
});

const rulesOf = fc.record({
  maxRestarts: fc.integer({ min: 1, max: 100 }),
  windowMs: fc.integer({ min: 1_000, max: 86_400_000 }),
  backoffMs: fc.integer({ min: 1, max: 3_600_000 }),
  maxBackoffMs: fc.integer({ min: 1, max: 86_400_000 }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});

Deno.test("planRestart(): a wait stays within its bounds (property)", () => {
  fc.assert(fc.property(
    rulesOf,
    fc.array(fc.nat(100_000), { minLength: 1, maxLength: 120, size: "max" }),
    fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
    (rules, uptimes, chances) => {
      const steps = play(restartRules(rules), uptimes, () => chances.next().value as number);
      for (const step of steps) {
        if (step.action !== "restart") continue;
        const longest = Math.min(rules.maxBackoffMs, rules.backoffMs * 2 ** (step.attempt - 1));
        assert.ok(Number.isSafeInteger(step.delayMs) && step.delayMs >= 0);
        assert.ok(step.delayMs <= longest);
        assert.ok(step.delayMs >= Math.floor(longest * (1 - rules.jitter)));
        assert.ok(step.attempt >= 1 && step.attempt <= rules.maxRestarts);
      }
    },
  ));
});

Deno.test("planRestart(): a plugin that crashes at once ends in quarantine (property)", () => {
  fc.assert(fc.property(rulesOf, fc.double({ min: 0, max: 1, noNaN: true }), (rules, chance) => {
    const steps = play(restartRules(rules), Array(rules.maxRestarts + 1).fill(0), () => chance);
    assert.equal(steps.findIndex(({ action }) => action === "quarantine"), rules.maxRestarts);
  }));
});
