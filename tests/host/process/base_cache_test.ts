import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { BaseCache } from "../../../src/host/process/base_cache.ts";
import type { CacheFile } from "../../../src/host/data/cache_file.ts";
import { CompiledCaches } from "../../../src/host/process/compiled_caches.ts";
import { BOOTSTRAP_SOURCE, IMPORT_MAP_SOURCE } from "../../../src/plugin/bootstrap.generated.ts";
import { processesNaming, until, writeProgram } from "../../helpers/process.ts";
import { type TempDir, tempDir } from "../../helpers/signing.ts";

/** Makes what a host's folder has for it. */
async function hostFolder(dir: TempDir, name: string) {
  const [runtime, scratch] = [dir.join(`${name}-runtime`), dir.join(`${name}-scratch`)];
  await Deno.mkdir(runtime);
  await Deno.mkdir(scratch);
  await Deno.writeTextFile(`${runtime}/bootstrap.js`, BOOTSTRAP_SOURCE);
  await Deno.writeTextFile(`${runtime}/import_map.json`, IMPORT_MAP_SOURCE);
  return {
    runtime: { bootstrap: `${runtime}/bootstrap.js`, importMap: `${runtime}/import_map.json` },
    scratch,
  };
}

/** Makes an executable of a shell's commands. */
async function program(dir: TempDir, name: string, commands: string): Promise<string> {
  const path = dir.join(name);
  await writeProgram(path, commands);
  return path;
}

/** Lists the modules that Deno finds analysed in a cache folder of these files, and compiled. */
async function known(dir: TempDir, files: readonly CacheFile[]): Promise<string[]> {
  const analysed = await modules(dir, files, "dep_analysis_cache", "moduleinfocache");
  assert.deepEqual(await modules(dir, files, "v8_code_cache", "codecache"), analysed);
  return analysed;
}

async function modules(
  dir: TempDir,
  files: readonly CacheFile[],
  name: string,
  table: string,
): Promise<string[]> {
  const found = files.find(({ path }) => path.startsWith(name));
  assert.ok(found, `none of ${files.map(({ path }) => path).join()}`);
  const path = dir.join("opened");
  await Deno.writeFile(path, found.bytes);
  const database = new DatabaseSync(path);
  try {
    const rows = database.prepare(
      `SELECT specifier, hex(source_hash) AS hash FROM ${table} WHERE specifier LIKE 'file:%'`,
    )
      .all();
    assert.equal(new Set(rows.map((row) => String(row.hash))).size, 1, "of one source");
    return rows.map((row) => String(row.specifier)).sort();
  } finally {
    database.close();
  }
}

function names(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

Deno.test("the bootstrap is analysed once in a process, for every host and under every name", async () => {
  await using dir = await tempDir();
  const deno = await program(
    dir,
    "deno",
    `echo run >>${dir.path}/runs; exec ${Deno.execPath()} "$@"`,
  );
  const [one, two] = [await hostFolder(dir, "one"), await hostFolder(dir, "two")];
  await using first = new BaseCache(deno, one);
  await using second = new BaseCache(deno, two);
  assert.deepEqual(first.files(true, "eager"), []);
  await Promise.all([first.make(), second.make()]);
  await second.make();
  assert.equal(await Deno.readTextFile(dir.join("runs")), "run\n");

  const inside = "file:///runtime/bootstrap.js";
  const url = (host: typeof one) => `file://${host.runtime.bootstrap}`;
  assert.deepEqual(await known(dir, first.files(true, "eager")), [inside]);
  assert.deepEqual(await known(dir, first.files(false, "eager")), [url(one)]);
  assert.deepEqual(await known(dir, second.files(true, "eager")), [inside]);
  assert.deepEqual(await known(dir, second.files(false, "eager")), [url(two)]);
  assert.equal(
    second.files(false, "eager"),
    second.files(false, "eager"),
    "a folder of copies is made of them once",
  );
  assert.deepEqual([names(one.scratch), names(two.scratch)], [[], []]);
});

Deno.test("what was compiled of a bundle goes before what is for all, and without either there is nothing", async () => {
  await using dir = await tempDir();
  await using caches = new CompiledCaches(
    new BaseCache(Deno.execPath(), await hostFolder(dir, "a")),
  );
  assert.deepEqual(caches.filesFor("hash", false, "eager"), []);
  const once = () => assert.fail("it was started only once");
  caches.started("hash", once);
  await caches.idle();
  assert.deepEqual(
    caches.filesFor("hash", false, "eager"),
    [],
    "who starts one plugin has no use for it",
  );
  caches.started("other", once);
  await caches.idle();
  assert.ok(caches.filesFor("hash", false, "eager").length > 0);
  assert.deepEqual(caches.get("hash"), []);
});

Deno.test("more starts than processors wait until it is there", async () => {
  await using dir = await tempDir();
  const deno = await program(dir, "deno", `exec ${Deno.execPath()} "$@"`);
  await using caches = new CompiledCaches(new BaseCache(deno, await hostFolder(dir, "host")));
  using undo = new DisposableStack();
  for (let start = 0; start < navigator.hardwareConcurrency; start++) {
    undo.use(await caches.starting());
  }
  assert.deepEqual(
    caches.filesFor("any", true, "eager"),
    [],
    "those that have a processor do not wait",
  );
  undo.use(await caches.starting());
  assert.ok(caches.filesFor("any", true, "eager").length > 0);
});

Deno.test("a deno that fails is tried three times, and costs nothing else", async () => {
  await using dir = await tempDir();
  const deno = await program(dir, "deno", `echo run >>${dir.path}/runs; exit 1`);
  const host = await hostFolder(dir, "host");
  await using base = new BaseCache(deno, host);
  for (let turn = 0; turn < 5; turn++) await base.make();
  assert.equal(await Deno.readTextFile(dir.join("runs")), "run\nrun\nrun\n");
  assert.deepEqual(base.files(false, "eager"), []);
  await using absent = new BaseCache(dir.join("absent"), host);
  await absent.make();
  assert.deepEqual(absent.files(true, "eager"), []);
  assert.deepEqual(names(host.scratch), []);
});

Deno.test("disposing ends the process, and another host begins anew", async () => {
  await using dir = await tempDir();
  const name = `sleeper-${crypto.randomUUID()}`;
  const deno = await program(
    dir,
    name,
    `[ -e ${dir.path}/go ] && exec ${Deno.execPath()} "$@"\nread -r _ <${dir.path}/pipe`,
  );
  await new Deno.Command("mkfifo", { args: [dir.join("pipe")] }).output();
  const host = await hostFolder(dir, "host");
  const base = new BaseCache(deno, host);
  const making = base.make();
  await until(() => processesNaming(name).length > 0, "it runs");
  await base[Symbol.asyncDispose]();
  await making;
  assert.deepEqual(processesNaming(name), []);
  assert.deepEqual([base.files(true, "eager"), names(host.scratch)], [[], []]);

  await Deno.writeTextFile(dir.join("go"), "");
  await using other = new BaseCache(deno, host);
  await other.make();
  assert.ok(other.files(true, "eager").length > 0);
});
