// Checks the cgroups that a host gets. Arguments: who runs it, the kind that it must get (`none` for
// nothing), the program of a host to be killed, and `briefly` to leave out what the kernel does in the
// same way wherever a group of that kind is.
import assert from "node:assert/strict";
import { openCgroups } from "../../src/sandbox/cgroup/manager.ts";
import { CHECKS, LIMITS } from "../sandbox/cgroup/checks.ts";
import { startMember } from "../sandbox/cgroup/members.ts";
import { sweepsAfterAKill } from "../sandbox/cgroup/sweep_check.ts";
import { check, remark } from "./report.ts";

const [who, kind, killedHost, briefly] = Deno.args;
assert.ok(who && kind && killedHost, "three arguments");

const before = performance.now();
const { manager, missing } = await openCgroups();
remark(`${who}: opened in ${Math.round(performance.now() - before)} ms; ${missing.join("; ")}`);

await check(`${who}: gets ${kind}`, () => {
  assert.equal(manager?.kind ?? "none", kind, missing.join("; "));
  if (kind !== "none") assert.deepEqual(missing, []);
  else assert.ok(missing.length > 0);
});

if (manager !== undefined) {
  for (const { name, everywhere, run } of CHECKS) {
    if (!everywhere && briefly !== undefined) continue;
    await check(`${who}: ${kind} ${name}`, () => run(manager));
  }
  await check(
    `${who}: ${kind} of a killed host is removed by the next`,
    () => sweepsAfterAKill([killedHost]),
  );
  await cost();
  await manager[Symbol.asyncDispose]();
}

/** Times one group beside the same process without one. */
async function cost(): Promise<void> {
  const plain = performance.now();
  await using free = startMember(undefined, "true");
  await free.finish();
  const start = performance.now();
  const group = await manager!.create(LIMITS);
  const made = performance.now();
  await using held = startMember(group, "true");
  await held.finish();
  const ended = performance.now();
  await group.outcome();
  const known = performance.now();
  await group[Symbol.asyncDispose]();
  const [none, create, join, outcome, dispose] = [
    start - plain,
    made - start,
    ended - made,
    known - ended,
    performance.now() - known,
  ].map((ms) => ms.toFixed(1));
  remark(
    `${who}: ms for a shell alone ${none}, in a group ${join}; create ${create}, outcome ${outcome}, dispose ${dispose}`,
  );
}
