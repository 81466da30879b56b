import assert from "node:assert/strict";
import { CallGate } from "../../../src/host/calls/call_gate.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";

Deno.test("CallGate holds a call however long it may take, beyond what a timer can wait", async () => {
  // a timer that is asked for more fires at once
  for (const timeoutMs of [undefined, Infinity, 2 ** 31 - 1, 2 ** 31, 2 ** 40]) {
    const hold = new CallGate(() => {});
    const held = hold.wait({ timeoutMs });
    // a timer of a millisecond that was started later has fired: an earlier one would have
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(hold.held, 1, String(timeoutMs));
    hold.release();
    const left = (await held).timeoutMs;
    if (timeoutMs === undefined) assert.equal(left, undefined);
    else assert.ok(left! > timeoutMs - 60_000 || left === timeoutMs, String(left));
  }
});

Deno.test("CallGate gives a call up when its time is over", async () => {
  const hold = new CallGate(() => {});
  await assertRejectsWithCode(
    hold.wait({ timeoutMs: 5, label: '"p.m"' }),
    "timeout",
    /"p\.m".* 5 ms$/,
  );
  assert.equal(hold.held, 0);
});
