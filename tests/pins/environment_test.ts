import assert from "node:assert/strict";
import {
  createLaunchSpec,
  ENVIRONMENT_NAMES,
  type LaunchSpecInput,
} from "../../src/sandbox/launch/launch_spec.ts";

const INPUT: LaunchSpecInput = {
  plugin: "p",
  executable: "/deno",
  flags: ["--no-prompt"],
  importMap: "/runtime/import_map.json",
  bootstrap: "/runtime/bootstrap.js",
  denoDir: "/run/deno",
  cwd: "/run/cwd",
  network: "isolated",
  seccomp: "strict",
  limits: { memoryBytes: 1, cpuPercent: 1, threads: 1, fileDescriptors: 1, fileBytes: 1 },
};

Deno.test("a plugin's environment has exactly these names", () => {
  const spec = createLaunchSpec(INPUT);
  assert.deepEqual(spec.env, {
    DENO_DIR: "/run/deno",
    DENO_NO_UPDATE_CHECK: "1",
    DENO_WEBGPU_BACKEND: "noop",
    NO_COLOR: "1",
  });
  assert.deepEqual(spec.args, [
    "run",
    "--no-prompt",
    "--import-map=/runtime/import_map.json",
    "/runtime/bootstrap.js",
  ]);
  const proxied = createLaunchSpec({ ...INPUT, network: "proxied" });
  assert.deepEqual(proxied.env, {
    ...spec.env,
    HTTP_PROXY: "http://127.0.0.1:3128",
    HTTPS_PROXY: "http://127.0.0.1:3128",
  });
  assert.deepEqual(Object.keys(proxied.env).sort(), [...ENVIRONMENT_NAMES].sort());
});
