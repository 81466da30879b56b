import assert from "node:assert/strict";
import { checkServiceKey } from "../../../src/services/calls/denial.ts";
import { assertThrowsWithCode } from "../../helpers/assert_code.ts";
import { caller } from "../kit.ts";

Deno.test("a denied service names the policy line with what is granted already", () => {
  const request = { kv: "readwrite", database: "readwrite" } as const;
  const error = assertThrowsWithCode(
    () => checkServiceKey(caller("p", { request, grant: { kv: "read" } }), "database", "read"),
    "service-denied",
  );
  assert.equal(
    error.hint,
    'Add to the policy: "plugins": { "p": { "grant": { "context": { "kv": "read", "database": "readwrite" } } } }',
  );
});
