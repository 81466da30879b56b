import assert from "node:assert/strict";
import { createLaunchSpec, ENVIRONMENT_NAMES } from "../../src/sandbox/launch_spec.ts";

Deno.test("a plugin's environment has exactly these names", () => {
  const spec = createLaunchSpec({
    plugin: "p",
    executable: "/deno",
    flags: ["--no-prompt"],
    importMap: "/runtime/import_map.json",
    bootstrap: "/runtime/bootstrap.js",
    denoDir: "/run/deno",
    cwd: "/run/cwd",
  });
  assert.deepEqual(spec.env, { DENO_DIR: "/run/deno", DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" });
  assert.deepEqual(Object.keys(spec.env).sort(), [...ENVIRONMENT_NAMES].sort());
  assert.deepEqual(spec.args, [
    "run",
    "--no-prompt",
    "--import-map=/runtime/import_map.json",
    "/runtime/bootstrap.js",
  ]);
});
