import assert from "node:assert/strict";
import { SALLYPORT_ERROR_CODES, SallyportError } from "../../src/errors.ts";

Deno.test("the error codes are exactly these", () => {
  assert.deepEqual(SALLYPORT_ERROR_CODES, [
    "signature-invalid",
    "hash-mismatch",
    "untrusted",
    "revoked",
    "expired",
    "rollback",
    "manifest-invalid",
    "bundle-invalid",
    "permission-denied",
    "launch-failed",
    "protocol-violation",
    "timeout",
    "cancelled",
    "crashed",
    "limit-exceeded",
    "method-not-found",
    "plugin-error",
    "service-denied",
    "bad-state",
    "bad-config",
  ]);
});

Deno.test("SallyportError carries code, hint, details and cause, and never its stack in JSON", () => {
  const cause = new Error("why");
  const error = new SallyportError("timeout", "Too late", {
    hint: "Wait",
    details: { ms: 1 },
    cause,
  });
  assert.equal(error.cause, cause);
  assert.deepEqual(JSON.parse(JSON.stringify(error)), {
    code: "timeout",
    message: "Too late",
    hint: "Wait",
    details: { ms: 1 },
  });
});
