import assert from "node:assert/strict";
import { SallyportError, type SallyportErrorCode } from "../../src/errors.ts";

function check(error: unknown, code: SallyportErrorCode, pattern?: RegExp): SallyportError {
  assert.ok(error instanceof SallyportError, `expected a SallyportError "${code}", got ${error}`);
  assert.equal(error.code, code, error.message);
  if (pattern) assert.match(error.message, pattern);
  return error;
}

/** Asserts that a promise, or the one that a function gives, rejects with a code. */
export async function assertRejectsWithCode(
  act: Promise<unknown> | (() => unknown),
  code: SallyportErrorCode,
  pattern?: RegExp,
): Promise<SallyportError> {
  let value: unknown;
  try {
    value = await (typeof act === "function" ? act() : act);
  } catch (error) {
    return check(error, code, pattern);
  }
  assert.fail(`expected a rejection with "${code}", got ${JSON.stringify(value)}`);
}

/** Asserts that a function throws an error with a code. */
export function assertThrowsWithCode(
  act: () => unknown,
  code: SallyportErrorCode,
  pattern?: RegExp,
): SallyportError {
  let value: unknown;
  try {
    value = act();
  } catch (error) {
    return check(error, code, pattern);
  }
  assert.fail(`expected an error with "${code}", got ${JSON.stringify(value)}`);
}
