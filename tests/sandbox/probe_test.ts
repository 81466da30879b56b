import assert from "node:assert/strict";
import { escapeText } from "../../src/errors.ts";
import { findLibraries, withCache } from "../../src/sandbox/machine/libraries.ts";
import { probeLauncher } from "../../src/sandbox/probe.ts";
import { survey } from "../../src/sandbox/machine/survey.ts";
import { sandboxTest } from "../helpers/sandbox.ts";

const executable = Deno.execPath();
const NAMES = ["bwrap", "unshare"] as const;

for (const name of NAMES) {
  sandboxTest(`probeLauncher() starts the runtime with ${name}, once`, name, async () => {
    const libraries = await findLibraries(executable);
    const first = probeLauncher(name, { executable, libraries });
    assert.equal(probeLauncher(name, { executable, libraries: [...libraries] }), first);
    const { works, path, reason } = await first;
    assert.ok(works, reason);
    assert.match(path ?? "", new RegExp(`^/.*/${name}$`));
    assert.equal(reason, undefined);
  });

  sandboxTest(`probeLauncher() says what ${name} wrote when it fails`, name, async () => {
    const { works, reason } = await probeLauncher(name, { executable, libraries: [] });
    assert.equal(works, false);
    assert.match(
      reason ?? "",
      /deno/,
      "the loader is missing, which the kernel blames on the program",
    );
    assert.equal(escapeText(reason!, 310), reason);
  });

  sandboxTest(
    `probeLauncher() fails with a reason for ${name} where /proc is masked, as in a container`,
    [name, "root"],
    async () => {
      const module = new URL("../../src/sandbox/", import.meta.url).href;
      const script = `import { findLibraries } from "${module}machine/libraries.ts";
import { probeLauncher } from "${module}probe.ts";
const executable = Deno.execPath();
const libraries = await findLibraries(executable);
console.log(JSON.stringify(await probeLauncher("${name}", { executable, libraries })));`;
      const run = ["run", "-A", "--no-config", "--no-lock", "--no-check"];
      const command = [executable, ...run, `data:text/javascript,${encodeURIComponent(script)}`];
      const hidden = 'mount -t tmpfs none /proc/tty && exec "$@"';
      const probe = async (before: string[]) => {
        const [program, ...args] = [...before, ...command];
        const { stdout, stderr } = await new Deno.Command(program!, { args }).output();
        assert.ok(stdout.length > 0, new TextDecoder().decode(stderr));
        return JSON.parse(new TextDecoder().decode(stdout));
      };
      const masked = await probe(["/usr/bin/unshare", "--mount", "/bin/sh", "-c", hidden, "sh"]);
      assert.equal(masked.works, false);
      assert.match(masked.reason, /proc/);
      const control = await probe(["/usr/bin/unshare", "--mount"]);
      assert.equal(control.works, true, control.reason);
    },
  );
}

Deno.test("probeLauncher() does not start a runtime that it has no path of", async () => {
  for (const name of NAMES) {
    const { works, reason } = await probeLauncher(name, { executable: "deno", libraries: [] });
    assert.equal(works, false);
    assert.match(reason ?? "", /--allow-run=/);
  }
});

sandboxTest("findLibraries() names what the loader opens, and nothing else", "bwrap", async () => {
  const libraries = await findLibraries(executable);
  assert.ok(libraries.some((path) => /\/ld[-.]|ld-musl/.test(path)), "the loader itself");
  assert.ok(libraries.some((path) => path.includes("libc.")));
  for (const path of libraries) {
    assert.match(path, /^\//);
    assert.ok((await Deno.stat(path)).isFile, path);
  }
  assert.ok(libraries.length < 30);
  assert.equal(new Set(libraries).size, libraries.length);
});

sandboxTest("findLibraries() shows folders where the loader does not answer", "bwrap", async () => {
  const libraries = await findLibraries("/nonexistent/deno");
  assert.ok(libraries.length > 0);
  for (const path of libraries) assert.ok((await Deno.stat(path)).isDirectory, path);
});

Deno.test("withCache() adds the loader's cache only for libraries in unusual places", () => {
  const usual = [
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib64/ld-linux-x86-64.so.2",
    "/usr/lib/libm.so.6",
    "/usr/lib/aarch64-linux-gnu/libgcc_s.so.1",
    "/nix/store/abc-glibc-2.39/lib/libc.so.6",
  ];
  assert.deepEqual(withCache(usual), usual);
  assert.deepEqual(withCache(["/opt/lib/libc.so.6"]), ["/opt/lib/libc.so.6", "/etc/ld.so.cache"]);
});

sandboxTest(
  "survey() knows a static program from one whose loader does not answer",
  "bwrap",
  async () => {
    const none = await survey("/nonexistent/deno");
    assert.ok(typeof none !== "string");
    assert.equal(none.libraries, undefined);
  },
);
