import { escapeText, SallyportError } from "../../errors.ts";
import { SQLITE_BUSY, SQLITE_FULL, SQLITE_NOMEM, SQLITE_TOOBIG, sqliteCode } from "./sqlite.ts";

/** Returns the error of a statement that failed, or that the authorizer refused. */
export function describeFailure(error: unknown, refusal: string | undefined): unknown {
  if (error instanceof SallyportError || error instanceof TypeError) return error;
  if (refusal !== undefined) return refused(refusal);
  const message = escapeText(messageOf(error), 500);
  switch (sqliteCode(error)) {
    case SQLITE_FULL:
      return new SallyportError("limit-exceeded", "Statement failed: the database is full", {
        hint: 'Delete rows, or raise "storageBytes" in plugin.json and the policy',
      });
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return new SallyportError("limit-exceeded", `Statement failed: ${message}`, {
        hint: "A value may have 16 MiB, a statement's work 64 MiB of memory",
      });
    case SQLITE_BUSY:
      return new SallyportError("timeout", "Statement failed: the database is locked", {
        hint: "Another process is writing to it; try again",
      });
  }
  if ((error as { code?: unknown } | null)?.code === "ERR_OUT_OF_RANGE") {
    return new TypeError(
      "Cannot return the result: an integer is beyond 2^53; select it with CAST(… AS TEXT)",
    );
  }
  return new Error(message, { cause: error });
}

export function refused(reason: string): SallyportError {
  return new SallyportError("service-denied", `Statement refused: ${reason}`, {
    hint: "See the Database service for what statements may do",
  });
}

export function inBatch(error: unknown, index: number): unknown {
  const message = `Batch undone at statement ${index + 1}: ${messageOf(error)}`;
  if (error instanceof SallyportError) {
    return new SallyportError(error.code, message, { hint: error.hint, cause: error });
  }
  return error instanceof TypeError ? new TypeError(message) : new Error(message);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
