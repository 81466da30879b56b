import assert from "node:assert/strict";
import fc from "fast-check";
import { readBundle } from "../../../src/bundle/reading/reading.ts";
import {
  createStatement,
  encodeStatement,
  parseStatement,
  type Statement,
} from "../../../src/bundle/reading/statement.ts";
import { SallyportError } from "../../../src/errors.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";
import { makeBundle, tempDir } from "../../helpers/signing.ts";

const HASH = "0123456789abcdef".repeat(8);
const GOOD: Statement = {
  schema: 1,
  name: "sample",
  version: "1.0.0",
  bundleHash: HASH,
  files: [{ path: "main.ts", size: 3, sha3_512: HASH }, {
    path: "plugin.json",
    size: 5,
    sha3_512: HASH,
  }],
  createdAt: "2026-01-31T12:00:00.000Z",
};

function parse(fields: Record<string, unknown>): Statement {
  return parseStatement(new TextEncoder().encode(JSON.stringify({ ...GOOD, ...fields })));
}

Deno.test("createStatement() lists name, version, hash and every file but the envelope", async () => {
  await using temp = await tempDir();
  const dir = await makeBundle(temp.path, { "a/b.txt": "1", "plugin.sig.json": "{}" });
  const contents = await readBundle(dir);
  const createdAt = new Date("2026-02-03T04:05:06.007Z");
  const expiresAt = new Date("2027-01-01");
  const statement = createStatement(contents, { createdAt, expiresAt });
  assert.deepEqual(statement, {
    schema: 1,
    name: "sample",
    version: "1.0.0",
    bundleHash: contents.bundleHash,
    files: contents.files.map(({ path, size, sha3_512 }) => ({ path, size, sha3_512 })),
    createdAt: "2026-02-03T04:05:06.007Z",
    expiresAt: "2027-01-01T00:00:00.000Z",
  });
  assert.deepEqual(statement.files.map((file) => file.path), ["a/b.txt", "main.ts", "plugin.json"]);
  assert.deepEqual(parseStatement(encodeStatement(statement)), statement);
  assert.equal("expiresAt" in createStatement(contents), false);
});

Deno.test("createStatement() rejects dates that make no sense", async () => {
  await using temp = await tempDir();
  const contents = await readBundle(await makeBundle(temp.path));
  const createdAt = new Date("2026-01-01");
  assert.throws(() => createStatement(contents, { createdAt: new Date(NaN) }), RangeError);
  assert.throws(() => createStatement(contents, { expiresAt: new Date("never") }), RangeError);
  assert.throws(() => createStatement(contents, { createdAt, expiresAt: createdAt }), RangeError);
});

Deno.test("encodeStatement() has one form, whatever the order of fields", () => {
  const reversed = Object.fromEntries(Object.entries(GOOD).reverse()) as unknown as Statement;
  assert.deepEqual(encodeStatement(reversed), encodeStatement(GOOD));
});

Deno.test("parseStatement() refuses what is not exactly a statement", () => {
  assert.deepEqual(parse({}), GOOD); // the control
  const [main, manifest] = GOOD.files as [Statement["files"][0], Statement["files"][0]];
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ schema: 2 }, /schema: must be 1, got 2/],
    [{ extra: 1 }, /extra: unknown field/],
    [{ name: "" }, /name: /],
    [{ version: 1 }, /version: must be a string/],
    [{ bundleHash: HASH.toUpperCase() }, /bundleHash: must be 128/],
    [{ bundleHash: HASH.slice(1) }, /bundleHash: must be 128/],
    [{ files: undefined }, /files: is missing/],
    [{ files: [{ ...main, mode: 7 }, manifest] }, /files\[0\]\.mode: unknown field/],
    [{ files: [{ ...main, size: -1 }, manifest] }, /files\[0\]\.size/],
    [{ files: [{ ...main, size: 1.5 }, manifest] }, /files\[0\]\.size/],
    [{ files: [{ ...main, sha3_512: "x" }, manifest] }, /files\[0\]\.sha3_512/],
    [{ files: [] }, /no "plugin\.json"/],
    [{ files: [main] }, /no "plugin\.json"/],
    [{ files: [main, main, manifest] }, /"main\.ts" is there twice/],
    [{ files: [{ ...main, path: "MAIN.ts" }, main, manifest] }, /differ only in case/],
    [{ files: [{ ...main, path: "../../etc/x" }, manifest] }, /has a "\.\." segment/],
    [{ files: [{ ...main, path: "/etc/x" }, manifest] }, /is absolute/],
    [{ files: [{ ...main, path: "deno.json" }, manifest] }, /forbidden name/],
    [{ files: [{ ...main, path: "plugin.sig.json" }, manifest] }, /signature file/],
    [{ createdAt: "2026-01-31" }, /createdAt: must be a time/],
    [{ createdAt: "2026-01-31T12:00:00Z" }, /createdAt: must be a time/],
    [{ createdAt: "2026-02-30T12:00:00.000Z" }, /createdAt: must be a time/],
    [{ expiresAt: "soon" }, /expiresAt: must be a time/],
    [{ expiresAt: GOOD.createdAt }, /expires at "2026-01-31T12:00:00\.000Z", before it was made/],
  ];
  for (const [fields, pattern] of cases) {
    assertThrowsWithCode(() => parse(fields), "signature-invalid", pattern);
  }
});

Deno.test("parseStatement() gives a statement or a SallyportError for arbitrary JSON", () => {
  const field = fc.constantFrom(...Object.keys(GOOD), "expiresAt", "x");
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.dictionary(field, fc.jsonValue()).map((fields) =>
      new TextEncoder().encode(JSON.stringify({ ...GOOD, ...fields }))
    ),
  );
  fc.assert(fc.property(bytes, (input) => {
    try {
      assert.equal(parseStatement(input).schema, 1);
    } catch (error) {
      assert.ok(
        error instanceof SallyportError && error.code === "signature-invalid",
        String(error),
      );
    }
  }));
});
