/** `navigator.gpu`: the runtime loads no native driver for a plugin, of which no flag would know. */
import assert from "node:assert/strict";
import { hostTest } from "../helpers/host.ts";
import { startCommand } from "../helpers/process.ts";
import { mayReadProc } from "../../src/monitor/sources/proc.ts";
import { requiringTest } from "../helpers/sandbox.ts";

const FIND = `const found = await navigator.gpu?.requestAdapter();`;

/** Which libraries of drivers a process has loaded. */
function drivers(pid: number): string[] {
  const maps = Deno.readTextFileSync(`/proc/${pid}/maps`);
  return [...new Set(maps.match(/\/lib(?:vulkan|EGL|GL|gallium|cuda)[^/\n]*/g) ?? [])];
}

requiringTest(
  "a plugin gets no graphics adapter, and no driver is loaded for it, plain",
  mayReadProc() ? undefined : "the host may not read /proc here",
  async () => {
    await using test = await hostTest();
    const main = `export default { methods: { async find() { ${FIND} return found ?? null; } } };`;
    const host = await test.open();
    const plugin = await host.load(await test.bundle("graphics", main));
    assert.equal(await plugin.call("find"), null);
    assert.deepEqual(drivers(plugin.pid!), []);

    // the control: where the machine has a driver, the same code without our environment loads it
    const script =
      `${FIND} console.log(found === null); for await (const _ of Deno.stdin.readable);`;
    await using child = startCommand({
      command: Deno.execPath(),
      args: ["eval", "--no-lock", script],
      // drivers keep caches in the home folder
      env: {
        NO_COLOR: "1",
        DENO_DIR: test.join("deno"),
        HOME: test.join("."),
        PATH: "/usr/bin:/bin",
      },
      cwd: "/",
    });
    const none = await child.line() === "true";
    if (!none) assert.notDeepEqual(drivers(child.child.pid), []);
  },
);
