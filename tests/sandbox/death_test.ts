/** Nothing outlives the host, or the first process of a sandbox. */
import assert from "node:assert/strict";
import type { DriverResult } from "../fixtures/sandbox/driver.ts";
import { isAlive, processesNaming, until } from "../helpers/process.ts";
import { HOST_USERS, type SandboxName, sandboxTest, startDriver } from "../helpers/sandbox.ts";

const LAUNCHERS: readonly SandboxName[] = ["bwrap", "unshare"];
const BUSY = 'console.log("busy"); for (;;);';
/** Ends when its input does, as the bootstrap does: the host sends the plugin's code only later. */
const WAITS = 'console.log("waiting"); for await (const _ of Deno.stdin.readable); Deno.exit(0);';
const WITHIN_MS = 3_000;

for (const user of HOST_USERS) {
  for (const launcher of LAUNCHERS) {
    sandboxTest(
      `${launcher}: SIGKILL of the host ends a busy plugin, host as ${user}`,
      launcher,
      async () => {
        await using stack = new AsyncDisposableStack();
        const marker = `marker-${crypto.randomUUID()}`;
        const host = await startDriver({ launcher, user, marker, script: BUSY, hold: 1 }, stack);
        const { pid } = JSON.parse(await host.line()) as DriverResult;
        const processes = processesNaming(marker).filter((found) => found !== host.child.pid);
        assert.ok(processes.includes(pid) && processes.length >= 2, String(processes));
        host.child.kill("SIGKILL");
        await until(() => !processes.some(isAlive), "everything has ended", WITHIN_MS);
        assert.deepEqual(processesNaming(marker), []);
      },
    );

    sandboxTest(
      `${launcher}: SIGTERM to the first process ends all of it, host as ${user}`,
      launcher,
      async () => {
        await using stack = new AsyncDisposableStack();
        const marker = `marker-${crypto.randomUUID()}`;
        const host = await startDriver({ launcher, user, marker, script: BUSY, hold: 1 }, stack);
        const { pid } = JSON.parse(await host.line()) as DriverResult;
        const processes = processesNaming(marker).filter((found) => found !== host.child.pid);
        Deno.kill(pid, "SIGTERM");
        await until(() => !processes.some(isAlive), "everything has ended", WITHIN_MS);
      },
    );

    sandboxTest(
      `${launcher}: what the plugin started ends with it, host as ${user}`,
      launcher,
      async () => {
        await using stack = new AsyncDisposableStack();
        const marker = `marker-${crypto.randomUUID()}`;
        const script = `const child = new Deno.Command("/deno", {
  args: ["eval", "console.log('forked'); for (;;);", "${marker}"],
  stdin: "null", stdout: "piped", stderr: "null", detached: true,
}).spawn();
child.unref();
await child.stdout.getReader().read();
console.log("forked");
for await (const _ of Deno.stdin.readable);`;
        const host = await startDriver({ launcher, user, marker, script, hold: 1 }, stack);
        const { pid, report } = JSON.parse(await host.line()) as DriverResult;
        const inside = report.facts!.pid;
        const ours = processesNaming(marker).filter((found) => found !== host.child.pid);
        const forked = ours.filter((found) =>
          Deno.readTextFileSync(`/proc/${found}/cmdline`).startsWith("/deno\0eval\0")
        );
        assert.equal(forked.length, 1);
        assert.ok(isAlive(inside));
        Deno.kill(pid, "SIGKILL");
        await until(() => ![inside, ...forked].some(isAlive), "all have ended", WITHIN_MS);
      },
    );
  }
}

for (const launcher of LAUNCHERS) {
  sandboxTest(
    `${launcher}: a host killed at any moment of a start leaves nothing`,
    launcher,
    async () => {
      await using stack = new AsyncDisposableStack();
      const marker = `marker-${crypto.randomUUID()}`;
      const times = Array.from({ length: 8 }, (_, index) => index * 4);
      for (const dieAfterMs of times) {
        const host = await startDriver({ launcher, marker, dieAfterMs, script: WAITS }, stack);
        assert.equal(await host.line(), "started");
        assert.equal((await host.child.exited).signal, "SIGKILL");
        await until(
          () => processesNaming(marker).length === 0,
          `nothing is left after ${dieAfterMs} ms`,
          WITHIN_MS,
        );
      }
    },
  );
}
