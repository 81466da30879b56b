import assert from "node:assert/strict";
import { createLaunchSpec } from "../../../src/sandbox/launch/launch_spec.ts";
import { plainLauncher } from "../../../src/sandbox/launchers/plain.ts";
import { findSetpriv } from "../../../src/sandbox/machine/choose.ts";
import { isAlive, startCommand, until } from "../../helpers/process.ts";
import { requiringTest } from "../../helpers/sandbox.ts";

const SPEC = createLaunchSpec({
  plugin: "sample",
  executable: "/opt/deno",
  flags: ["--no-prompt", "--allow-read=/bundle"],
  importMap: "/runtime/import_map.json",
  bootstrap: "/runtime/bootstrap.js",
  denoDir: "/run/deno",
  cwd: "/run/cwd",
  network: "host",
  seccomp: "off",
  limits: {
    memoryBytes: 1 << 28,
    cpuPercent: 100,
    threads: 32,
    fileDescriptors: 256,
    fileBytes: 1 << 20,
  },
});

Deno.test("createLaunchSpec() starts the bootstrap, after every flag, and freezes all of it", () => {
  assert.equal(SPEC.args.at(-1), "/runtime/bootstrap.js");
  assert.equal(SPEC.args[0], "run");
  for (const value of [SPEC, SPEC.args, SPEC.env]) assert.ok(Object.isFrozen(value));
});

Deno.test("plainLauncher() runs the spec as it is, and says what that leaves open", async () => {
  const launcher = plainLauncher();
  const command = { command: "/opt/deno", args: SPEC.args, env: SPEC.env, cwd: "/run/cwd" };
  assert.deepEqual(launcher.describe(SPEC), command);
  await using launch = await launcher.launch(SPEC);
  assert.deepEqual(launch.command, command);
  assert.equal(launch.seccompFilter, undefined);
  assert.deepEqual(launch.inspect(Deno.pid), launcher.report());
  assert.equal((await launch.outcome()).oomKills, 0);
  const report = launcher.report();
  assert.equal(launcher.name, "plain");
  assert.equal(launcher.privateRoot, false);
  assert.deepEqual(
    { ...report, missing: undefined },
    {
      launcher: "plain",
      denoPermissions: true,
      namespaces: false,
      seccomp: false,
      seccompProfile: "off",
      network: "host",
      cgroup: false,
      rlimits: false,
      diesWithHost: "stdin",
      missing: undefined,
    },
  );
  for (const word of ["namespaces", "seccomp", "cgroup", "rlimits", "setpriv"]) {
    assert.ok(report.missing.some((sentence) => sentence.includes(word)), `nothing on ${word}`);
  }
});

Deno.test("plainLauncher() with setpriv has the kernel end the process with the host", () => {
  const launcher = plainLauncher({ setpriv: "/usr/bin/setpriv" });
  assert.deepEqual(launcher.describe(SPEC), {
    command: "/usr/bin/setpriv",
    args: ["--pdeathsig", "KILL", "--", "/opt/deno", ...SPEC.args],
    env: SPEC.env,
    cwd: "/run/cwd",
  });
  const report = launcher.report();
  assert.equal(report.diesWithHost, "kernel");
  assert.ok(!report.missing.some((sentence) => sentence.includes("setpriv")));
});

const setpriv = findSetpriv();

requiringTest(
  "a process started through setpriv dies with its parent, though it looks at nothing",
  setpriv === undefined ? "there is no setpriv" : undefined,
  async () => {
    const spin = "echo $$; trap '' TERM HUP; while :; do :; done";
    const wrapped = plainLauncher({ setpriv }).describe({
      ...SPEC,
      executable: "/bin/sh",
      args: ["-c", spin],
    });
    // the parent under test is a shell between us and the process
    const quoted = [wrapped.command, ...wrapped.args].map((arg) =>
      `'${arg.replaceAll("'", "'\\''")}'`
    );
    const env = { PATH: "/usr/bin:/bin" };
    await using parent = startCommand({
      command: "/bin/sh",
      args: ["-c", `${quoted.join(" ")} & wait`],
      env,
      cwd: "/",
    });
    const pid = Number(await parent.line());
    try {
      assert.ok(isAlive(pid));
      parent.child.kill("SIGKILL");
      await until(() => !isAlive(pid), "the process is gone");
    } finally {
      if (isAlive(pid)) Deno.kill(pid, "SIGKILL");
    }
  },
);

Deno.test("control: without setpriv a busy process outlives its parent", async () => {
  await using parent = startCommand({
    command: "/bin/sh",
    args: ["-c", "/bin/sh -c 'echo $$; exec sleep 1000' & wait"],
    env: { PATH: "/usr/bin:/bin" },
    cwd: "/",
  });
  const pid = Number(await parent.line());
  try {
    parent.child.kill("SIGKILL");
    await parent.child.exited;
    assert.ok(isAlive(pid), "it was to live on in this test");
  } finally {
    Deno.kill(pid, "SIGKILL");
  }
  await until(() => !isAlive(pid), "the process is gone");
});
