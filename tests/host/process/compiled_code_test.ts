import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { CacheFile } from "../../../src/host/data/cache_file.ts";
import type { CompileJob } from "../../../src/host/process/compile.ts";
import { CompiledCaches } from "../../../src/host/process/compiled_caches.ts";
import type { PluginHost } from "../../../src/host/host.ts";
import { BOOTSTRAP_SOURCE, IMPORT_MAP_SOURCE } from "../../../src/plugin/bootstrap.generated.ts";
import { runtimes } from "../../helpers/runtimes.ts";
import { startHost } from "../../helpers/host_program.ts";
import { type HostTest, hostTest } from "../../helpers/host.ts";
import { type SandboxName, sandboxTest } from "../../helpers/sandbox.ts";
import { type TempDir, tempDir } from "../../helpers/signing.ts";

const OWN = "data:text/javascript,export%20const%20own%20=%2041;";
/** Imports a module that nobody can have compiled ahead. */
const SMALL = `const one: number = 1;
export default { methods: {
  answer: async () => one + (await import(${JSON.stringify(OWN)})).own,
} };`;
const NAMES = `import { existsSync } from "node:fs";
import { join } from "node:path";
export default { methods: {
  answer: (): string => existsSync(new URL("main.ts", import.meta.url)) + join("/a", "..", "b"),
} };`;

/** What a process was started with. */
interface Started {
  readonly pid: number;
  readonly args: readonly string[];
  readonly denoDir: string;
}

function startedAs(pid: number): Started {
  const words = (name: string) => Deno.readTextFileSync(`/proc/${pid}/${name}`).split("\0");
  const name = "DENO_DIR=";
  const denoDir = words("environ").find((word) => word.startsWith(name))!.slice(name.length);
  return { pid, args: words("cmdline"), denoDir };
}

/** The one runtime that there is, however it was started. */
function onlyRuntime(test: HostTest): Started {
  const [pid, ...others] = runtimes(test);
  assert.deepEqual(others, []);
  return startedAs(pid!);
}

const engineFlags = ({ args }: Started) =>
  args.find((word) => word.startsWith("--v8-flags="))!.slice("--v8-flags=".length).split(",");
const hasNoCode = ({ args }: Started) => args.includes("--no-code-cache");

