import assert from "node:assert/strict";

/** Files that take apart paths which have `/` everywhere: of bundles, and of Linux alone. */
const SLASHES_ONLY = new Set([
  "bundle/manifest/paths.ts",
  "host/data/process_dirs.ts",
  "host/process/bundle_folder.ts",
  "plugin/refusal.ts",
  "sandbox/cgroup/v1/limits.ts",
  "sandbox/cgroup/v2/place.ts",
  "sandbox/launch_plan.ts",
]);
const SRC = new URL("../../src/", import.meta.url);

async function* sources(dir: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(dir)) {
    if (isDirectory) yield* sources(new URL(`${name}/`, dir));
    else if (/(?<!\.generated)\.ts$/.test(name)) yield new URL(name, dir);
  }
}

Deno.test("paths of the operating system are taken apart by node:path, which knows its separators", async () => {
  const wrong: string[] = [];
  for await (const file of sources(SRC)) {
    const name = file.href.slice(SRC.href.length);
    if (SLASHES_ONLY.has(name)) continue;
    if (/lastIndexOf\(["']\/["']\)/.test(await Deno.readTextFile(file))) wrong.push(name);
  }
  assert.deepEqual(wrong, []);
});
