import assert from "node:assert/strict";
import { readBundle } from "../../../src/bundle/reading/reading.ts";
import { outerSourceMap } from "../../../src/bundle/reading/source_maps.ts";
import { assertRejectsWithCode } from "../../helpers/assert_code.ts";
import { hostTest } from "../../helpers/host.ts";
import { startCommand } from "../../helpers/process.ts";
import { makeBundle, tempDir } from "../../helpers/signing.ts";

const encoder = new TextEncoder();
// in two parts, so that no tool takes the lines below for comments about this file
const MARK = "source" + "MappingURL=";
const comment = (named: string) => `export default 1;\n//# ${MARK}${named}\n`;
const found = (named: string, path = "lib/main.js") =>
  outerSourceMap(path, encoder.encode(comment(named)));

Deno.test("outerSourceMap() lets maps of the bundle and in the file itself pass", () => {
  for (
    const named of [
      ...["main.js.map", "./main.js.map", "../main.js.map", "a/b/../c.map", "main.map?x#y"],
      ...["data:application/json;base64,e30=", "https://example.com/main.js.map", "webpack://x/y"],
      ...["%2e/x.map", "with%20space.map", "odd#name", ""],
    ]
  ) assert.equal(found(named), undefined, named);
  assert.equal(found("../deep.map", "a/b#c/d?.js"), undefined);
  assert.equal(outerSourceMap("main.js", encoder.encode(`const a = "${MARK}/etc/x";`)), undefined);
  assert.equal(outerSourceMap("main.js", new Uint8Array()), undefined);
});

Deno.test("outerSourceMap() finds every way out of the bundle", () => {
  for (
    const named of [
      ...["/etc/passwd", "file:///etc/passwd", "FILE:/etc/passwd", "../../etc/passwd"],
      ...["//server/share/x.map", "file://server/share", "..\\..\\x.map"],
      ...["%2e%2e/%2E%2e/x.map", "..%2f..%2f..%2fx.map", "a%5c..%5c..%5cx.map", "%zz"],
      ...["file:///C:/x.map", "/bundle2/x.map", "main.map/../../../x"],
    ]
  ) assert.equal(found(named), named);
});

Deno.test("outerSourceMap() reads comments as the runtime does", () => {
  const text = (line: string) => outerSourceMap("main.js", encoder.encode(line));
  for (
    const line of [
      `//@ ${MARK}/x`,
      `f(); //#\t${MARK}/x`,
      `//#\u00a0${MARK}  /x  `,
      `a\r//# ${MARK}/x\rb`,
      `a\u2028//# ${MARK}/x\u2028b`,
      `//# ${MARK}ok.map\n//# ${MARK}/x\n//# ${MARK}ok.map`,
    ]
  ) assert.equal(text(line), "/x", JSON.stringify(line));
  for (const [bom, little] of [[[0xff, 0xfe], true], [[0xfe, 0xff], false]] as const) {
    const source = comment("/x");
    const bytes = new Uint8Array(2 + 2 * source.length);
    bytes.set(bom);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < source.length; i++) view.setUint16(2 + 2 * i, source.charCodeAt(i), little);
    assert.equal(outerSourceMap("main.js", bytes), "/x", `UTF-16, ${little ? "little" : "big"}`);
  }
});

Deno.test("readBundle() refuses a bundle that names a source map outside", async () => {
  await using dir = await tempDir();
  const bundle = dir.join("mapped");
  await makeBundle(bundle, { "main.ts": comment("../secret.map"), "data.bin": comment("x.map") });
  const error = await assertRejectsWithCode(
    readBundle(bundle),
    "bundle-invalid",
    /"main\.ts" names a source map outside the bundle, "\.\.\/secret\.map"$/,
  );
  assert.match(error.hint ?? "", /relative path/);
  await Deno.writeTextFile(`${bundle}/main.ts`, comment("main.ts.map"));
  assert.equal((await readBundle(bundle)).files.length, 3);
  await Deno.writeTextFile(`${bundle}/data.bin`, comment("/x"));
  await assertRejectsWithCode(readBundle(bundle), "bundle-invalid", /"data\.bin"/);
});

Deno.test("a map of the bundle is what stacks speak of; one outside would be, too", async () => {
  await using test = await hostTest();
  const fails = `export default { methods: { fails() { throw new Error("x"); }, stack() {
    try { this.fails(); } catch (error) { return error.stack; } } } };\n`;
  const map = (source: string) =>
    JSON.stringify({ version: 3, sources: [source], names: [], mappings: "AAAA;AAAA;AAAA" });
  const main = `${fails}//# ${MARK}main.ts.map\n`;
  const dir = await test.bundle("mapped", main, {}, { "main.ts.map": map("original.ts") });
  const host = await test.open();
  const plugin = await host.load(dir);
  assert.match(await plugin.call("stack") as string, /original\.ts/);

  // the control: what the runtime does without a host, and without the permission to read the map
  await Deno.writeTextFile(test.join("outer.map"), map("outside.ts"));
  const script = `${test.join("plain")}/main.js`;
  await Deno.mkdir(test.join("plain"));
  await Deno.writeTextFile(
    script,
    `export const f = () => new Error("x").stack;\n//# ${MARK}../outer.map\n`,
  );
  await Deno.writeTextFile(
    `${test.join("plain")}/run.js`,
    `console.log(JSON.stringify((await import("" + new URL("main.js", import.meta.url))).f()));`,
  );
  await using child = startCommand({
    command: Deno.execPath(),
    args: [
      "run",
      "--no-prompt",
      "--no-lock",
      `--allow-read=${script}`,
      `${test.join("plain")}/run.js`,
    ],
    env: { NO_COLOR: "1", DENO_DIR: test.join("deno") },
    cwd: "/",
  });
  assert.match(await child.line(), /outside\.ts/);
});
