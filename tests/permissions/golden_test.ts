/**
 * Every case in `tests/fixtures/permissions` gives exactly the argv, or exactly the error, beside it.
 * `UPDATE_GOLDEN=1` writes the files anew; read the difference before you commit it.
 */
import assert from "node:assert/strict";
import { SallyportError } from "../../src/errors.ts";
import { deriveFlags } from "../../src/permissions/flags.ts";
import { BUNDLE_DIR, type PermissionCase, resolveCase } from "./kit.ts";

const FIXTURES = new URL("../fixtures/permissions/", import.meta.url);

function outcome(input: PermissionCase): { file: string; value: unknown } {
  try {
    const bundleDir = input.flagsBundleDir ?? input.bundleDir ?? BUNDLE_DIR;
    return { file: "argv.json", value: deriveFlags(resolveCase(input), { bundleDir }) };
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return { file: "error.json", value: JSON.parse(JSON.stringify(error)) };
  }
}

function read(url: URL): unknown {
  return JSON.parse(Deno.readTextFileSync(url));
}

const names = [...Deno.readDirSync(FIXTURES)].filter((entry) => entry.isDirectory).map((entry) =>
  entry.name
).sort();

for (const name of names) {
  Deno.test(`deriveFlags() returns the golden outcome of ${name}`, () => {
    const folder = new URL(`${name}/`, FIXTURES);
    const { file, value } = outcome(read(new URL("input.json", folder)) as PermissionCase);
    if (Deno.env.get("UPDATE_GOLDEN") === "1") {
      Deno.writeTextFileSync(new URL(file, folder), `${JSON.stringify(value, null, 2)}\n`);
    }
    const files = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
    assert.deepEqual(files, [file, "input.json"], "an outcome of the other kind lies there");
    assert.deepEqual(value, read(new URL(file, folder)));
  });
}

Deno.test("deriveFlags() has golden cases for grants and for refusals", () => {
  assert.ok(names.filter((name) => !name.startsWith("refused_")).length >= 14);
  assert.ok(names.filter((name) => name.startsWith("refused_")).length >= 6);
});