/** The modules whose code a process finds, as it sees them; `undefined` where it finds no database. */
async function compiled(dir: TempDir, { pid, denoDir }: Started): Promise<string[] | undefined> {
  const own = dir.join(`copy-${crypto.randomUUID()}`);
  await Deno.mkdir(own);
  for (const end of ["", "-wal"]) {
    const name = `v8_code_cache_v2${end}`;
    await Deno.copyFile(`/proc/${pid}/root${denoDir}/${name}`, `${own}/${name}`).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
  return rows(`${own}/v8_code_cache_v2`);
}

function rows(file: string): string[] | undefined {
  try {
    Deno.statSync(file);
  } catch {
    return undefined;
  }
  const database = new DatabaseSync(file);
  try {
    return database.prepare("SELECT specifier FROM codecache").all()
      .map(({ specifier }) => String(specifier)).sort();
  } finally {
    database.close();
  }
}

async function loadTwice(host: PluginHost, dir: string): Promise<void> {
  for (const _ of ["first", "second"]) await (await host.load(dir)).unload();
}

/** A sandbox shows its cache folder to nobody but root; what goes for all is in `code_caching_test.ts`. */
function codeTest(name: string, isolation: SandboxName, fn: () => Promise<void>): void {
  sandboxTest(`${name}, ${isolation}`, [isolation, "root"], fn);
}

Deno.test("the first plugin of a host's process finds no code and keeps none", async () => {
  await using test = await hostTest();
  await test.bundle("one", SMALL);
  await using host = startHost("serve", [test.keys.hex, test.plugins, test.dataDir]);
  const { pids } = JSON.parse(await host.line()) as { pids: Record<string, number> };
  const started = startedAs(pids.one!);
  assert.ok(hasNoCode(started), started.args.join(" "));
  assert.ok(!engineFlags(started).includes("--no-lazy"), started.args.join(" "));
  await using dir = await tempDir();
  assert.equal(await compiled(dir, started), undefined);
  await host.endInput();
  assert.deepEqual(JSON.parse(await host.line()), { closed: true });
});

for (const isolation of ["bwrap", "unshare"] as const) {
  codeTest("a later start finds the code of its bundle and adds none", isolation, async () => {
    await using test = await hostTest();
    await using dir = await tempDir();
    const host = await test.open({ isolation });
    const bundle = await test.bundle("one", SMALL);
    await loadTwice(host, bundle);
    const plugin = await host.load(bundle);
    const started = onlyRuntime(test);
    assert.ok(!hasNoCode(started), started.args.join(" "));
    assert.ok(engineFlags(started).includes("--no-lazy"), started.args.join(" "));
    const before = await compiled(dir, started);
    for (const end of ["/bootstrap.js", "/main.ts"]) {
      assert.equal(before?.filter((name) => name.endsWith(end)).length, 1, `${end}: ${before}`);
    }
    assert.equal(await plugin.call("answer"), 42);
    assert.deepEqual(await compiled(dir, started), before);
    await plugin.unload();

    const other = await host.load(await test.bundle("two", SMALL.replace("41", "1")));
    const seen = await compiled(dir, onlyRuntime(test));
    assert.ok(!seen?.some((name) => name.endsWith("/main.ts")), `another bundle sees ${seen}`);
    await other.unload();
  });

  codeTest("a bundle that names the runtime's modules finds theirs", isolation, async () => {
    await using test = await hostTest();
    await using dir = await tempDir();
    const host = await test.open({ isolation });
    const bundle = await test.bundle("one", NAMES);
    const first = await host.load(bundle);
    assert.ok(hasNoCode(onlyRuntime(test)), "what is there for all is compiled in another way");
    assert.equal(await first.call("answer"), "true/b");
    await first.unload();
    await (await host.load(bundle)).unload();
    const plugin = await host.load(bundle);
    const started = onlyRuntime(test);
    assert.ok(!hasNoCode(started), started.args.join(" "));
    assert.ok(!engineFlags(started).includes("--no-lazy"), started.args.join(" "));
    const found = await compiled(dir, started);
    for (const name of ["path", "fs"]) {
      assert.ok(found?.some((each) => each.startsWith(`ext:deno_node/${name}`)), `${found}`);
    }
    assert.equal(await plugin.call("answer"), "true/b");
    await plugin.unload();
  });

  codeTest("without compilers a plugin finds code that was made so", isolation, async () => {
    await using test = await hostTest();
    await using dir = await tempDir();
    const host = await test.open({ isolation, policy: { default: { jitless: true } } });
    const bundle = await test.bundle("one", SMALL);
    const first = await host.load(bundle);
    assert.ok(hasNoCode(onlyRuntime(test)), "what is there for all is compiled in another way");
    assert.equal(await first.call("answer"), 42);
    await first.unload();
    await (await host.load(bundle)).unload();
    for (const start of ["third", "fourth"]) {
      const plugin = await host.load(bundle);
      const started = onlyRuntime(test);
      assert.ok(!hasNoCode(started), started.args.join(" "));
      assert.ok((await compiled(dir, started))?.some((name) => name.endsWith("/main.ts")));
      assert.ok(engineFlags(started).includes("--jitless"));
      assert.ok(!engineFlags(started).includes("--no-lazy"));
      assert.equal(await plugin.call("answer"), 42, start);
      await plugin.unload();
    }
  });
}

/** Compiles a bundle of one file. */
async function compile(dir: TempDir, maxFileBytes?: number): Promise<readonly CacheFile[]> {
  const denoDir = dir.join("deno");
  await Deno.mkdir(dir.join("bundle"), { recursive: true });
  await Deno.writeTextFile(dir.join("bootstrap.js"), BOOTSTRAP_SOURCE);
  await Deno.writeTextFile(dir.join("import_map.json"), IMPORT_MAP_SOURCE);
  await Deno.writeTextFile(dir.join("bundle/main.ts"), SMALL);
  const flags = "run --no-prompt --no-remote --no-npm --no-config --no-lock --cached-only";
  await using caches = new CompiledCaches();
  const prepare = async (): Promise<CompileJob> => {
    await Deno.mkdir(denoDir);
    return {
      entry: pathToFileURL(dir.join("bundle/main.ts")).href,
      maxFileBytes,
      launch: {
        command: {
          command: Deno.execPath(),
          args: [
            ...flags.split(" "),
            `--allow-read=${dir.join("bundle")}`,
            `--import-map=${dir.join("import_map.json")}`,
            dir.join("bootstrap.js"),
          ],
          env: { DENO_DIR: denoDir, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
          cwd: dir.path,
        },
        enter: undefined,
        denoDir,
        [Symbol.asyncDispose]: () => Deno.remove(denoDir, { recursive: true }).catch(() => {}),
      },
    };
  };
  for (const _ of ["first", "second"]) caches.started("hash", prepare);
  await caches.idle();
  return caches.get("hash");
}

Deno.test("code that a process could not write is left out, and the other files are kept", async () => {
  await using dir = await tempDir();
  const paths = (files: readonly CacheFile[]) => files.map(({ path }) => path).sort();
  const isCode = (path: string) => path.startsWith("v8_code_cache");
  const whole = await compile(dir);
  assert.equal(paths(whole).filter(isCode).length, 1, paths(whole).join());
  const largest = Math.max(
    ...whole.filter(({ path }) => !isCode(path)).map(({ bytes }) => bytes.length),
  );
  const code = whole.find(({ path }) => isCode(path))!;
  assert.ok(code.bytes.length > largest, `${code.bytes.length} bytes of code, ${largest} others`);
  const others = paths(whole).filter((path) => !isCode(path));
  assert.ok(others.some((path) => path.endsWith("main.ts.js")), others.join());
  assert.deepEqual(paths(await compile(dir, largest)), others);
});

Deno.test("the runtime adds to code that is not frozen, so that it is worth freezing", async () => {
  await using dir = await tempDir();
  const files = await compile(dir);
  await Deno.writeTextFile(dir.join("more.js"), "console.log(1 + 1);");
  for (const [what, thaw] of [["frozen", ""], ["thawed", "DROP TRIGGER frozen"]] as const) {
    const denoDir = dir.join(what);
    for (const { path, bytes } of files) {
      await Deno.mkdir(`${denoDir}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      await Deno.writeFile(`${denoDir}/${path}`, bytes);
    }
    const [file] = files.filter(({ path }) => path.startsWith("v8_code_cache"));
    const database = new DatabaseSync(`${denoDir}/${file!.path}`);
    database.exec(thaw);
    database.close();
    const before = rows(`${denoDir}/${file!.path}`)!;
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-lock", "--no-remote", dir.join("more.js")],
      env: { DENO_DIR: denoDir, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
      clearEnv: true,
    }).output();
    assert.ok(success);
    const more = what === "frozen" ? [] : [pathToFileURL(dir.join("more.js")).href];
    const added = rows(`${denoDir}/${file!.path}`)!.filter((name) => !before.includes(name));
    assert.deepEqual(added, more, what);
  }
});
