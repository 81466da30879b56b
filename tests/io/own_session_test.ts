import assert from "node:assert/strict";
import { inOwnSession, OWN_SESSION } from "../../src/io/own_session.ts";
import { until } from "../helpers/process.ts";

Deno.test({
  name: "a program starts in a session of its own, whatever else the host may run",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const script = `
      import { startChild } from "${import.meta.resolve("../../src/process/child.ts")}";
      const child = startChild({ command: "/bin/cat", args: [], env: {}, cwd: "/" });
      console.log(child.pid);
      await Deno.stdin.read(new Uint8Array(1));
      Deno.exit(0); // which closes the program's stdin
    `;
    const program = `data:text/typescript,${encodeURIComponent(script)}`;
    for (const run of ["", "=/bin/cat", "=/bin/cat,/usr/bin/setsid"]) {
      const host = new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", "--allow-read", `--allow-run${run}`, program],
        stdin: "piped",
        stdout: "piped",
      });
      await using process = host.spawn();
      const reader = process.stdout.getReader();
      const pid = Number(new TextDecoder().decode((await reader.read()).value));
      await until(() => Deno.readTextFileSync(`/proc/${pid}/comm`) === "cat\n", "the program runs");
      // after the name: state, parent, group, session
      const [, , group, session] = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]!
        .split(" ");
      assert.deepEqual([Number(group), Number(session)], [pid, pid], `--allow-run${run}`);
      await process.stdin.close();
      await reader.cancel();
    }
  },
});

Deno.test("what setsid could not start is left to the runtime, which says why", async () => {
  const file = await Deno.makeTempFile();
  try {
    for (const command of ["cat", "/no/such/program", "/tmp", file]) {
      assert.deepEqual(inOwnSession(command, ["a"]), { command, args: ["a"], ...OWN_SESSION });
    }
  } finally {
    await Deno.remove(file);
  }
});
