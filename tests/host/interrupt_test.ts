/** Ctrl+C is for the host alone: what it started lives until it has ended it in order. */
import assert from "node:assert/strict";
import type { InterruptedReport, InterruptedSettings } from "../fixtures/hosts/interrupted.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { startHost } from "../helpers/host_program.ts";
import { requiringTest, type SandboxName, sandboxTest } from "../helpers/sandbox.ts";

const NEEDS = { context: [{ key: "database", access: "readwrite" }] };

async function interrupt(
  test: HostTest,
  isolation: InterruptedSettings["isolation"],
  signal: Deno.Signal,
): Promise<InterruptedReport> {
  const plugin = await test.fixture("finishes", NEEDS);
  const { keys, dataDir } = test;
  const settings: InterruptedSettings = { isolation, key: keys.hex, plugin, dataDir, signal };
  // started as the first of a group, as a shell starts what is run at a terminal
  await using host = startHost("interrupted", [JSON.stringify(settings)]);
  assert.equal(await host.line(), "ready", host.child.stderr.text());
  Deno.kill(-host.child.pid, signal);
  const report = JSON.parse(await host.line()) as InterruptedReport;
  assert.deepEqual(await host.child.exited, { code: 0, signal: null });
  return report;
}

function check(
  { control, had, gone, result, log, harm, left }: InterruptedReport,
  signal: Deno.Signal,
): void {
  assert.equal(control, signal, "the control: a child of the group is ended by the signal");
  assert.ok(had >= 3, "the plugin, one that waits, and its database have processes");
  assert.deepEqual(gone, []);
  assert.deepEqual(result, [{ n: 42 }], "the call in flight went on, with its database");
  assert.ok(log.includes("shut down in order"), log.join("\n"));
  assert.deepEqual(harm, []);
  assert.equal(left, 0);
}

const unix = Deno.build.os === "windows" ? "Windows has no process groups" : undefined;

requiringTest("Ctrl+C lets calls finish and plugins shut down, plain", unix, async () => {
  await using test = await hostTest();
  check(await interrupt(test, "plain", "SIGINT"), "SIGINT");
});

const SANDBOXED: readonly [SandboxName, Deno.Signal][] = [["bwrap", "SIGHUP"], [
  "unshare",
  "SIGTERM",
]];
for (const [isolation, signal] of SANDBOXED) {
  sandboxTest(
    `${signal} to the group lets calls finish and plugins shut down, ${isolation}`,
    isolation,
    async () => {
      await using test = await hostTest();
      check(await interrupt(test, isolation, signal), signal);
    },
  );
}

Deno.test("whatever the host starts has a session of its own", async () => {
  const without: string[] = [];
  for await (const path of sources(new URL("../../src/", import.meta.url))) {
    const text = await Deno.readTextFile(path);
    for (const { index } of text.matchAll(/new Deno\.Command\(|node:child_process/g)) {
      // its options are there, a few lines around
      const around = text.slice(Math.max(0, index - 200), index + 500);
      if (!/\.\.\.OWN_SESSION|inOwnSession\(/.test(around)) without.push(path.pathname);
    }
  }
  assert.deepEqual(without, []);
});

async function* sources(folder: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts") && !name.endsWith(".generated.ts")) yield new URL(name, folder);
  }
}
