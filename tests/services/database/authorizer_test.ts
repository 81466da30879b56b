import assert from "node:assert/strict";
import { constants } from "node:sqlite";
import { ACTIONS } from "../../../src/services/database/authorizer.ts";

Deno.test("the authorizer knows every action of SQLite by its number", () => {
  const numbers = constants as unknown as Readonly<Record<string, number>>;
  assert.deepEqual(
    ACTIONS.map((name) => numbers[`SQLITE_${name}`]),
    ACTIONS.map((_, number) => number),
  );
});
