import assert from "node:assert/strict";
import fc from "fast-check";
import { parseStrictJson } from "../../src/json/strict_json.ts";

Deno.test("parseStrictJson() gives what JSON.parse() gives for anything that it accepts", () => {
  fc.assert(fc.property(fc.json(), (text) => {
    let value: unknown;
    try {
      value = parseStrictJson(text);
    } catch (error) {
      assert.ok(error instanceof SyntaxError);
      assert.match(text, /__proto__/); // the only key of generated values that is refused
      return;
    }
    assert.deepEqual(value, JSON.parse(text));
  }));
});

Deno.test("parseStrictJson() finds a repeated key at any depth, however it is spelled", () => {
  const key = fc.string({
    unit: fc.constantFrom("a", "é", '"', "\\", "\n", "😀", ":", "{", "]"),
    maxLength: 6,
  });
  fc.assert(fc.property(key, fc.boolean(), fc.nat(5), (name, escape, depth) => {
    const plain = JSON.stringify(name);
    const other = escape
      ? `"${
        [...Array(name.length).keys()].map((i) =>
          `\\u${name.charCodeAt(i).toString(16).padStart(4, "0")}`
        ).join("")
      }"`
      : plain;
    const inner = `{"x1": [1, {"y": "{"}], ${plain} : 1, "x2": "\\\\", ${other}\t:2}`;
    const text = `${'[{"k":'.repeat(depth)}${inner}${"}]".repeat(depth)}`;
    assert.throws(() => parseStrictJson(text), /twice/);
    // the control: another key
    assert.ok(parseStrictJson(text.replace(`${other}\t`, '"x3"\t')));
  }));
});

Deno.test("parseStrictJson() lets the same key stand in different objects", () => {
  assert.deepEqual(parseStrictJson('[{"a":1},{"a":{"a":"a"}}]'), [{ a: 1 }, { a: { a: "a" } }]);
  assert.deepEqual(parseStrictJson('{"a":"b","b":"a","c":["a","a"]}'), {
    a: "b",
    b: "a",
    c: ["a", "a"],
  });
});

Deno.test("parseStrictJson() refuses __proto__ as a key, but not as a value", () => {
  assert.throws(() => parseStrictJson('{"__pr\\u006fto__":1}'), SyntaxError);
  assert.deepEqual(parseStrictJson('["__proto__"]'), ["__proto__"]);
});

Deno.test("parseStrictJson() gives a value or a SyntaxError on every JSONTestSuite case", async () => {
  const suite = new URL("../vectors/JSONTestSuite/test_parsing/", import.meta.url);
  let cases = 0;
  for await (const { name } of Deno.readDir(suite)) {
    // one name has a character that is special in a URL
    cases++;
    const bytes = await Deno.readFile(new URL(encodeURIComponent(name), suite));
    let accepted = true;
    try {
      parseStrictJson(bytes);
    } catch (error) {
      assert.ok(error instanceof SyntaxError, `${name}: ${error}`);
      accepted = false;
    }
    if (name.startsWith("n_")) assert.equal(accepted, false, name);
    // all that must parse does, but for a repeated key
    if (name.startsWith("y_")) assert.equal(accepted, !name.includes("duplicated_key"), name);
  }
  assert.ok(cases > 300, `only ${cases} cases`);
});
