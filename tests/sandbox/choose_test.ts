import assert from "node:assert/strict";
import { chooseLauncher, findSetpriv, type IsolationMode } from "../../src/sandbox/choose.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";

Deno.test("chooseLauncher() gives the plain launcher for auto, for plain, and by default", () => {
  for (const isolation of [undefined, "auto", "plain", { mode: "plain" }, {}] as const) {
    assert.equal(chooseLauncher(isolation).name, "plain");
  }
});

Deno.test("chooseLauncher() reports setpriv where it is there", () => {
  const report = chooseLauncher("plain").report();
  assert.equal(report.diesWithHost, findSetpriv() === undefined ? "stdin" : "kernel");
});

Deno.test("chooseLauncher() fails rather than degrades", () => {
  for (
    const isolation of [
      "bwrap",
      "unshare",
      { require: true },
      { mode: "plain", require: true },
      { mode: "bwrap" },
    ] as const
  ) {
    const error = assertThrowsWithCode(() => chooseLauncher(isolation), "bad-config");
    assert.match(error.hint ?? "", /plain/);
  }
});

Deno.test("chooseLauncher() names an unknown mode and lists the known ones", () => {
  const error = assertThrowsWithCode(
    () => chooseLauncher("docker" as IsolationMode),
    "bad-config",
    /unknown mode "docker"/,
  );
  assert.match(error.hint ?? "", /"auto", "bwrap", "unshare", "plain"/);
  assertThrowsWithCode(() => chooseLauncher({ mode: "" as IsolationMode }), "bad-config");
});

Deno.test("chooseLauncher() refuses options that are none", () => {
  assert.throws(
    () => chooseLauncher({ mode: "plain", required: true } as never),
    TypeError,
    "a misspelt `require` would degrade in silence",
  );
  assert.throws(() => chooseLauncher({ require: "yes" } as never), TypeError);
  assert.throws(() => chooseLauncher(null as never), TypeError);
});
