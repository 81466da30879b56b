import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";

const SECRET = "the secret outside of the bundle";

/** Puts a secret beside the bundles and gives its path. */
async function placeSecret(test: HostTest): Promise<string> {
  const path = test.join("secret.txt");
  await Deno.writeTextFile(path, SECRET);
  await Deno.writeTextFile(test.join("secret.json"), JSON.stringify(SECRET));
  await Deno.writeTextFile(test.join("secret.ts"), `export default ${JSON.stringify(SECRET)};`);
  return path;
}

const giving = (imports: string) =>
  `${imports}\nexport default { methods: { read: () => secret } };`;

/** Modules that import a secret when they are loaded, by how they do it. */
function importers(path: string): Record<string, Record<string, string>> {
  const text = 'with { type: "text" }';
  const base = path.replace(/\.txt$/, "");
  const inner = `import secret from ${
    JSON.stringify(`file://${path}`)
  } ${text}; export default secret;`;
  const data = `data:text/javascript,${encodeURIComponent(inner)}`;
  return {
    "a text import of the entry": { "main.ts": giving(`import secret from "${path}" ${text};`) },
    "a text import by URL": { "main.ts": giving(`import secret from "file://${path}" ${text};`) },
    "a bytes import": { "main.ts": giving(`import secret from "${path}" with { type: "bytes" };`) },
    "a JSON import": {
      "main.ts": giving(`import secret from "${base}.json" with { type: "json" };`),
    },
    "a module import": { "main.ts": giving(`import secret from "${base}.ts";`) },
    "a re-export": { "main.ts": `export { default } from "${base}.ts";` },
    "a relative import": {
      // from data/store/<hash>/main.ts
      "main.ts": giving(`import secret from "../../../secret.ts";`),
    },
    "a text import of a sibling": {
      "main.ts": giving('import { secret } from "./sibling.ts";'),
      "sibling.ts": `import secret from "${path}" ${text}; export { secret };`,
    },
    "a data: module": { "main.ts": giving(`import secret from "${data}";`) },
    "a dynamic import": {
      "main.ts": giving(
        `const { default: secret } = await import("file://${path}", ${
          text.replace("with ", "{ with: ").replace(/$/, " }")
        });`,
      ),
    },
    "a dynamic import of a data: module": {
      "main.ts": giving(`const { default: secret } = await import("${data}");`),
    },
    "require": {
      "main.ts": giving(`import { createRequire } from "node:module";
        const secret = createRequire(import.meta.url)("${base}.json");`),
    },
    "a worker": {
      "main.ts": giving(`
        const secret = await new Promise((resolve, reject) => {
          const source = ${JSON.stringify(`${inner} postMessage(secret);`)};
          const url = "data:text/javascript," + encodeURIComponent(source);
          const worker = new Worker(url, { type: "module" });
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = (event) => { event.preventDefault(); reject(new Error(event.message)); };
        });`),
    },
    "an http import": { "main.ts": giving('import secret from "http://127.0.0.1:9/secret.ts";') },
    "an npm import": { "main.ts": giving('import secret from "npm:semver@7";') },
    "a jsr import": { "main.ts": giving('import secret from "jsr:@std/semver@1";') },
  };
}

Deno.test("a plugin cannot import anything from outside its bundle, however it tries", async (t) => {
  await using test = await hostTest();
  const host = await test.open();
  const path = await placeSecret(test);
  let number = 0;
  for (const [how, files] of Object.entries(importers(path))) {
    await t.step(how, async () => {
      const { "main.ts": main, ...rest } = files;
      const dir = await test.bundle(`outside${++number}`, main!, {}, rest);
      const error = await assertRejectsWithCode(host.load(dir), "launch-failed", /import/i);
      assert.match(error.hint!, /import files of the bundle|It last wrote/);
      assert.ok(!JSON.stringify([error, error.details]).includes(SECRET));
      const logged = JSON.stringify(test.logger.entries);
      assert.ok(!logged.includes(SECRET), "it is in the log");
    });
  }
});

Deno.test("control: what a plugin may import from its own bundle works in the same ways", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const dir = await test.bundle(
    "inside",
    `import text from "./data/own.txt" with { type: "text" };
    import json from "./data/own.json" with { type: "json" };
    import { value } from "./lib/own.ts";
    import { definePlugin } from "@sallyport/host/plugin";
    const later = await import("./lib/own.ts");
    export default definePlugin({ methods: { read: () => [text, json, value, later.value] } });`,
    {},
    {
      "data/own.txt": "text",
      "data/own.json": '"json"',
      "lib/own.ts": 'export const value: string = "module";',
    },
  );
  const plugin = await host.load(dir);
  assert.deepEqual(await plugin.call("read"), ["text", "json", "module", "module"]);
});

Deno.test("control: a plugin started as the main module, with the same flags, reads any file", async () => {
  await using test = await hostTest();
  const host = await test.open();
  const path = await placeSecret(test);
  const leak = `import secret from "${path}" with { type: "text" }; console.log(secret);`;
  const plugin = await host.load(
    await test.bundle(
      "innocent",
      `export default { methods: { leak: async () => { await import("./leak.ts"); } } };`,
      {},
      { "leak.ts": leak },
    ),
  );
  // as the host starts it, the module is refused
  await assertRejectsWithCode(plugin.call("leak"), "plugin-error", /read access|NotCapable/i);

  // the very command line of the running plugin, but with the module in the place of the bootstrap
  const line = await Deno.readTextFile(`/proc/${plugin.pid}/cmdline`);
  const [executable, ...args] = line.split("\0").slice(0, -1);
  assert.match(args.at(-1)!, /bootstrap\.js$/);
  const module = `${test.dataDir}/store/${plugin.bundleHash}/leak.ts`;
  const { stdout } = await new Deno.Command(executable!, {
    args: [...args.slice(0, -1), module],
    clearEnv: true,
    env: { NO_COLOR: "1", DENO_DIR: test.join("deno") },
    stderr: "null",
  }).output();
  assert.equal(new TextDecoder().decode(stdout).trim(), SECRET);
});
