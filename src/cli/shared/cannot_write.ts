// What a command says of a file that it cannot write.
import { readThrown, SallyportError } from "../../errors.ts";

/** Makes the error; what is there already is never overwritten, and the hint says what to do then. */
export function cannotWrite(path: string, cause: unknown, existsHint: string): SallyportError {
  const exists = cause instanceof Deno.errors.AlreadyExists;
  const reason = exists ? "it exists" : readThrown(cause).message;
  return new SallyportError(
    exists ? "bad-state" : "bad-config",
    `Cannot write "${path}": ${reason}`,
    {
      hint: exists ? existsHint : "Check the folder, and that you may write there",
      details: { path },
      cause,
    },
  );
}
