import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import type { CompileJob } from "../../../src/host/process/compile.ts";
import { KeptFiles } from "../../../src/host/data/kept_files.ts";
import { CompiledCaches } from "../../../src/host/process/compiled_caches.ts";
import { BOOTSTRAP_SOURCE, IMPORT_MAP_SOURCE } from "../../../src/plugin/bootstrap.generated.ts";
import { hostTest } from "../../helpers/host.ts";
import { processesNaming, settles, until } from "../../helpers/process.ts";
import { type TempDir, tempDir } from "../../helpers/signing.ts";

// says by a file that it was run, which the flags of the job allow it
const TELLTALE = `import { writeFileSync } from "node:fs";
const folder: string = new URL("../ran/", import.meta.url).pathname;
writeFileSync(folder + "entry", "");
import "./other.ts";
export default { methods: {} };
`;

/** Makes a job whose process may write to `ran/`, so that whatever runs can say so. */
async function job(dir: TempDir, name: string, denoDir: string): Promise<CompileJob> {
  await Deno.mkdir(denoDir, { recursive: true });
  return {
    entry: pathToFileURL(`${dir.path}/bundle/main.ts`).href,
    launch: {
      command: {
        command: Deno.execPath(),
        args: [
          ..."run --no-prompt --no-remote --no-npm --no-config --no-lock --cached-only".split(" "),
          `--allow-read=${dir.path}/bundle`,
          `--allow-write=${dir.path}/ran`,
          `--import-map=${dir.path}/import_map.json`,
          `${dir.path}/${name}`,
        ],
        env: { DENO_DIR: denoDir, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
        cwd: dir.path,
      },
      enter: undefined,
      denoDir,
      [Symbol.asyncDispose]: () => Deno.remove(denoDir, { recursive: true }).catch(() => {}),
    },
  };
}

async function bundle(dir: TempDir, main = TELLTALE): Promise<void> {
  await Deno.mkdir(`${dir.path}/bundle`);
  await Deno.mkdir(`${dir.path}/ran`);
  await Deno.writeTextFile(`${dir.path}/bootstrap.js`, BOOTSTRAP_SOURCE);
  await Deno.writeTextFile(`${dir.path}/import_map.json`, IMPORT_MAP_SOURCE);
  await Deno.writeTextFile(`${dir.path}/bundle/main.ts`, main);
  await Deno.writeTextFile(
    `${dir.path}/bundle/other.ts`,
    TELLTALE.replace('import "./other.ts";', "").replace('"entry"', '"other"'),
  );
}

function names(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

Deno.test("a bundle is compiled at its second start, and none of it is run", async () => {
  await using dir = await tempDir();
  await bundle(dir);
  await using caches = new CompiledCaches();
  const made = await job(dir, "bootstrap.js", dir.join("deno"));
  caches.started("hash", () => assert.fail("the first start may well be the only one"));
  await caches.idle();
  assert.deepEqual(await caches.get("hash"), []);
  caches.started("hash", () => Promise.resolve(made));
  await caches.idle();
  const paths = (await caches.get("hash")).map(({ path }) => path);
  assert.ok(paths.some((path) => path.endsWith("bundle/main.ts.js")), paths.join());
  assert.ok(paths.some((path) => path.endsWith("bundle/other.ts.js")), paths.join());
  assert.ok(paths.some((path) => path.startsWith("dep_analysis_cache")), paths.join());
  assert.deepEqual(names(dir.join("ran")), [], "something was run");
  assert.deepEqual(processesNaming(dir.path), []);
  caches.started("hash", () => assert.fail("it is compiled already"));
  await caches.idle();

  // the control: the same process that is told to import it does run it
  const { entry, launch: { command } } = await job(dir, "bootstrap.js", dir.join("deno"));
  const child = new Deno.Command(command.command, {
    ...command,
    args: [...command.args],
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const params = { protocol: 1, plugin: { name: "x", version: "1.0.0" }, entry };
  const writer = child.stdin.getWriter();
  const line = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params });
  await writer.write(new TextEncoder().encode(`${line}\n`));
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  await writer.close();
  await child.stderr.cancel();
  await child.status;
  assert.deepEqual(names(dir.join("ran")), ["entry", "other"]);
});

Deno.test("what was started long ago makes room for others", async () => {
  await using dir = await tempDir();
  await bundle(dir);
  await using caches = new CompiledCaches();
  const prepare = () => job(dir, "bootstrap.js", dir.join("deno"));
  const compile = async (key: string) => {
    for (const _ of ["first", "second"]) caches.started(key, prepare);
    await caches.idle();
  };
  const isKept = async (key: string) => (await caches.get(key)).length > 0;
  await compile("old");
  await compile("used");
  for (let n = 0; n < 62; n++) caches.started(`bundle ${n}`, prepare);
  caches.started("used", prepare);
  assert.deepEqual([await isKept("old"), await isKept("used")], [true, true]);
  await compile("new");
  assert.deepEqual([await isKept("old"), await isKept("used"), await isKept("new")], [
    false,
    true,
    true,
  ]);
});

Deno.test("compiling cannot read outside the bundle, and a bundle that does not compile is left", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("secret.ts"), "export default 'secret';");
  await bundle(
    dir,
    'import secret from "../secret.ts";\nexport default { methods: { secret } };\n',
  );
  await using caches = new CompiledCaches();
  for (const main of [undefined, "this is no TypeScript ]["]) {
    if (main !== undefined) await Deno.writeTextFile(`${dir.path}/bundle/main.ts`, main);
    const key = String(main);
    const made = await job(dir, "bootstrap.js", dir.join("deno"));
    caches.started(key, () => Promise.resolve(made));
    caches.started(key, () => Promise.resolve(made));
    await caches.idle();
    const text = (await caches.get(key)).map(({ path, bytes }) =>
      path + new TextDecoder().decode(bytes)
    );
    assert.ok(!text.some((file) => file.includes("secret.ts.js")), "it was read");
    assert.deepEqual(processesNaming(dir.path), []);
  }
});

