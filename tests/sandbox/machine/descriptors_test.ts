import assert from "node:assert/strict";

const MODULE = new URL("../../../src/sandbox/machine/descriptors.ts", import.meta.url).href;
/** Prints how many were marked, and how many a child then has above 2 (but for the one it looks by). */
const HOST = `
import { closeInheritedOnExec } from ${JSON.stringify(MODULE)};
const marked = closeInheritedOnExec();
const { stdout } = await new Deno.Command("sh", {
  args: ["-c", "for fd in 10 251; do [ -e /proc/self/fd/$fd ] && echo $fd; done; exit 0"],
}).output();
console.log(marked, new TextDecoder().decode(stdout).split("\\n").length - 1);
`;

async function hostWith(...flags: string[]): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, HOST);
    const { stdout, stderr } = await new Deno.Command("bash", {
      args: [
        "-c",
        'for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -lt 3 ] || eval "exec $fd>&-"; done\n' +
        'exec 10</dev/null 251</dev/null; exec "$@"',
        ...["sh", Deno.execPath(), "run", "--no-lock", ...flags, file],
      ],
    }).output();
    return new TextDecoder().decode(stdout).trim() || new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test({
  name: "closeInheritedOnExec() keeps inherited descriptors from the host's children",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    assert.equal(await hostWith("--allow-all"), "2 0");
    // the control: a host that may not mark them hands them on, and the launchers close them
    assert.equal(await hostWith("--allow-all", "--deny-ffi"), "0 2");
  },
});
