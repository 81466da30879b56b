import assert from "node:assert/strict";
import { startChild } from "../../src/process/child.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";
import { startCommand, startShell, type TestChild } from "../helpers/process.ts";

Deno.test("startChild() says what could not be started and what to check", () => {
  const error = assertThrowsWithCode(
    () => startChild({ command: "/no/such/program", args: [], env: {}, cwd: "/" }),
    "launch-failed",
    /^Cannot start "\/no\/such\/program": /,
  );
  assert.match(error.hint ?? "", /--allow-run/);
  assert.ok(error.cause instanceof Error);
});

Deno.test("startChild() refuses a working folder that does not exist", () => {
  assertThrowsWithCode(
    () => startChild({ command: "/bin/true", args: [], env: {}, cwd: "/no/such/folder" }),
    "launch-failed",
  );
});

/** Reads lines up to one that is empty. */
async function paragraph(test: TestChild): Promise<string[]> {
  const lines: string[] = [];
  for (let line = await test.line(); line !== ""; line = await test.line()) lines.push(line);
  return lines;
}

Deno.test("startChild() gives the child the environment of the command and nothing else", async () => {
  // what the kernel was given, before any program adds to it
  const script = "tr '\\0' '\\n' </proc/$PPID/environ; echo";
  const outer = ["-c", `/bin/sh -c '${script.replaceAll("'", "'\\''")}'; true`];
  const env = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", PATH: "/usr/bin:/bin" };
  Deno.env.set("SALLYPORT_TEST_SECRET", "not for children");
  try {
    await using test = startCommand({ command: "/bin/sh", args: outer, env, cwd: "/" });
    const names = (await paragraph(test)).map((line) => line.split("=")[0]!);
    assert.deepEqual(names.sort(), Object.keys(env).sort());

    // control: a child of the ordinary kind inherits the secret
    const { stdout } = await new Deno.Command("/usr/bin/env").output();
    assert.match(new TextDecoder().decode(stdout), /^SALLYPORT_TEST_SECRET=/m);
  } finally {
    Deno.env.delete("SALLYPORT_TEST_SECRET");
  }
});

Deno.test("a child's exit code and signal are told apart, and kill() of a dead child does nothing", async () => {
  await using test = startShell("exit 42");
  assert.deepEqual(await test.child.exited, { code: 42, signal: null });
  assert.deepEqual(test.child.status, { code: 42, signal: null });
  test.child.kill("SIGKILL");

  await using killed = startShell("kill -SEGV $$");
  assert.deepEqual(await killed.child.exited, { code: 139, signal: "SIGSEGV" });
});

Deno.test("a child gets none of the descriptors that the host has opened", async () => {
  const path = new URL(import.meta.url).pathname;
  using file = Deno.openSync(path);
  assert.ok(file.statSync().isFile);
  const own = await Promise.all(
    (await Array.fromAsync(Deno.readDir("/proc/self/fd"))).map(({ name }) =>
      Deno.readLink(`/proc/self/fd/${name}`).catch(() => "")
    ),
  );
  assert.ok(own.includes(path), "the file was to be open in this test");

  await using test = startShell("for fd in /proc/$$/fd/*; do readlink $fd; done; echo");
  const inherited = await paragraph(test);
  assert.ok(inherited.length >= 3);
  assert.ok(!inherited.includes(path), `it has ${inherited.join(", ")}`);
});
