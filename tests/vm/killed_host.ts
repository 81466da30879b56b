// Hosts that are killed in mid-life, with cgroups. Arguments: who runs it, the kind of cgroup that
// plugins must be in, the launcher, the program of the host.
import assert from "node:assert/strict";
import { until } from "../helpers/process.ts";
import { groupsOfHost } from "../soak/groups.ts";
import type { HostProcess } from "../soak/host_process.ts";
import { leftovers, untilGone } from "../soak/remains.ts";
import { openNext } from "../soak/rounds.ts";
import { Scene } from "../soak/scene.ts";
import { check, remark } from "./report.ts";

/** An emulated machine takes seconds for everything. */
const WITHIN_MS = 120_000;
const LIMIT = 128 * 1024 * 1024;

const [who, kind, launcher, program] = Deno.args;
assert.ok(who && program && (launcher === "bwrap" || launcher === "unshare"), "four arguments");
const name = (what: string) => `${who}, ${kind} and ${launcher}: ${what}`;

await using scene = await Scene.set({ isolation: launcher, grouped: false }, program);
const killed: number[] = [];

await check(name("a plugin that takes too much memory is ended for its limit"), async () => {
  // one after the other: a busy one beside it would only slow its start down
  await using host = scene.start({ act: "hold", plugins: ["hungry", "busy"] });
  const loaded = await host.said("loaded hungry", 0, WITHIN_MS);
  assert.equal(loaded?.split(" ")[3], kind, `${loaded} ${host.complaint}`);
  // a monitor that sees it at its limit before the kernel ends it says so as well
  const line = `violation hungry limit-exceeded memoryBytes ${LIMIT}`;
  const violation = await host.said(line, 0, WITHIN_MS);
  assert.equal(violation, line, `${host.lines.join("\n")}\n${host.complaint}`);
  assert.ok(await host.said("ready", 0, WITHIN_MS), host.complaint);
  await kill(host);
});

if (kind === "systemd-run") {
  await check(name("systemd removes the scopes of a host that was killed"), async () => {
    await until(() => killed.flatMap(groupsOfHost).length === 0, "no scope is left", WITHIN_MS);
  });
} else {
  await check(name("one killed while it loads leaves no process, and swept before"), async () => {
    assert.ok(killed.flatMap(groupsOfHost).length > 0, "the host before left nothing to sweep");
    await using host = scene.start({ act: "live", plugins: ["echo"] });
    assert.ok(await host.said("loading echo", 0, WITHIN_MS), host.complaint);
    assert.deepEqual(killed.flatMap(groupsOfHost), [], "groups of the host before");
    await kill(host);
  });

  await check(name("the next host removes all that is left"), async () => {
    assert.deepEqual(await openNext(scene, { act: "open" }), []);
    assert.deepEqual([...leftovers(scene), ...killed.flatMap(groupsOfHost)], []);
  });
}

/** Kills a host when something lives beside it, and waits until nothing does that it has started. */
async function kill(host: HostProcess): Promise<void> {
  let alive = 0;
  await until(
    () => {
      scene.processes.look(host.pid);
      return (alive = scene.processes.alive().length) > 2;
    },
    "a plugin lives",
    WITHIN_MS,
  );
  killed.push(host.pid);
  await host.kill();
  const { ms, left } = await untilGone(scene, WITHIN_MS);
  assert.deepEqual(left, []);
  remark(name(`${alive} processes were gone in ${ms} ms`));
}
