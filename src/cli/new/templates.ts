// The files of a new plugin.
import { manifestJsonSchema } from "../../bundle/manifest/manifest.ts";
import { VERSION } from "../../version.ts";

/** Stands apart, so that tools that look for imports in this file do not find those of the texts below. */
const PACKAGE = "@sallyport/host";

export function manifestFile(name: string): string {
  const manifest = {
    $schema: manifestJsonSchema().$id,
    name,
    version: "0.1.0",
    description: "Says what the plugin does, in one sentence",
    entry: "main.ts",
    sdk: `^${VERSION}`,
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** Writes `.gitattributes`, within the bundle: it goes wherever that is committed. */
export function gitAttributes(): string {
  return "# what is signed keeps its bytes: no line ends are converted\n* -text\n";
}

export function entryModule(): string {
  return `import { definePlugin } from "${PACKAGE}/plugin";

export default definePlugin({
  init(ctx) {
    ctx.log.debug("ready");
  },

  methods: {
    /** Greets somebody. */
    greet({ name }: { name: string }): string {
      return \`Hello, \${name}!\`;
    },

    /** Counts down to one; a generator streams its items. */
    async *countdown({ from }: { from: number }): AsyncGenerator<number> {
      for (let n = from; n > 0; n--) yield n;
    },
  },
});
`;
}

export function testModule(name: string): string {
  return `import assert from "node:assert/strict";
import { loadForTest } from "${PACKAGE}/testing";

type Module = typeof import("./${name}/main.ts");

const bundle = new URL("./${name}/", import.meta.url);

Deno.test("greet() greets by name", async () => {
  await using loaded = await loadForTest<Module>(bundle);
  const greeting = await loaded.plugin.call("greet", { name: "Ada" });
  assert.equal(greeting, "Hello, Ada!");
});

Deno.test("countdown() streams down to one", async () => {
  await using loaded = await loadForTest<Module>(bundle);
  const items = loaded.plugin.stream("countdown", { from: 3 });
  assert.deepEqual(await Array.fromAsync(items), [3, 2, 1]);
});
`;
}

/** Writes a `deno.json` that says where the package is, for a folder without any configuration. */
export function denoJson(checkout?: string): string {
  const config = {
    imports: { [PACKAGE]: `jsr:${PACKAGE}@^${VERSION}` },
    ...(checkout === undefined ? {} : { links: [checkout] }),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
