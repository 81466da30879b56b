import assert from "node:assert/strict";
import {
  checkIsolation,
  checkMode,
  type IsolationMode,
} from "../../../src/sandbox/machine/choose.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";

Deno.test("checkIsolation() fills in what is not said", () => {
  assert.deepEqual(checkIsolation(), { mode: "auto", require: false });
  assert.deepEqual(checkIsolation({}), { mode: "auto", require: false });
  assert.deepEqual(checkIsolation("plain"), { mode: "plain", require: false });
  assert.deepEqual(checkIsolation({ require: true }), { mode: "auto", require: true });
  assert.deepEqual(checkIsolation({ mode: "bwrap" }), { mode: "bwrap", require: false });
});

Deno.test("checkIsolation() names an unknown mode and lists the known ones", () => {
  const error = assertThrowsWithCode(
    () => checkIsolation("docker" as IsolationMode),
    "bad-config",
    /unknown mode "docker"/,
  );
  assert.match(error.hint ?? "", /"auto", "bwrap", "unshare", "plain"/);
  for (const mode of ["", 7, null, ["plain"]]) {
    assertThrowsWithCode(() => checkMode(mode as IsolationMode), "bad-config");
    assertThrowsWithCode(() => checkIsolation({ mode: mode as IsolationMode }), "bad-config");
  }
});

Deno.test("checkIsolation() refuses options that are none", () => {
  assert.throws(
    () => checkIsolation({ mode: "plain", required: true } as never),
    TypeError,
    "a misspelt `require` would degrade in silence",
  );
  assert.throws(() => checkIsolation({ require: "yes" } as never), TypeError);
  assert.throws(() => checkIsolation(null as never), TypeError);
});
