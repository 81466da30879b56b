import assert from "node:assert/strict";
import {
  allowed,
  answered,
  type Attack,
  denied,
  ended,
  exitedWith,
  ranOn,
  type Report,
  timedOut,
} from "../attack.ts";

const direct = { by: "direct", succeeded: allowed } as const;
const forever = { by: "direct", succeeded: ranOn } as const;

function acts(rows: string[], what: string, method: string, rest: Partial<Attack> = {}): Attack {
  return {
    rows,
    what,
    plugin: "processes",
    group: "processes",
    call: [method],
    contained: denied,
    control: direct,
    ...rest,
  };
}

/** Ends, whatever the code says, as a crash that shows nothing of the machine. */
function crashed(report: Report): void {
  ended("crashed")(report);
  assert.ok(!showsPlace(report), JSON.stringify(report.error));
}

/** Whether an error shows where the host keeps things. */
function showsPlace({ error }: Report): boolean {
  return /sallyport-|zoo/.test(JSON.stringify(error?.details ?? ""));
}

const ending = (
  what: string,
  method: string,
  params: Record<string, unknown>,
  succeeded: (report: Report) => void,
  rows = ["PR-12"],
): Attack =>
  acts(rows, what, method, {
    group: undefined,
    call: [method, params],
    contained: crashed,
    control: { by: "direct", succeeded },
  });

const stays = (
  rows: string[],
  what: string,
  method: string,
  succeeded: (report: Report) => void = ranOn,
): Attack => ({
  rows,
  what,
  plugin: "stays",
  call: [method],
  timeoutMs: 250,
  contained: timedOut,
  control: { by: "direct", succeeded },
});

/** Attacks on other processes and by its own end. */
export const PROCESS_ATTACKS: readonly Attack[] = [
  acts(["PR-01"], "starts programs", "spawns"),
  acts(["PR-02", "PR-03"], "signals its host, its group and everybody", "signals"),
  stays(["PR-04"], "stops itself", "stop"),
  {
    ...stays(["PR-05", "PR-06", "PR-07"], "ignores every wish that it end", "ping"),
    contained(report) {
      answered(report);
      assert.ok(report.ms.unload < 8_000, `it took ${report.ms.unload} ms`);
    },
    control: forever,
  },
  stays(["PR-05", "PR-07"], "is in a loop when it should end", "spin"),
  ending("exits with success in the middle of a call", "exits", { code: 0 }, exitedWith(0), [
    "PR-09",
  ]),
  ending("exits with a failure", "exits", { code: 70 }, exitedWith(70), ["PR-09"]),
  acts(["PR-10"], "replaces the ways to exit", "replacesExit", {
    group: undefined,
    contained(report) {
      allowed(report);
      assert.ok(report.ms.unload < 4_000, `it took ${report.ms.unload} ms`);
    },
  }),
  acts(["PR-11"], "dies after it promised much", "diesLater", {
    group: undefined,
    contained(report) {
      assert.deepEqual(report.answer, { promised: "much" });
      assert.equal(report.after, "failed");
    },
    async after({ plugin }) {
      const deadline = Date.now() + 5_000;
      while (plugin!.state === "active" && Date.now() < deadline) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return plugin!.state;
    },
    control: { by: "direct", succeeded: exitedWith(0) },
  }),
  ending("aborts", "aborts", {}, exitedWith(134, "SIGABRT")),
  ending("makes the runtime panic", "panics", {}, ({ exit }) => assert.notEqual(exit?.code, 0)),
  {
    ...ending(
      "ends itself by SIGUSR1",
      "raises",
      { signal: "SIGUSR1" },
      exitedWith(138, "SIGUSR1"),
    ),
    timeoutMs: 1_000,
    // the first process of a namespace does not get it
    contained: (report) => report.error?.code === "timeout" ? timedOut(report) : crashed(report),
  },
  acts(["PR-13", "PR-14"], "raises the limit of its heap", "setsV8Flags", {
    group: undefined,
    contained({ answer, after }) {
      assert.deepEqual(answer, { flags: "ok" }, "the flags are of no use");
      assert.equal((after as { code: string }).code, "limit-exceeded");
    },
    async after({ plugin }) {
      return await plugin!.call("fillsHeap", { mib: 200 }).then(
        () => "filled",
        ({ code, message }) => ({ code, message }),
      );
    },
    control: {
      by: "direct",
      params: { again: "fillsHeap", params: { mib: 200 } },
      succeeded: ({ answer }) => assert.deepEqual(answer, { heap: "ok" }),
    },
  }),
  acts(["PR-15"], "calls native code", "native", {
    control: {
      by: "direct",
      succeeded(report) {
        const ways = report.answer as Record<string, string>;
        for (const way of ["dlopen", "dlopen in a worker", "a pointer", "a callback"]) {
          assert.match(ways[way]!, /^ok/, way);
        }
      },
    },
  }),
  acts(["PR-16"], "changes its ids and its folder", "identity"),
  acts(["PR-17"], "opens the inspector", "inspector"),
  acts(["PR-18"], "reaches the runtime's operations in a worker", "operations"),
  acts(["PR-19"], "asks for permissions", "permissions"),
  acts(["PR-19", "PR-20"], "asks the person at the terminal", "prompts", {
    contained: ({ answer }) => assert.deepEqual(answer, { answers: [null, false, null] }),
    control: { by: "nothing", because: "a test has no person at the terminal" },
  }),
  acts(["PR-20"], "uses node's internal bindings", "binding", {
    control: { by: "nothing", because: "the runtime does not have them, whatever the flags" },
  }),
];
