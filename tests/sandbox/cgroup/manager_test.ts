import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openCgroups } from "../../../src/sandbox/cgroup/manager.ts";
import { hostName, ownIdentity } from "../../../src/sandbox/cgroup/groups/host_name.ts";
import { assertRemoved, CHECKS, LIMITS } from "./checks.ts";
import { foldersOf, startMember } from "./members.ts";
import { sweepsAfterAKill } from "./sweep_check.ts";

const CONFIG = fileURLToPath(new URL("../../../deno.json", import.meta.url));
const OPEN = fileURLToPath(new URL("./open_and_report.ts", import.meta.url));
const KILLED = fileURLToPath(new URL("./killed_host.ts", import.meta.url));
const RUN = ["--no-check", "--no-lock", `--config=${CONFIG}`];

const probe = await openCgroups();
await probe.manager?.[Symbol.asyncDispose]();
const kind = probe.manager?.kind ?? "none";
// where cgroups must be had, the tests run and fail with the reason
const ignore = probe.manager === undefined && Deno.env.get("REQUIRE_SANDBOX") !== "1";

async function open() {
  const { manager, missing } = await openCgroups();
  assert.ok(manager, missing.join("; "));
  return manager;
}

for (const { name, run } of CHECKS) {
  Deno.test({
    name: `a cgroup (${kind}) ${name}`,
    ignore,
    async fn() {
      await using manager = await open();
      await run(manager);
    },
  });
}

Deno.test({
  name: `openCgroups() (${kind}) removes what a killed host left, and nothing of a living one`,
  ignore,
  fn: () => sweepsAfterAKill([...RUN, KILLED]),
});

Deno.test({
  name: `a manager (${kind}) ends its groups when it is disposed, and no other manager's`,
  ignore,
  async fn() {
    await using other = await open();
    await using kept = await other.create(LIMITS);
    await using neighbour = startMember(kept, "echo up; sleep 600");
    assert.equal(await neighbour.line(), "up");
    const manager = await open();
    const group = await manager.create(LIMITS);
    await using member = startMember(group, "echo up; sleep 600");
    assert.equal(await member.line(), "up");
    await manager[Symbol.asyncDispose]();
    assert.notEqual((await member.finish()).code, 0);
    assertRemoved(foldersOf(group));
    assert.ok(kept.facts(neighbour.pid), "the other manager's process is gone");
  },
});

Deno.test({
  name: "groups named for a process of another pid namespace are left alone",
  ignore: ignore || kind === "systemd-run",
  async fn() {
    await using manager = await open();
    await using group = await manager.create(LIMITS);
    const self = ownIdentity();
    const places = group.join.map((file) => file.split("/").slice(0, -3).join("/"));
    const foreign = `${hostName({ ...self, namespace: "1" })}-${crypto.randomUUID()}`;
    const gone = `${hostName({ ...self, started: "1" })}-${crypto.randomUUID()}`;
    for (const place of places) {
      Deno.mkdirSync(`${place}/${foreign}`);
      Deno.mkdirSync(`${place}/${gone}`);
    }
    try {
      await using _next = await open();
      for (const place of places) {
        assert.ok(Deno.statSync(`${place}/${foreign}`).isDirectory);
        assert.throws(() => Deno.statSync(`${place}/${gone}`), Deno.errors.NotFound);
      }
    } finally {
      for (const place of places) Deno.removeSync(`${place}/${foreign}`);
    }
  },
});

Deno.test({
  name: "openCgroups() says what it needs where the host may not read /proc",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const permissions = [
      "--allow-read",
      "--allow-write",
      "--allow-run",
      "--allow-sys",
      "--allow-env",
    ];
    assert.deepEqual(await report(permissions), {
      missing: ["no cgroup: the host may not read /proc and /sys, which takes --allow-all"],
    });
    const { kind: withAll } = await report(["--allow-all"]);
    assert.equal(withAll ?? "none", kind);
  },
});

async function report(permissions: string[]): Promise<{ kind?: string; missing: string[] }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...RUN, ...permissions, OPEN],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
