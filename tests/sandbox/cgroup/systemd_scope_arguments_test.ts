import assert from "node:assert/strict";
import { scopeArguments } from "../../../src/sandbox/cgroup/systemd/scope_arguments.ts";
import { LIMITS } from "./checks.ts";

const SYSTEM = { option: "--system", env: {} } as const;

Deno.test("scopeArguments() gives each limit as a property and ends the options", () => {
  const program = { path: "/usr/bin/systemd-run", version: 256, oomPolicy: true };
  assert.deepEqual(scopeArguments(program, SYSTEM, "x.scope", { ...LIMITS, cpuPercent: 50 }), [
    "--system",
    "--scope",
    "--quiet",
    "--no-ask-password",
    "--unit=x.scope",
    "--description=Sallyport plugin",
    "--expand-environment=no",
    "--property=MemoryMax=50331648",
    "--property=MemorySwapMax=0",
    "--property=TasksMax=20",
    "--property=CPUQuota=50%",
    "--property=IOWeight=50",
    "--property=OOMPolicy=kill",
    "--property=TimeoutStopSec=2s",
    "--",
  ]);
});

Deno.test("scopeArguments() leaves out what an older systemd does not know", () => {
  const program = { path: "/usr/bin/systemd-run", version: 249, oomPolicy: false };
  const args = scopeArguments(program, SYSTEM, "x.scope", LIMITS).join(" ");
  assert.doesNotMatch(args, /OOMPolicy|expand-environment/);
});
