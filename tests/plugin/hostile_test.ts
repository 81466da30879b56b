import assert from "node:assert/strict";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { startBare, startPlugin } from "./start_plugin.ts";

// Each of these once broke a naive bootstrap (threats RE-01 to RE-17); calls must still be answered
const PATCHES: [string, string][] = [
  [
    "JSON",
    "try { JSON.parse = () => ({}); JSON.stringify = () => '{}'; } catch {} globalThis.JSON = {};",
  ],
  [
    "TextEncoder and TextDecoder",
    `TextEncoder.prototype.encode = () => new Uint8Array();
    TextDecoder.prototype.decode = () => ""; globalThis.TextEncoder = globalThis.TextDecoder = undefined;`,
  ],
  [
    "Map",
    "for (const n of ['get', 'set', 'has', 'delete']) Map.prototype[n] = () => undefined; globalThis.Map = undefined;",
  ],
  [
    "Array.prototype.push and map",
    "Array.prototype.push = () => 0; Array.prototype.map = () => []; Array.prototype.shift = () => 0;",
  ],
  [
    "Object.prototype",
    "Object.prototype.polluted = 1; Object.prototype.toString = () => 'no'; Object.prototype.hasOwnProperty = () => true;",
  ],
  [
    "the stdio methods",
    `Deno.stdout.writeSync = () => 0; Deno.stdin.read = () => new Promise(() => {});
    Deno.stdout.write = () => Promise.resolve(0); Object.getPrototypeOf(Deno.stdout).writeSync = () => 0;
    Object.getPrototypeOf(Deno.stdin).read = () => Promise.resolve(null);`,
  ],
  [
    "the globals",
    "delete globalThis.Deno; delete globalThis.queueMicrotask; delete globalThis.setTimeout; delete globalThis.console; delete globalThis.performance; delete globalThis.AbortController;",
  ],
  ["queueMicrotask", "globalThis.queueMicrotask = () => {}; globalThis.setTimeout = () => 0;"],
  ["console", "console.log = () => { throw new Error('no'); }; globalThis.console = null;"],
  ["Reflect", "try { Reflect.apply = () => 1; } catch {} globalThis.Reflect = undefined;"],
  ["Deno.exit", "Deno.exit = () => {};"],
];

for (const [what, patch] of PATCHES) {
  Deno.test(`a plugin that replaces ${what} still answers, and still ends with its stdin`, async () => {
    await using plugin = await startPlugin(`${patch}
      export default { methods: { echo: (a) => a, later: async (a) => { await null; return a; } } };`);
    assert.deepEqual(await plugin.call("echo", { a: [1, "ö"] }), { a: [1, "ö"] });
    assert.deepEqual(await plugin.call("later", "x"), "x");
    await assertRejectsWithCode(plugin.call("missing"), "method-not-found");
    await plugin.connection.end();
    assert.equal((await plugin.child.status).code, 0);
  });
}

Deno.test("a plugin whose module is a thenable does not take the import over", async () => {
  await using plugin = await startPlugin(`
    export function then() { globalThis.hijacked = true; }
    export default { methods: { hijacked: () => globalThis.hijacked ?? false } };`);
  assert.equal(await plugin.call("hijacked"), false);
});

Deno.test("a plugin finds no shared storage and no internals of the runtime", async () => {
  const source = `
    const look = () => {
      const internals = Object.getOwnPropertySymbols(Deno).map(String);
      return ["localStorage", "sessionStorage", "caches"].filter((n) => n in globalThis).concat(internals);
    };
    export default { methods: { look } };`;
  await using plugin = await startPlugin(source);
  assert.deepEqual(await plugin.call("look"), []);
  // The control: without the bootstrap all of it is there
  assert.ok("caches" in globalThis && Object.getOwnPropertySymbols(Deno).length > 0);
});

Deno.test("a plugin that imports the main module gets nothing from it", async () => {
  await using plugin = await startPlugin(`
    export default { methods: { names: async () => Object.keys(await import(Deno.mainModule)) } };`);
  assert.deepEqual(await plugin.call("names"), []);
});

const OUTSIDE: [string, string][] = [
  [
    "statically",
    `import text from "FILE" with { type: "text" }; export default { methods: { leak: () => text } };`,
  ],
  [
    "dynamically",
    `export default { methods: { leak: async () => (await import("FILE", { with: { type: "text" } })).default } };`,
  ],
  [
    "by reading it",
    `export default { methods: { leak: () => Deno.readTextFileSync(new URL("FILE")) } };`,
  ],
];

for (const [how, source] of OUTSIDE) {
  Deno.test(`a plugin cannot get a file outside its bundle ${how}`, async () => {
    await using plugin = await startBare({ "inside.txt": "inside" });
    await Deno.writeTextFile(`${plugin.dir}/secret.txt`, "secret");
    const write = (name: string, target: string) =>
      Deno.writeTextFile(`${plugin.dir}/bundle/${name}`, source.replace("FILE", target));
    await write("main.ts", `file://${plugin.dir}/secret.txt`);
    await assertRejectsWithCode(
      plugin.initialize().then(() => plugin.call("leak")),
      "plugin-error",
      /NotCapable|Requires read access/,
    );
    // The control: the same with a file of its own bundle
    await using other = await startBare({ "inside.txt": "inside" });
    await Deno.writeTextFile(
      `${other.dir}/bundle/main.ts`,
      source.replace("FILE", `file://${other.dir}/bundle/inside.txt`),
    );
    await other.initialize();
    assert.equal(await other.call("leak"), "inside");
  });
}

Deno.test("a file that a plugin may not import leaks when it is the main module: why there is a bootstrap", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/secret.txt`, "secret");
    await Deno.writeTextFile(
      `${dir}/main.ts`,
      `import text from "./secret.txt" with { type: "text" }; console.log(text);`,
    );
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-config", "--deny-read", `${dir}/main.ts`],
      stdout: "piped",
      stderr: "null",
    }).output();
    assert.match(new TextDecoder().decode(stdout), /secret/);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

// What reaches the pipe past the bootstrap ends the plugin, and nothing else
const TORN: [string, string][] = [
  ["raw bytes by a descriptor", "writeSync(1, 'garbage\\n');"],
  ["a forged answer", `writeSync(1, '{"jsonrpc":"2.0","id":999,"result":1}\\n');`],
  [
    "a forged answer to a call in flight, which is then answered",
    `writeSync(1, '{"jsonrpc":"2.0","id":2,"result":1}\\n');`,
  ],
  ["an endless line", "for (;;) writeSync(1, 'x'.repeat(65_536));"],
];

for (const [what, act] of TORN) {
  Deno.test(`a plugin that writes ${what} is cut off`, async () => {
    await using plugin = await startPlugin(
      `import { writeSync } from "node:fs";
       export default { methods: { tear() { ${act} return 2; } } };`,
      { maxMessageBytes: 1024 * 1024 },
    );
    const outcome = await plugin.call("tear").catch((error) => error);
    const reason = await plugin.connection.closed;
    assert.equal(reason?.code, "protocol-violation");
    assert.ok(outcome === reason || outcome === 1, String(outcome));
  });
}
