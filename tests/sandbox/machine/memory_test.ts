import assert from "node:assert/strict";
import { KeptFiles } from "../../../src/host/data/kept_files.ts";
import { MachineMemory } from "../../../src/sandbox/machine/memory.ts";
import { survey } from "../../../src/sandbox/machine/survey.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";
import { tempDir } from "../../helpers/signing.ts";

const executable = Deno.execPath();

async function scene() {
  const dir = await tempDir();
  const memory = new MachineMemory(new KeptFiles(dir.join("kept")));
  const found = await survey(executable);
  assert.ok(typeof found !== "string");
  return { dir, memory, found, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

sandboxTest("MachineMemory recalls what was found out, whole", "bwrap", async () => {
  await using it = await scene();
  assert.equal(await it.memory.recall(executable), undefined, "nothing is known at first");
  await it.memory.remember(executable, { survey: it.found, works: ["bwrap"] });
  const another = new MachineMemory(new KeptFiles(it.dir.join("kept")));
  const recalled = await another.recall(executable);
  assert.deepEqual({ bwrapFails: undefined, ...recalled?.survey }, it.found);
  assert.deepEqual(recalled?.works, ["bwrap"]);
  await another.forget();
  assert.equal(await it.memory.recall(executable), undefined);
});

sandboxTest("MachineMemory recalls nothing once a program is another one", "bwrap", async () => {
  await using it = await scene();
  const bwrap = it.dir.join("bwrap");
  await Deno.writeTextFile(bwrap, "#!/bin/sh\n", { mode: 0o755 });
  const survey = { ...it.found, programs: { ...it.found.programs, bwrap } };
  const renew = () => it.memory.remember(executable, { survey, works: ["bwrap"] });
  const recalls = async () => await it.memory.recall(executable) !== undefined;
  const changes: readonly (() => Promise<void>)[] = [
    () => Deno.chmod(bwrap, 0o700),
    () => Deno.writeTextFile(bwrap, "#!/bin/sh\n# longer\n"),
    () => Deno.utime(bwrap, 1, 1),
    () => Deno.remove(bwrap),
  ];
  for (const change of changes) {
    await renew();
    assert.ok(await recalls(), "nothing has changed yet");
    await change();
    assert.ok(!await recalls(), String(change));
  }
});

sandboxTest(
  "MachineMemory recalls nothing for another user or another runtime",
  "bwrap",
  async () => {
    await using it = await scene();
    await it.memory.remember(executable, { survey: it.found, works: ["bwrap"] });
    assert.equal(await it.memory.recall("/bin/sh"), undefined);
    const script = `import { KeptFiles } from "${new URL(
      "../../../src/host/data/kept_files.ts",
      import.meta.url,
    )}";
import { MachineMemory } from "${new URL(
      "../../../src/sandbox/machine/memory.ts",
      import.meta.url,
    )}";
const memory = new MachineMemory(new KeptFiles(${JSON.stringify(it.dir.join("kept"))}));
console.log(await memory.recall(${JSON.stringify(executable)}) !== undefined);`;
    await Deno.writeTextFile(it.dir.join("recall.ts"), script);
    const run = async (command: string, ...args: string[]) => {
      const { stdout, stderr } = await new Deno.Command(command, {
        args: [
          ...args,
          executable,
          "run",
          "-A",
          `--config=${new URL("../../../deno.json", import.meta.url).pathname}`,
          it.dir.join("recall.ts"),
        ],
      }).output();
      assert.ok(stdout.length > 0, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout).trim();
    };
    assert.equal(await run("/usr/bin/env"), "true", "a host that is the same recalls it");
    assert.equal(await run("/usr/bin/setpriv", "--no-new-privs", "--"), "false");
    assert.equal(await run("/usr/bin/unshare", "--user", "--map-root-user", "--"), "false");
  },
);
