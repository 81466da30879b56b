import assert from "node:assert/strict";
import { type Attack, keyOf, type Report } from "./attack.ts";
import { BYPASSES } from "./bypasses.ts";
import { type Lane, type LaneResult, Zoo } from "./lane.ts";
import { ATTACKS, CLASSES, ELSEWHERE, ofTheHost } from "./table.ts";

const REQUIRED = Deno.env.get("REQUIRE_SANDBOX") === "1";
const IS_ROOT = Deno.build.os === "linux" && Deno.uid() === 0;
const LINUX = Deno.build.os === "linux";

/** Attackers run in these, each once, whichever test asks first; those on the host's own code under each launcher. */
const LANES: readonly (Lane & { name: string })[] = [
  { name: "bwrap as root", launcher: "bwrap", root: true, act: "attack", onHost: true },
  { name: "unshare as root", launcher: "unshare", root: true, act: "attack", onHost: false },
  { name: "bwrap as a user", launcher: "bwrap", root: false, act: "attack", onHost: false },
  { name: "unshare as a user", launcher: "unshare", root: false, act: "attack", onHost: true },
];
const CONTROL: Lane & { name: string } = {
  name: "without the sandbox",
  launcher: "plain",
  root: IS_ROOT,
  act: "control",
  onHost: true,
};

let zoo: Promise<Zoo> | undefined;
const results = new Map<string, Promise<LaneResult>>();

function resultOf(lane: Lane & { name: string }): Promise<LaneResult> {
  let result = results.get(lane.name);
  if (result === undefined) {
    result = (zoo ??= Zoo.open()).then((zoo) => zoo.run(lane, Deno.env.get("ZOO_ONLY")));
    results.set(lane.name, result);
  }
  return result;
}

async function reportOf<T>(
  lane: Lane & { name: string },
  key: string,
  of: "attacks" | "bypasses",
): Promise<T> {
  const result = await resultOf(lane);
  const report = result[of].get(key);
  assert.ok(report !== undefined, `nothing was reported: ${result.stderr.slice(-2_000)}`);
  return report as T;
}

/** Tests that need root are left out elsewhere, but never where the sandbox is required. */
function test(name: string, lane: Lane, run: () => Promise<void>): void {
  const able = LINUX && (IS_ROOT || !lane.root);
  Deno.test({
    name: able ? name : `${name} (left out: it needs root)`,
    ignore: !able && !REQUIRED,
    async fn() {
      assert.ok(able, "REQUIRE_SANDBOX=1, but the tests do not run as root on Linux");
      await run();
    },
  });
}

function shorten(report: Report): string {
  return JSON.stringify({ ...report, sandbox: undefined }).slice(0, 4_000);
}

function check(report: Report, assertion: (report: Report) => void): void {
  try {
    assertion(report);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${shorten(report)}`, { cause: error });
  }
}

for (const lane of LANES) {
  test(`zoo, ${lane.name}: every layer is in force`, lane, async () => {
    const { lines, stderr } = await resultOf(lane);
    const { sandbox } = lines.get("witness") as { sandbox: Record<string, unknown> } ??
      assert.fail(stderr);
    const { namespaces, seccomp, cgroup, rlimits, diesWithHost, missing } = sandbox;
    assert.deepEqual(
      { namespaces, seccomp, cgroup, rlimits, diesWithHost, missing },
      {
        namespaces: true,
        seccomp: true,
        cgroup: true,
        rlimits: true,
        diesWithHost: "kernel",
        missing: [],
      },
    );
  });
  for (const attack of ATTACKS.filter((each) => lane.onHost || !ofTheHost(each))) {
    test(`zoo, ${lane.name}: ${keyOf(attack)}`, lane, async () => {
      const report = await reportOf<Report>(lane, keyOf(attack), "attacks");
      check(report, (report) => {
        attack.contained(report);
        assert.ok(report.witness, "the plugin beside it no longer answers");
        assert.ok(report.gone, "a process of it is left");
      });
    });
  }
  for (const filter of ["strict", "off"] as const) {
    for (const bypass of BYPASSES) {
      const what = `with every permission${filter === "off" ? " and no filter" : ""}, a plugin`;
      test(`zoo, ${lane.name}: ${what} ${bypass.what}`, lane, async () => {
        const key = `bypassed ${filter} ${bypass.probe}`;
        const report = await reportOf<never>(lane, key, "bypasses");
        check(report, (report) => bypass.contained(report as never, filter));
      });
    }
  }
  test(
    `zoo, ${lane.name}: nothing is left, neither on the machine nor outside of the grants`,
    lane,
    async () => {
      assert.deepEqual((await resultOf(lane)).left, []);
    },
  );
  test(
    `zoo, ${lane.name}: PR-08: plugins end with a host that is killed, and the next host sweeps`,
    lane,
    async () => {
      const { ended, left } = await (await (zoo ??= Zoo.open())).kill(lane);
      assert.ok(ended, "a plugin outlived its host");
      assert.deepEqual(left, []);
    },
  );
}

for (const attack of ATTACKS) {
  const { control } = attack;
  if (control.by !== "direct" && control.by !== "plain") continue;
  test(`zoo, ${CONTROL.name}: ${keyOf(attack)}`, CONTROL, async () => {
    check(await reportOf(CONTROL, keyOf(attack), "attacks"), control.succeeded);
  });
}

for (const { probe, what, succeeded } of BYPASSES) {
  if (succeeded === undefined) continue;
  const lane = { ...CONTROL, root: true };
  test(`zoo, ${CONTROL.name}: the opposite of: a plugin ${what}`, lane, async () => {
    check(await reportOf(CONTROL, `bypassed ${probe}`, "bypasses"), succeeded as never);
  });
}

Deno.test("zoo: every row of the table of threats is covered, or it says why not", () => {
  const covered = new Set([...ATTACKS.flatMap(({ rows }) => rows), ...Object.keys(ELSEWHERE)]);
  const all = Object.entries(CLASSES).flatMap(([name, count]) =>
    Array.from({ length: count }, (_, index) => `${name}-${String(index + 1).padStart(2, "0")}`)
  );
  assert.deepEqual(all.filter((row) => !covered.has(row)), []);
  assert.deepEqual([...covered].filter((row) => !all.includes(row)), []);
});

Deno.test("zoo: every attack has a name of its own, and a control or a reason", () => {
  const keys = ATTACKS.map(keyOf);
  assert.equal(new Set(keys).size, keys.length);
  const reasonless = (attack: Attack) =>
    attack.control.by === "nothing" && attack.control.because.length < 10 ||
    attack.control.by === "itself" && attack.after === undefined;
  assert.deepEqual(ATTACKS.filter(reasonless).map(keyOf), []);
});

Deno.test.afterAll(async () => {
  await (await zoo)?.[Symbol.asyncDispose]();
});
