import assert from "node:assert/strict";
import { createLaunchSpec } from "../../src/sandbox/launch_spec.ts";
import { plainLauncher } from "../../src/sandbox/plain.ts";
import { findSetpriv } from "../../src/sandbox/choose.ts";
import { isAlive, startCommand, until } from "../helpers/process.ts";

const SPEC = createLaunchSpec({
  plugin: "sample",
  executable: "/opt/deno",
  flags: ["--no-prompt", "--allow-read=/bundle"],
  importMap: "/runtime/import_map.json",
  bootstrap: "/runtime/bootstrap.js",
  denoDir: "/run/deno",
  cwd: "/run/cwd",
});

Deno.test("createLaunchSpec() starts the bootstrap, after every flag, and freezes all of it", () => {
  assert.equal(SPEC.args.at(-1), "/runtime/bootstrap.js");
  assert.equal(SPEC.args[0], "run");
  for (const value of [SPEC, SPEC.args, SPEC.env]) assert.ok(Object.isFrozen(value));
});

Deno.test("plainLauncher() runs the spec as it is, and says what that leaves open", () => {
  const launcher = plainLauncher();
  assert.deepEqual(launcher.command(SPEC), {
    command: "/opt/deno",
    args: SPEC.args,
    env: SPEC.env,
    cwd: "/run/cwd",
  });
  const report = launcher.report();
  assert.equal(launcher.name, "plain");
  assert.deepEqual(
    { ...report, missing: undefined },
    {
      launcher: "plain",
      denoPermissions: true,
      namespaces: false,
      seccomp: false,
      cgroup: false,
      diesWithHost: "stdin",
      missing: undefined,
    },
  );
  for (const word of ["namespaces", "seccomp", "cgroup", "setpriv"]) {
    assert.ok(report.missing.some((sentence) => sentence.includes(word)), `nothing on ${word}`);
  }
});

Deno.test("plainLauncher() with setpriv has the kernel end the process with the host", () => {
  const launcher = plainLauncher({ setpriv: "/usr/bin/setpriv" });
  assert.deepEqual(launcher.command(SPEC), {
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

Deno.test({
  name: "a process started through setpriv dies with its parent, though it looks at nothing",
  ignore: setpriv === undefined && Deno.env.get("REQUIRE_SANDBOX") !== "1",
  async fn() {
    assert.ok(setpriv, "REQUIRE_SANDBOX=1, but there is no setpriv");
    const spin = "echo $$; trap '' TERM HUP; while :; do :; done";
    const wrapped = plainLauncher({ setpriv }).command({
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
});

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
