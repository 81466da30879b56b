/**
 * What a host leaves that is killed, or whose plugin's launcher is: no process, no mount, and after the
 * next start no cgroup, no socket and no file. `deno task soak` does the same a hundred times.
 */
import assert from "node:assert/strict";
import { startShell, until } from "../helpers/process.ts";
import { HOST_USERS, type HostUser, type SandboxName, sandboxTest } from "../helpers/sandbox.ts";
import { SceneGroups } from "../soak/groups.ts";
import { makeOwnedDir } from "../soak/owned_dir.ts";
import type { PluginName } from "../soak/plugins.ts";
import { childrenOf, isExiting } from "../soak/processes.ts";
import { untilGone } from "../soak/remains.ts";
import { killHost, killLauncher, type Moment } from "../soak/rounds.ts";
import { bundleHost, type HostOptions, Scene, type SceneOptions } from "../soak/scene.ts";

const LAUNCHERS: readonly SandboxName[] = ["bwrap", "unshare"];
const REQUIRE = Deno.env.get("REQUIRE_SANDBOX") === "1";
const PLUGINS: readonly PluginName[] = ["proxied", "busy", "echo"];

type Round = readonly [moment: Moment, options: HostOptions];

/** Moments of a host's life, by user; the next host comes after the last of each kind of folder. */
const ROUNDS: Readonly<Record<HostUser, readonly Round[]>> = {
  self: [
    [{ after: "opening", delayMs: 80 }, { act: "live" }],
    [{ after: "loading busy", delayMs: 15 }, { act: "live", atOnce: true }],
    [{ after: "closing", delayMs: 60 }, { act: "close", plugins: ["proxied", "echo"] }],
    [{ after: "unloading", delayMs: 40 }, { act: "live", temporary: true }],
  ],
  nobody: [
    [{ after: "reloading", delayMs: 20 }, { act: "live" }],
    [{ after: "loading proxied", delayMs: 25 }, { act: "live", temporary: true }],
  ],
};

let folder: string | undefined;
let program: Promise<string> | undefined;
Deno.test.afterAll(async () => {
  if (folder !== undefined) await Deno.remove(folder, { recursive: true });
});

async function setScene(options: SceneOptions): Promise<Scene> {
  folder ??= await makeOwnedDir();
  return await Scene.set({ require: REQUIRE, ...options }, await (program ??= bundleHost(folder)));
}

async function killEach(user: HostUser, isolation: SandboxName): Promise<void> {
  const rounds = ROUNDS[user];
  let [processes, files] = [0, 0];
  await using scene = await setScene({ isolation, asUser: user === "nobody" });
  for (const [index, [moment, options]] of rounds.entries()) {
    const last = !rounds.slice(index + 1).some(([, { temporary }]) =>
      temporary === options.temporary
    );
    const { at, had, problems } = await killHost(
      scene,
      moment,
      { plugins: PLUGINS, ...options },
      last,
    );
    assert.deepEqual(
      problems,
      [],
      `killed ${moment.delayMs} ms after "${moment.after}", at "${at}"`,
    );
    processes += had.processes;
    files += had.files;
  }
  // one that is killed very early may have had nothing yet
  assert.ok(processes > 0 && files > 0, "there was nothing to be left");
}

for (const user of HOST_USERS) {
  for (const isolation of LAUNCHERS) {
    sandboxTest(
      `${isolation}: a host killed at any moment leaves nothing that the next does not remove, as ${user}`,
      user === "self" ? isolation : [isolation, "root"],
      () => killEach(user, isolation),
    );
  }
}

for (const isolation of LAUNCHERS) {
  sandboxTest(
    `${isolation}: a host whose plugin's launcher is killed says so, serves on and leaves nothing`,
    isolation,
    async () => {
      await using scene = await setScene({ isolation });
      const victim = { plugin: "proxied", depth: 0 } as const;
      const { problems } = await killLauncher(scene, victim, { plugins: ["echo", "proxied"] });
      assert.deepEqual(problems, []);
    },
  );
}

Deno.test({
  name: "control: without what ends it a busy plugin outlives its host, and is seen to",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using scene = await setScene({
      isolation: "plain",
      require: false,
      // not setpriv
      permissions: [
        ...["--allow-read", "--allow-write", "--allow-env", "--allow-net", "--allow-sys"],
        `--allow-run=${Deno.execPath()}`,
      ],
    });
    await using host = scene.start({ act: "live", plugins: ["busy"] });
    assert.ok(await host.said("ready"), host.complaint);
    await host.kill();
    const { left } = await untilGone(scene, 200);
    assert.equal(left.length, 1, left.join("; "));
    assert.match(left[0]!, /--no-prompt .*--allow-read=/); // as far as it is shown
  },
});

Deno.test({
  name: "isExiting() tells a process without memory from one that runs",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using parent = startShell("true & exec sleep 600");
    const { pid } = parent.child;
    await until(() => childrenOf(pid).some(isExiting), "the child has ended");
    assert.equal(isExiting(pid), false);
    assert.equal(isExiting(Deno.pid), false);
  },
});

sandboxTest(
  "a scene sweeps the groups of a test run that was killed, and no others",
  "root",
  async () => {
    const own = SceneGroups.make(undefined);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => own.remove());
    if (own.folders.length === 0) return assert.ok(!REQUIRE, "there are no cgroups here");
    // as if made by a process of this number that started with the machine
    const orphaned = own.folders.map((folder) => folder.replace(/-\d+-(\w+)$/, "-1-$1"));
    for (const folder of orphaned) Deno.mkdirSync(folder);
    const joins = orphaned.map((folder) => `echo 0 >${folder}/cgroup.procs`).join("; ");
    const child = stack.use(startShell(`${joins}; echo up; exec sleep 600`));
    assert.equal(await child.line(), "up");
    await SceneGroups.sweep();
    assert.equal((await child.child.exited).signal, "SIGKILL");
    for (const folder of orphaned) assert.throws(() => Deno.statSync(folder), Deno.errors.NotFound);
    for (const folder of own.folders) assert.ok(Deno.statSync(folder).isDirectory);
  },
);
