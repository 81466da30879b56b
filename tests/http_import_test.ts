import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { hostTest } from "./helpers/host.ts";
import { serveRegistry } from "./helpers/registry_server.ts";

const CHECKOUT = fileURLToPath(new URL("../", import.meta.url));
const LINKS = ["crypto", "encoding", "log", "semver"];

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

Deno.test("the package works when it is imported over HTTP and no file of it is on disk", async () => {
  await using registry = await serveRegistry();
  await using test = await hostTest();
  const [app, cache] = [test.join("app"), test.join("cache")];
  await Deno.mkdir(cache);
  // the registry has no @std here: the importer links its own copies of the stand-ins
  for (const name of LINKS) await copyFolder(`${CHECKOUT}links/${name}`, `${app}/links/${name}`);
  await Deno.writeTextFile(
    `${app}/deno.json`,
    JSON.stringify({ links: LINKS.map((name) => `./links/${name}`) }),
  );
  const specifier = `jsr:${registry.name}@^${registry.version}`;
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: app,
      env: { DENO_DIR: cache, JSR_URL: registry.url, NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(code, 0, `${args.join(" ")}\n${text}\n${new TextDecoder().decode(stderr)}`);
    return text.trim();
  };

  // keys and signature by the command line of the package, straight from the registry
  const bundle = `${test.plugins}/sample`;
  await Deno.mkdir(bundle);
  await Deno.writeTextFile(
    `${bundle}/plugin.json`,
    JSON.stringify({
      name: "sample",
      version: "1.0.0",
      entry: "main.ts",
      context: [{ key: "database", access: "readwrite" }],
    }),
  );
  await Deno.writeTextFile(
    `${bundle}/main.ts`,
    `import { definePlugin } from "${registry.name}/plugin";
    let ctx;
    export default definePlugin({
      init(given) { ctx = given; },
      methods: {
        greet: ({ name }) => "Hello, " + name,
        rows: () => ctx.get("database").query("SELECT 1 + 1 AS n"),
      },
    });`,
  );
  const cli = `${specifier}/cli`;
  await run("run", "-A", cli, "keygen", "author", "--dir", "keys");
  await run("run", "-A", cli, "sign", bundle, "--key", "keys/author.key");

  await Deno.writeTextFile(
    `${app}/main.ts`,
    `import { PluginHost } from ${JSON.stringify(specifier)};
    await using host = await PluginHost.open({
      keys: ["keys/author.pub"],
      dataDir: "data",
      isolation: "plain",
      policy: { default: { grant: { context: { database: "readwrite" } } } },
    });
    const plugin = await host.load(${JSON.stringify(bundle)});
    const answers = [await plugin.call("greet", { name: "registry" }), await plugin.call("rows")];
    console.log(JSON.stringify(answers));`,
  );
  // may read its own folders, and nothing of the checkout
  const granted = [app, cache, test.plugins].join(",");
  const output = await run(
    ...["run", "--no-prompt", `--allow-read=${granted}`, `--allow-write=${app}/data`],
    ...["--allow-run=deno", "main.ts"],
  );
  assert.deepEqual(JSON.parse(output), ["Hello, registry", [{ n: 2 }]]);

  // every module of the package came from the registry, and only what is published was asked for
  const info = JSON.parse(await run("info", "--json", "main.ts"));
  const modules = (info.modules as { specifier: string }[]).map(({ specifier }) => specifier);
  const ours = modules.filter((specifier) => specifier.includes(`/${registry.name}/`));
  assert.ok(ours.length > 30, `${ours.length} modules`);
  assert.ok(ours.every((specifier) => specifier.startsWith(registry.url)));
  assert.ok(!modules.some((specifier) => specifier.includes(CHECKOUT)), "a module of the checkout");
  const missing = registry.requests.filter(({ path, status }) =>
    status !== 200 && path.startsWith(`/${registry.name}`)
  );
  assert.deepEqual(missing, []);
});
