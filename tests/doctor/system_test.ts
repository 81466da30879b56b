import assert from "node:assert/strict";
import { denoForAll } from "../helpers/deno_for_all.ts";
import { asUser, sandboxTest, sharedCheckout } from "../helpers/sandbox.ts";

sandboxTest(
  "a host that sees no process of another user still reads those of its own",
  "root",
  async () => {
    await using stack = new AsyncDisposableStack();
    const checkout = await sharedCheckout(stack, ["src/doctor"]);
    const script =
      `import { findPrograms, readHost } from "file://${checkout}/src/doctor/system.ts";
let first = true;
try { Deno.readTextFileSync("/proc/1/status"); } catch { first = false; }
console.log(JSON.stringify({ first, readsProc: readHost(findPrograms()).readsProc }));`;
    const read = async (options: string) => {
      const command = asUser("nobody", [
        ...[denoForAll(), "run", "-A", "--no-config", "--no-lock", "--no-check"],
        `data:text/javascript,${encodeURIComponent(script)}`,
      ]);
      const { stdout, stderr } = await new Deno.Command("/usr/bin/unshare", {
        args: [
          "--mount",
          "sh",
          "-ec",
          `mount -t proc -o ${options} proc /proc; exec "$@"`,
          "sh",
          ...command,
        ],
        env: { DENO_DIR: `${checkout}/tmp/deno`, NO_COLOR: "1" },
        cwd: "/",
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert.ok(text.startsWith("{"), new TextDecoder().decode(stderr));
      return JSON.parse(text);
    };
    assert.deepEqual(await read("hidepid=2"), { first: false, readsProc: true });
    assert.deepEqual(await read("hidepid=0"), { first: true, readsProc: true }, "the control");
  },
);
