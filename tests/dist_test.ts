/** What applications import is bundled; here that is compared with the sources, and pinned. */
import assert from "node:assert/strict";
import * as bundled from "@sallyport/host";
import * as bundledTesting from "@sallyport/host/testing";
import * as source from "../src/mod.ts";
import * as sourceTesting from "../src/testing/mod.ts";

const ROOT = new URL("../", import.meta.url);

Deno.test("the bundles are made from the sources as they are", async () => {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "scripts/build_dist.ts", "--check"],
    cwd: ROOT,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
});

Deno.test("the bundles export what the sources export", () => {
  assert.deepEqual(Object.keys(bundled).sort(), Object.keys(source).sort());
  assert.deepEqual(Object.keys(bundledTesting).sort(), Object.keys(sourceTesting).sort());
});

Deno.test("an error of one copy of the package is one for all", async () => {
  const refusal = await bundled.PluginHost.open({ keys: ["no key"] }).catch((error) => error);
  for (const copy of [bundled, source]) assert.ok(refusal instanceof copy.SallyportError);
  assert.notEqual(bundled.SallyportError, source.SallyportError);
  for (const other of [new Error("x"), {}, null, undefined, "SallyportError"]) {
    assert.ok(!(other instanceof source.SallyportError));
  }
});

/** What a module of `dist/` and those that it imports statically import, themselves included. */
function reached(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  if (name.startsWith("node:")) return found;
  const text = Deno.readTextFileSync(new URL(`dist/${name}`, ROOT));
  for (const [, , from] of text.matchAll(/(?:from|import)\s*(["'])([^"'\n]+)\1/g)) {
    if (from!.startsWith("./")) reached(from!.slice(2), found);
    else if (from!.startsWith("node:")) found.add(from!);
  }
  return found;
}

Deno.test("importing the host, and the command line, reads these modules and no other", () => {
  assert.deepEqual([...reached("host.js")].sort(), [
    "host.js",
    "node:path",
    "part_1.js",
    "part_2.js",
    "part_3.js",
    "part_4.js",
    "part_5.js",
    "part_6.js",
    "part_7.js",
  ]);
  assert.deepEqual([...reached("cli.js")].sort(), ["cli.js", "part_3.js", "part_7.js"]);
});
