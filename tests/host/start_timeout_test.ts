/** A start that takes too long says what did, and how long it had. */
import assert from "node:assert/strict";
import { SallyportError } from "../../src/errors.ts";
import { startError } from "../../src/host/process/exit_errors.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { hostTest } from "../helpers/host.ts";

/** Long enough for an import on a busy machine; all of them wait at the same time. */
const TIMEOUT_MS = 2_500;
const MAINS: [name: string, phase: string, main: string, message: RegExp][] = [
  [
    "imports",
    "import",
    "await new Promise(() => {}); export default {};",
    /module was not imported/,
  ],
  ["waits", "init", "export default { init: () => new Promise(() => {}) };", /init did not end/],
  // sends nothing any more
  ["spins", "init", "export default { init() { for (;;); } };", /init did not end/],
];

Deno.test("a start that is late says in which phase it was, and how long it had", async () => {
  await using test = await hostTest();
  const host = await test.open({ times: { startTimeoutMs: TIMEOUT_MS } });
  await Promise.all(MAINS.map(async ([name, phase, main, message]) => {
    const loading = host.load(await test.bundle(name, main));
    const error = await assertRejectsWithCode(loading, "launch-failed", message);
    assert.match(error.message, new RegExp(`within ${TIMEOUT_MS} ms$`));
    assert.equal(error.details.phase, phase);
    assert.equal(error.details.timeoutMs, TIMEOUT_MS);
    assert.match(error.hint!, /, or raise startTimeoutMs$/);
  }));
});

Deno.test("a process that does not come up is not the plugin's fault", () => {
  const cause = new SallyportError("timeout", "no answer");
  const late = { phase: "process", timeoutMs: 10_000 } as const;
  const { message, hint } = startError("p", cause, undefined, "", late);
  assert.equal(message, 'Cannot start plugin "p": its process did not come up within 10000 ms');
  assert.match(hint!, /the machine/);
  const ended = startError("p", cause, { code: 3, signal: null }, "", late);
  assert.match(ended.message, /exit code 3/, "the control: it ended, and was not late");
});
