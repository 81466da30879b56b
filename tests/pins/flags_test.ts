/** Pins the flags of a plugin with nothing granted: a change here is a change of the sandbox. */
import assert from "node:assert/strict";
import { parseManifest } from "../../src/bundle/manifest/manifest.ts";
import { deriveFlags } from "../../src/permissions/flags.ts";
import { entryFor } from "../../src/permissions/policy/policy.ts";
import { resolvePermissions } from "../../src/permissions/resolve.ts";

Deno.test("deriveFlags() of a plugin with nothing granted is pinned", () => {
  const manifest = parseManifest('{ "name": "x", "version": "1.0.0", "entry": "main.ts" }');
  const bundleDir = "/bundle";
  const context = { bundleDir, realPath: () => undefined };
  const permissions = resolvePermissions(manifest, entryFor(undefined, "x"), context);
  assert.deepEqual(deriveFlags(permissions, { bundleDir }), [
    "--no-prompt",
    "--no-remote",
    "--no-npm",
    "--no-config",
    "--no-lock",
    "--cached-only",
    "--deny-import",
    "--no-code-cache",
    "--allow-read=/bundle",
    "--deny-write",
    "--deny-net",
    "--deny-sys",
    "--deny-env",
    "--deny-run",
    "--deny-ffi",
    "--v8-flags=--max-old-space-size=128",
  ]);
});
