import assert from "node:assert/strict";
import { findSetpriv } from "../../src/sandbox/machine/choose.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { startHost } from "../helpers/host_program.ts";
import { isAlive, processesNaming, until } from "../helpers/process.ts";

const REQUIRED = Deno.env.get("REQUIRE_SANDBOX") === "1";

async function startServing(test: HostTest, dataDir?: string) {
  const args = [test.keys.hex, test.plugins, ...(dataDir === undefined ? [] : [dataDir])];
  const host = startHost("serve", args);
  const ready = JSON.parse(await host.line()) as { pids: Record<string, number>; dataDir: string };
  return { host, ...ready };
}

const names = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name);

Deno.test("a host that is killed takes its idle plugins along, and the next one sweeps", async () => {
  await using test = await hostTest();
  await test.fixture("echo");
  const { host, pids, dataDir } = await startServing(test, test.dataDir);
  await using _ = host;
  assert.ok(isAlive(pids.echo!));
  host.child.kill("SIGKILL");
  await host.child.exited;
  await until(() => !isAlive(pids.echo!), "the plugin is gone");
  assert.ok(names(`${dataDir}/run`).length > 0, "a killed host was to leave its run in this test");

  const next = await test.open();
  assert.equal(names(`${dataDir}/run`).length, 2, "only the run of the next host and its lock");
  const plugin = await next.load(`${test.plugins}/echo`);
  assert.equal(await plugin.call("echo", "here"), "here");
});

Deno.test({
  name: "a host that is killed takes along plugins in a busy loop, stopped ones and stubborn ones",
  ignore: findSetpriv() === undefined && !REQUIRED,
  async fn() {
    assert.ok(findSetpriv(), "REQUIRE_SANDBOX=1, but there is no setpriv");
    await using test = await hostTest();
    for (const name of ["busy_loop", "stops_itself", "ignores_sigterm"]) await test.fixture(name);
    const { host, pids } = await startServing(test, test.dataDir);
    await using _ = host;
    await host.write("busy_loop spin\nstops_itself stop\n");
    assert.deepEqual(JSON.parse(await host.line()), { called: "spin" });
    assert.deepEqual(JSON.parse(await host.line()), { called: "stop" });
    const stopped = async () =>
      /^State:\s+T/m.test(await Deno.readTextFile(`/proc/${pids.stops_itself}/status`));
    await until(stopped, "one plugin has stopped itself");
    host.child.kill("SIGKILL");
    await host.child.exited;
    for (const [name, pid] of Object.entries(pids)) {
      await until(() => !isAlive(pid), `${name} is gone`);
    }
    await test.open(); // sweeps
  },
});

Deno.test("a host that is killed takes along a database process in an endless query", async () => {
  await using test = await hostTest();
  await test.fixture("endless_query", { context: [{ key: "database", access: "read" }] });
  const { host } = await startServing(test, test.dataDir);
  await using _ = host;
  await host.write("endless_query one\n");
  await host.line();
  assert.deepEqual(JSON.parse(await host.line()), { result: [{ n: 1 }] });
  await host.write("endless_query endless\n");
  await host.line();
  const children = processesNaming(test.dataDir).filter((pid) => pid !== host.child.pid);
  assert.equal(children.length, 2, "the plugin and its database");
  host.child.kill("SIGKILL");
  await until(() => !children.some(isAlive), "both are gone");
  await test.open(); // sweeps
});

Deno.test("the temporary folder of a host that was killed is gone after the next start", async () => {
  await using test = await hostTest();
  await test.fixture("echo");
  const first = await startServing(test);
  await using killed = first.host;
  killed.child.kill("SIGKILL");
  await killed.child.exited;
  assert.ok(names(first.dataDir).includes("store"));
  await until(() => !isAlive(first.pids.echo!), "the plugin is gone");
  const second = await startServing(test);
  await using next = second.host;
  assert.throws(() => Deno.statSync(first.dataDir), Deno.errors.NotFound);
  await next.endInput();
  assert.deepEqual(JSON.parse(await next.line()), { closed: true });
  assert.deepEqual(await next.child.exited, { code: 0, signal: null });
  assert.throws(() => Deno.statSync(second.dataDir), Deno.errors.NotFound);
});

Deno.test("a host that closes leaves no process and nothing of its run", async () => {
  await using test = await hostTest();
  for (const name of ["echo", "ignores_sigterm"]) await test.fixture(name);
  const { host, pids, dataDir } = await startServing(test, test.dataDir);
  await using _ = host;
  await host.endInput();
  assert.deepEqual(JSON.parse(await host.line()), { closed: true });
  assert.deepEqual(await host.child.exited, { code: 0, signal: null });
  for (const pid of Object.values(pids)) assert.ok(!isAlive(pid));
  assert.deepEqual(names(`${dataDir}/run`), [], "of the run");
});

Deno.test("processes that open temporary folders at once do not sweep each other's", async () => {
  const children = [1, 2, 3].map(() => startHost("open_and_close", ["30"]));
  try {
    for (const child of children) {
      assert.deepEqual(JSON.parse(await child.line()), { failed: 0, swept: 0 });
    }
  } finally {
    for (const child of children) await child[Symbol.asyncDispose]();
  }
});

async function command(program: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stderr: "null" }).output()).success;
  } catch {
    return false; // there is no such program
  }
}

async function canMount(): Promise<boolean> {
  const dir = await Deno.makeTempDir();
  const mounted = await command("mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", dir);
  if (mounted) await command("umount", dir);
  await Deno.remove(dir);
  return mounted;
}

Deno.test({
  name: "a full disk fails the load clearly, leaves no half copy, and passes",
  ignore: !REQUIRED && !await canMount(),
  async fn() {
    await using test = await hostTest();
    await Deno.mkdir(test.dataDir);
    const mounted = await command(
      ..."mount -t tmpfs -o size=16m,mode=700 tmpfs".split(" ") as [string, ...string[]],
      test.dataDir,
    );
    assert.ok(mounted, "REQUIRE_SANDBOX=1, but a tmpfs cannot be mounted");
    try {
      const host = await test.open();
      const small = await host.load(await test.fixture("echo"));
      const before = names(`${test.dataDir}/store`);
      const big = await test.bundle(
        "big",
        "export default { methods: { size: () => Deno.statSync(new URL('data.bin', import.meta.url)).size } };",
        {},
        { "data.bin": new Uint8Array(700_000) },
      );
      const filler = `${test.dataDir}/filler`;
      const full = Deno.writeFile(filler, new Uint8Array(32_000_000));
      await assert.rejects(full, /No space left/);
      const error = await assertRejectsWithCode(
        host.load(big),
        "launch-failed",
        /Cannot store bundle/,
      );
      assert.match(error.hint ?? "", /space/);
      assert.match(String(error.cause), /No space left/);
      assert.deepEqual(names(`${test.dataDir}/store`), before);
      assert.equal(host.plugin("big")?.state, "failed");
      assert.equal(await small.call("echo", "still here"), "still here");
      await Deno.remove(filler);
      const plugin = await host.load(big);
      assert.equal(await plugin.call("size"), 700_000);
      await host.close();
    } finally {
      // lazily, so that a failure above leaves no mount behind
      assert.ok(await command("umount", "-l", test.dataDir), "the tmpfs is still mounted");
    }
  },
});
