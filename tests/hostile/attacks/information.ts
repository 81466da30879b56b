import assert from "node:assert/strict";
import { allowed, type Attack, denied, type Report } from "../attack.ts";

function learns(rows: string[], what: string, method: string, rest: Partial<Attack>): Attack {
  return {
    rows,
    what,
    plugin: "information",
    group: "information",
    call: [method],
    contained: denied,
    control: { by: "direct", succeeded: allowed },
    ...rest,
  };
}

const shownBy = (report: Report) => JSON.stringify(report.answer);
const PLACE = /sallyport-|zoo-|\/home|\/root/;

/** Attacks that only want to know. */
export const INFORMATION_ATTACKS: readonly Attack[] = [
  learns(["IN-01", "LA-03"], "reads the environment", "environment", {}),
  learns(["IN-03"], "asks about the machine and its user", "machine", {}),
  learns(["IN-02"], "looks where it is", "place", {
    contained: (report) => assert.doesNotMatch(shownBy(report), PLACE),
    control: { by: "plain", succeeded: (report) => assert.match(shownBy(report), PLACE) },
  }),
  learns(["IN-04"], "looks at process ids", "ids", {
    contained({ answer, after }) {
      const { pid, ppid } = answer as { pid: number; ppid: number };
      assert.ok(pid < 20 && ppid < 20, `${pid} and ${ppid} are not of a namespace of its own`);
      assert.notEqual(pid, after);
    },
    after: ({ plugin }) => Promise.resolve(plugin!.pid),
    control: {
      by: "plain",
      succeeded: ({ answer, after }) => assert.equal((answer as { pid: number }).pid, after),
    },
  }),
  learns(["IN-06"], "looks at the frames below its own", "frames", {
    contained: (report) => assert.doesNotMatch(shownBy(report), PLACE),
    control: { by: "plain", succeeded: (report) => assert.match(shownBy(report), PLACE) },
  }),
];