Deno.test("what a host with a folder has compiled serves the next one, unless it was touched", async () => {
  await using dir = await tempDir();
  await bundle(dir);
  const kept = () => new KeptFiles(dir.join("kept"));
  const made = await job(dir, "bootstrap.js", dir.join("deno"));
  {
    await using first = new CompiledCaches(kept());
    assert.deepEqual(await first.get("hash"), []);
    first.started("hash", () => assert.fail("it may well be the only start"));
  }
  await using caches = new CompiledCaches(kept());
  assert.deepEqual(await caches.get("hash"), []);
  caches.started("hash", () => Promise.resolve(made));
  await caches.idle();
  const files = await caches.get("hash");
  assert.ok(files.length > 2, "its second start was in another host");

  await using next = new CompiledCaches(kept());
  assert.deepEqual(await next.get("hash"), files);
  next.started("hash", () => assert.fail("it is compiled already"));
  await next.idle();
  assert.deepEqual(await new CompiledCaches(kept()).get("another"), []);

  const [name] = names(dir.join("kept")).filter((name) => name.startsWith("code-"));
  const path = dir.join(`kept/${name}`);
  const whole = await Deno.readFile(path);
  await Deno.writeFile(path, whole.with(whole.length - 1, whole.at(-1)! ^ 1));
  assert.deepEqual(await new CompiledCaches(kept()).get("hash"), []);
});

Deno.test("disposing ends what is being compiled", async () => {
  await using dir = await tempDir();
  await bundle(dir);
  // a process that never answers
  await Deno.writeTextFile(
    dir.join("silent.js"),
    "await new Promise((r) => setTimeout(r, 1e8));",
  );
  const caches = new CompiledCaches();
  const made = await job(dir, "silent.js", dir.join("deno"));
  caches.started("hash", () => Promise.resolve(made));
  caches.started("hash", () => Promise.resolve(made));
  await until(() => processesNaming(dir.path).length > 0, "the compiler runs");
  await settles(caches[Symbol.asyncDispose](), "the end of the caches");
  assert.deepEqual(processesNaming(dir.path), []);
});

Deno.test("a plugin that is started from compiled modules does the same, and a new bundle its own", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const say = (text: string) =>
    `const text: string = "${text}"; export default { methods: { say: () => text } };`;
  const dir = await test.bundle("sample", say("one"));
  for (let start = 0; start < 4; start++) {
    const plugin = await host.load(dir);
    assert.equal(await plugin.call("say"), "one", `start ${start}`);
    await plugin.unload();
    assert.deepEqual(processesNaming(test.dataDir), [], "unloading waits for the compiler too");
  }
  await test.bundle("sample", say("two"));
  const plugin = await host.load(dir);
  assert.equal(await plugin.call("say"), "two");
});
