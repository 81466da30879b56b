/** Files that would run as the host's user: a plugin with a filter cannot make them where it may write. */
import assert from "node:assert/strict";
import { hostTest } from "../helpers/host.ts";
import { sandboxTest } from "../helpers/sandbox.ts";

const MAKES = `import fs from "node:fs";
const ACTS: Record<string, (at: string, given: string) => void> = {
  chmod: (at) => { Deno.writeTextFileSync(at, "x"); Deno.chmodSync(at, 0o4755); },
  chmodGroup: (at) => { Deno.writeTextFileSync(at, "x"); Deno.chmodSync(at, 0o2755); },
  chmodFolder: (at) => { Deno.mkdirSync(at); Deno.chmodSync(at, 0o2755); },
  fchmod: (at) => {
    const fd = fs.openSync(at, "w");
    try { fs.fchmodSync(fd, 0o4755); } finally { fs.closeSync(fd); }
  },
  copy: (at, given) => Deno.copyFileSync(given, at),
};
export default { methods: {
  make: ({ folder, given }: { folder: string; given: string }) => Object.entries(ACTS).map(([name, act]) => {
    try { act(folder + "/" + name, given); return name + " ok"; } catch (error) { return name + " " + (error as { code: string }).code; }
  }),
  ordinary: (folder: string) => {
    Deno.mkdirSync(folder + "/sub", { mode: 0o755 });
    Deno.writeTextFileSync(folder + "/sub/file", "x", { mode: 0o700 });
    Deno.chmodSync(folder + "/sub/file", 0o755);
    Deno.chmodSync(folder + "/sub", 0o1777);
    Deno.copyFileSync(folder + "/sub/file", folder + "/sub/copy");
    return Deno.statSync(folder + "/sub").mode! & 0o7777;
  },
} };
`;

function setIdFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => (Deno.lstatSync(`${folder}/${name}`).mode! & 0o6000) !== 0).sort();
}

for (const launcher of ["bwrap", "unshare"] as const) {
  sandboxTest(
    `${launcher}: a plugin makes no set-user-id and no set-group-id file where it may write`,
    launcher,
    async () => {
      await using test = await hostTest();
      const given = test.join("given");
      await Deno.writeTextFile(given, "x");
      await Deno.chmod(given, 0o4755);
      const made: Record<string, string[]> = {};
      for (const seccomp of ["strict", "baseline", "off"] as const) {
        const folder = test.join(seccomp);
        await Deno.mkdir(folder);
        const dir = await test.bundle(`makes_${seccomp}`, MAKES, {
          permissions: { read: [folder, given], write: [folder] },
        });
        const grant = { read: [folder, given], write: [folder] };
        await using host = await test.open({
          isolation: launcher,
          policy: { default: { grant, seccomp } },
        });
        const plugin = await host.load(dir);
        assert.equal(plugin.sandbox!.seccomp, seccomp !== "off");
        made[seccomp] = await plugin.call("make", { folder, given }) as string[];
        assert.equal(await plugin.call("ordinary", folder), 0o1777);
        // the control without a filter shows that nothing else keeps it from that
        const expected = ["chmod", "chmodFolder", "chmodGroup", "fchmod"];
        assert.deepEqual(setIdFiles(folder), seccomp === "off" ? expected : [], seccomp);
      }
      assert.ok(made.off!.every((line) => line.endsWith(" ok")), made.off!.join());
      for (const seccomp of ["strict", "baseline"]) {
        assert.ok(made[seccomp]!.every((line) => line.endsWith(" EPERM")), made[seccomp]!.join());
      }
    },
  );
}
