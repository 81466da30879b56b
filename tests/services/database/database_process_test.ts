import assert from "node:assert/strict";
import { buildDatabaseProcess } from "../../../scripts/build_database_process.ts";
import { DATABASE_PROCESS_SOURCE } from "../../../src/services/database/database_process.generated.ts";

Deno.test("database_process.generated.ts is what scripts/build_database_process.ts makes", async () => {
  const url = new URL(
    "../../../src/services/database/database_process.generated.ts",
    import.meta.url,
  );
  assert.equal(
    await Deno.readTextFile(url) === await buildDatabaseProcess(),
    true,
    "stale: run scripts/build_database_process.ts",
  );
});

Deno.test("the database process imports nothing but what the runtime brings", () => {
  const imports = [
    ...DATABASE_PROCESS_SOURCE.matchAll(/\bfrom\s*"([\w:@./-]+)"|\bimport\s*"([\w:@./-]+)"/g),
  ]
    .map((match) => match[1] ?? match[2]);
  assert.deepEqual([...new Set(imports)], []); // what it needs of Node is loaded when it is first used
});
