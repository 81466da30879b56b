import assert from "node:assert/strict";
import { manifestJsonSchema, parseManifest } from "../../src/bundle/manifest/manifest.ts";
import { signForTest } from "../../src/testing/sign.ts";
import { EXAMPLES, PLUGINS } from "./kit.ts";

for (const name of EXAMPLES) {
  Deno.test(`${name} is a bundle that says who it is and carries no signature`, async () => {
    const dir = new URL(`${name}/`, PLUGINS);
    const manifest = parseManifest(await Deno.readFile(new URL("plugin.json", dir)));
    assert.equal(manifest.name, name);
    assert.equal(manifest.$schema, manifestJsonSchema().$id);
    assert.equal(manifest.license, "MIT");
    assert.equal(manifest.sdk, "^0.1.0");
    assert.ok(manifest.description);
    const files = (await Array.fromAsync(Deno.readDir(dir))).map((entry) => entry.name);
    assert.ok(!files.includes("plugin.sig.json"), "keys are the operator's");
    await using signed = await signForTest(dir);
    assert.match(signed.bundleHash, /^[0-9a-f]{128}$/);
  });
}

Deno.test("the example plugins ask for nothing that they do not use", async () => {
  const asked = await Promise.all(EXAMPLES.map(async (name) => {
    const file = new URL(`${name}/plugin.json`, PLUGINS);
    const { permissions, context, hooks, storage } = parseManifest(await Deno.readFile(file));
    return [name, {
      ...permissions,
      ...(context === undefined ? {} : { context: context.map(({ key }) => key) }),
      ...(hooks === undefined ? {} : { hooks: hooks.map((hook) => [hook.name, hook.priority]) }),
      ...(storage === undefined ? {} : { storage }),
    }];
  }));
  assert.deepEqual(Object.fromEntries(asked), {
    "doc-stats": { hooks: [["on_document", 200]] },
    "link-check": { net: ["example.com:443", "www.example.com:443"] },
    "notes": { context: ["database"], hooks: [["on_document", 300]] },
    "word-count": {},
  });
});
