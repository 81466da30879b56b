/** A start that takes too long says what did, and how long it had. */
import assert from "node:assert/strict";
import { SallyportError } from "../../src/errors.ts";
import { startError } from "../../src/host/instance_end.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest } from "../helpers/host.ts";

const MAINS: [phase: string, main: string, message: RegExp, hint: RegExp][] = [
  [
    "import",
    "await new Promise(() => {}); export default {};",
    /its module was not imported/,
    /imported/,
  ],
  ["init", "export default { init: () => new Promise(() => {}) };", /its init did not end/, /init/],
  // sends nothing any more
  ["init", "export default { init() { for (;;); } };", /its init did not end/, /init/],
];

for (const lane of ["socket", "stdio"] as const) {
  for (const [index, [phase, main, message, hint]] of MAINS.entries()) {
    Deno.test(`a start that is late in its ${phase} says so (${index + 1}), lane ${lane}`, async () => {
      await using test = await hostTest();
      const host = await test.open({ startTimeoutMs: 1_500, lane });
      const error = await assertRejectsWithCode(
        host.load(await test.bundle("late", main)),
        "launch-failed",
        message,
      );
      assert.match(error.message, /within 1500 ms$/);
      assert.equal(error.details.phase, phase);
      assert.equal(error.details.timeoutMs, 1_500);
      assert.match(error.hint!, hint);
      assert.match(error.hint!, /or raise startTimeoutMs$/);
    });
  }
}

Deno.test("a process that does not come up is not the plugin's fault", () => {
  const cause = new SallyportError("timeout", "no answer");
  const late = { phase: "process", timeoutMs: 10_000 } as const;
  const { message, hint } = startError("p", cause, undefined, "", late);
  assert.equal(message, 'Cannot start plugin "p": its process did not come up within 10000 ms');
  assert.match(hint!, /the machine/);
  const ended = startError("p", cause, { code: 3, signal: null }, "", late);
  assert.match(ended.message, /exit code 3/, "the control: it ended, and was not late");
});
