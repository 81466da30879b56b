import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { builtinsOf, codeCachingOf } from "../../../src/host/admission/code_caching.ts";
import { readCache } from "../../../src/host/process/compile.ts";
import type { PluginHandle } from "../../../src/host/plugin_handle.ts";
import { type HostTest, hostTest } from "../../helpers/host.ts";
import { sandboxTest } from "../../helpers/sandbox.ts";
import { tempDir } from "../../helpers/signing.ts";

function file(path: string, text: string) {
  const bytes = new TextEncoder().encode(text);
  return { path, bytes, size: bytes.length, sha3_512: "" };
}

/** The flags that a process was started with, and what it was told of its cache folder. */
function processOf({ pid }: PluginHandle): { args: string[]; denoDir: string } {
  const words = (name: string) => Deno.readTextFileSync(`/proc/${pid}/${name}`).split("\0");
  const denoDir = words("environ").find((word) => word.startsWith("DENO_DIR="))!;
  return { args: words("cmdline"), denoDir: denoDir.slice("DENO_DIR=".length) };
}

/** The modules whose code is in a cache folder. */
function compiled(denoDir: string): string[] {
  const database = new DatabaseSync(`${denoDir}/v8_code_cache_v2`, { readOnly: true });
  try {
    return database.prepare("SELECT specifier FROM codecache").all()
      .map(({ specifier }) => String(specifier)).sort();
  } finally {
    database.close();
  }
}

/** Starts a bundle until what was compiled of it is there, and gives the next start. */
async function startCompiled(test: HostTest, dir: string, options = {}): Promise<PluginHandle> {
  const host = await test.open(options);
  for (const _ of ["first", "second"]) await (await host.load(dir)).unload();
  return await host.load(dir);
}

Deno.test("every function of a small bundle is compiled ahead, of others those that run at once", () => {
  const small = [file("plugin.json", "{}"), file("main.ts", "export default {};")];
  assert.equal(codeCachingOf(small, false), "eager");
  assert.equal(codeCachingOf(small, true), "lazy", "without compilers other code is made");
  const large = file("large.js", `// ${"x".repeat(256 * 1024)}`);
  assert.equal(codeCachingOf([...small, large], false), "lazy");
  assert.equal(codeCachingOf([...small, { ...large, path: "large.txt" }], false), "eager");
  assert.equal(codeCachingOf([...small, file("a.mjs", 'import "node:fs";')], false), "lazy");
  assert.equal(codeCachingOf([...small, file("a.md", 'import "node:fs";')], false), "eager");
});

Deno.test("the runtime's modules that a bundle names are found once each, and nothing else", () => {
  const files = [
    file("main.ts", `import a from "node:fs"; import b from 'node:path/posix'; // "node:FS"`),
    file(
      "other.js",
      `import("node:fs"); "node:"; "xnode:os"; "node:${"a".repeat(61)}"; "node:a b"`,
    ),
    file("notes.md", `import "node:os"`),
  ];
  assert.deepEqual(builtinsOf(files), ["node:fs", "node:path/posix"]);
  const many = Array.from({ length: 200 }, (_, n) => `import "node:m${n}";`).join("\n");
  assert.equal(builtinsOf([file("main.ts", many)]).length, 100);
});

const OWN = "data:text/javascript,export%20const%20own%20=%201;";
const MODULE = `export default { methods: {
  answer: async () => (await import(${JSON.stringify(OWN)})).own + 41,
} };`;

Deno.test("the third start of a bundle finds its code, and adds none to it", async () => {
  await using test = await hostTest();
  const plugin = await startCompiled(test, await test.bundle("one", MODULE));
  const { args, denoDir } = processOf(plugin);
  assert.ok(!args.includes("--no-code-cache"));
  assert.ok(args.some((arg) => /^--v8-flags=.*--no-lazy/.test(arg)));
  const before = compiled(denoDir);
  for (const name of ["/bootstrap.js", "/main.ts"]) {
    assert.ok(before.some((specifier) => specifier.endsWith(name)), before.join());
  }
  assert.equal(await plugin.call("answer"), 42);
  assert.deepEqual(compiled(denoDir), before, "it is frozen");
});

sandboxTest("in the sandbox the third start finds its code, too", "bwrap", async () => {
  await using test = await hostTest();
  const dir = await test.bundle("one", MODULE);
  const plugin = await startCompiled(test, dir, { isolation: "bwrap" });
  assert.ok(!processOf(plugin).args.includes("--no-code-cache"));
  assert.equal(await plugin.call("answer"), 42);
});

Deno.test("the runtime's modules are compiled ahead with the bundle that names them", async () => {
  await using test = await hostTest();
  const dir = await test.bundle(
    "paths",
    `import { join } from "node:path";
    export default { methods: { answer: () => join("a", "..", "b") } };`,
  );
  const plugin = await startCompiled(test, dir);
  const { args, denoDir } = processOf(plugin);
  assert.ok(!args.some((arg) => arg.includes("--no-lazy")));
  assert.ok(compiled(denoDir).some((specifier) => specifier.startsWith("ext:deno_node/path")));
  assert.equal(await plugin.call("answer"), "b");
});

Deno.test("a plugin that runs without compilers does so from its code as well", async () => {
  await using test = await hostTest();
  const policy = { plugins: { one: { jitless: true } } };
  const plugin = await startCompiled(test, await test.bundle("one", MODULE), { policy });
  const { args } = processOf(plugin);
  assert.ok(args.some((arg) => /^--v8-flags=.*--jitless$/.test(arg)), args.join(" "));
  assert.equal(await plugin.call("answer"), 42);
});

Deno.test("code that is too large for a file, or in a form that is not known, is left out", async () => {
  await using dir = await tempDir();
  const make = async (name: string, table: string, bytes: number) => {
    const path = dir.join(name);
    await Deno.mkdir(path);
    const database = new DatabaseSync(`${path}/v8_code_cache_v2`);
    database.exec(`PRAGMA journal_mode=WAL; CREATE TABLE ${table} (data BLOB)`);
    database.prepare(`INSERT INTO ${table} VALUES (?)`).run(new Uint8Array(bytes));
    database.close();
    await Deno.writeTextFile(`${path}/dep_analysis_cache_v2`, "");
    return path;
  };
  const names = async (path: string) =>
    (await readCache(path, 1024 * 1024)).map(({ path }) => path).sort();
  const both = ["dep_analysis_cache_v2", "v8_code_cache_v2"];
  assert.deepEqual(await names(await make("small", "codecache", 1_000)), both);
  assert.deepEqual(await names(await make("large", "codecache", 1_100_000)), both.slice(0, 1));
  assert.deepEqual(await names(await make("other", "unknown", 1_000)), both.slice(0, 1));
});
