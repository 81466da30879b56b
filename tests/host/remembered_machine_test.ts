import assert from "node:assert/strict";
import { KeptFiles } from "../../src/host/data/kept_files.ts";
import { PluginHost } from "../../src/host/host.ts";
import { silentLogger } from "../../src/log.ts";
import { MachineMemory } from "../../src/sandbox/machine/memory.ts";
import { type Survey, survey } from "../../src/sandbox/machine/survey.ts";
import { type SandboxName, sandboxTest } from "../helpers/sandbox.ts";
import { makeBundle, makeKeys, signDir, tempDir } from "../helpers/signing.ts";

const executable = Deno.execPath();

async function scene(isolation: SandboxName) {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const keys = await makeKeys();
  await makeBundle(dir.join("plugin"));
  await signDir(dir.join("plugin"), keys);
  const found = await survey(executable);
  assert.ok(typeof found !== "string");
  const kept = dir.join("data/kept");
  return {
    found,
    memory: new MachineMemory(new KeptFiles(kept)),
    written: () => Deno.statSync(`${kept}/machine.json`).mtime!.getTime(),
    async load() {
      const options = { keys: [keys.hex], dataDir: dir.join("data"), isolation };
      await using host = await PluginHost.open({ ...options, logger: silentLogger });
      const plugin = await host.load(dir.join("plugin"));
      return plugin.sandbox?.launcher;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

for (const isolation of ["bwrap", "unshare"] as const) {
  sandboxTest(
    `a host remembers that ${isolation} works, and does not look again`,
    isolation,
    async () => {
      await using it = await scene(isolation);
      assert.equal(await it.load(), isolation);
      const first = it.written();
      assert.deepEqual((await it.memory.recall(executable))?.works, [isolation]);
      assert.equal(await it.load(), isolation);
      assert.equal(it.written(), first, "nothing had to be found out");
    },
  );

  sandboxTest(
    `a wrong memory of ${isolation} costs a retry, and nothing of the sandbox`,
    isolation,
    async () => {
      await using it = await scene(isolation);
      const wrong: Survey = {
        ...it.found,
        programs: { ...it.found.programs, [isolation]: "/bin/false" },
      };
      await it.memory.remember(executable, { survey: wrong, works: [isolation] });
      assert.equal((await it.memory.recall(executable))?.survey.programs[isolation], "/bin/false");
      assert.equal(await it.load(), isolation);
      const { survey: now, works } = (await it.memory.recall(executable))!;
      assert.deepEqual([now.programs, works], [it.found.programs, [isolation]], "it is put right");
    },
  );
}
