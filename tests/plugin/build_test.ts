import assert from "node:assert/strict";
import { BOOTSTRAP_SOURCE, IMPORT_MAP_SOURCE } from "../../src/plugin/bootstrap.generated.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test("bootstrap.generated.ts is what `deno task build` makes", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-lock",
      "--allow-read",
      "--allow-run",
      "scripts/build_bootstrap.ts",
      "--check",
    ],
    cwd: ROOT,
    stdout: "null",
    stderr: "piped",
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});

Deno.test("the bootstrap imports and exports nothing, and names no path of the machine that built it", () => {
  assert.doesNotMatch(BOOTSTRAP_SOURCE, /^(import|export)\b/m);
  assert.equal(BOOTSTRAP_SOURCE.includes(ROOT.pathname), false);
});

Deno.test("the import map resolves the plugin API to a module inside it", async () => {
  const { imports } = JSON.parse(IMPORT_MAP_SOURCE) as { imports: Record<string, string> };
  const url = imports["@sallyport/host/plugin"]!;
  assert.match(url, /^data:text\/javascript,/);
  const { definePlugin } = await import(url);
  const plugin = {};
  assert.equal(definePlugin(plugin), plugin);
});
