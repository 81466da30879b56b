import assert from "node:assert/strict";
import { chooseContainment } from "../../../src/host/admission/containment.ts";
import type { PolicyEntry } from "../../../src/permissions/policy/policy_schema.ts";
import type { Launcher } from "../../../src/sandbox/launch/launcher.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";

function choose(name: "bwrap" | "plain", entry: PolicyEntry, hasNet = false) {
  const launcher = { name, privateRoot: name !== "plain" } as Launcher;
  const { network, seccomp } = chooseContainment("p", entry, launcher, hasNet);
  return { network, seccomp };
}

Deno.test("chooseContainment() gives no network where nothing is granted, and a proxy where something is", () => {
  assert.deepEqual(choose("bwrap", {}), { network: "isolated", seccomp: "strict" });
  assert.deepEqual(choose("bwrap", {}, true), { network: "proxied", seccomp: "strict" });
  assert.deepEqual(choose("bwrap", { network: "proxied" }), {
    network: "isolated",
    seccomp: "strict",
  });
});

Deno.test("chooseContainment() gives the machine's network and no filter only to a policy that names them", () => {
  const entry = { network: "host", seccomp: "off" } as const;
  assert.deepEqual(choose("bwrap", entry, true), entry);
  assert.deepEqual(choose("bwrap", { network: "isolated" }, true).network, "isolated");
  assert.deepEqual(choose("bwrap", { seccomp: "baseline" }).seccomp, "baseline");
});

Deno.test("chooseContainment() refuses what a plain process would not be held by", () => {
  assert.deepEqual(choose("plain", {}, true), { network: "host", seccomp: "off" });
  assert.deepEqual(choose("plain", { network: "host", seccomp: "off" }), {
    network: "host",
    seccomp: "off",
  });
  for (
    const entry of [
      { network: "isolated" },
      { network: "proxied" },
      { seccomp: "strict" },
      { seccomp: "baseline" },
    ] as const
  ) {
    const error = assertThrowsWithCode(() => choose("plain", entry), "bad-config");
    assert.match(error.message, /asks for (network|seccomp) "/);
  }
});
