import assert from "node:assert/strict";
import { owningUnit } from "../../../src/sandbox/cgroup/systemd/delegation.ts";

Deno.test("owningUnit() finds the innermost service or scope and whose systemd runs it", () => {
  assert.equal(owningUnit("/"), undefined);
  assert.equal(owningUnit("/docker/1234"), undefined);
  assert.equal(owningUnit("/system.slice"), undefined);
  assert.deepEqual(owningUnit("/system.slice/app.service/main"), {
    name: "app.service",
    path: "/system.slice/app.service",
    uid: undefined,
  });
  assert.deepEqual(owningUnit("/user.slice/user-1000.slice/session-3.scope"), {
    name: "session-3.scope",
    path: "/user.slice/user-1000.slice/session-3.scope",
    uid: undefined,
  });
  const manager = "/user.slice/user-1000.slice/user@1000.service";
  assert.deepEqual(owningUnit(`${manager}/app.slice/term-7.scope/x`), {
    name: "term-7.scope",
    path: `${manager}/app.slice/term-7.scope`,
    uid: 1000,
  });
  assert.deepEqual(owningUnit(`${manager}/init.scope`)?.uid, 1000);
  assert.equal(owningUnit(manager)?.uid, undefined);
});
