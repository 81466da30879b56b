import { escapeText, readThrown, SallyportError } from "../../errors.ts";

// an absolute path or file: URL, quoted or not: a plugin must not learn where the application is installed, which
// the runtime's own messages name. The second slash keeps "/" and "and/or" as they are.
const PATHS =
  /file:\/\/[^\s"'`<>]+|(?<=["'`])(?:\/|[A-Za-z]:[\\/])[^"'`\n]*(?=["'`])|(?<![\w/.~-])(?!(?<=:)\/\/)\/[^\s"'`<>/()]+\/[^\s"'`<>()]*|(?<!\w)[A-Za-z]:\\[^\s"'`<>]+/g;

export interface FailedCall {
  readonly key: string;
  readonly method: string;
  /** Whether the service is this package's own. */
  readonly hostMade: boolean;
}

/** Returns the error that a plugin sees: the code and the message, without stack, cause or host paths. */
export function serviceError(call: FailedCall, error: unknown): SallyportError {
  const { key, method, hostMade } = call;
  const details = { service: key, method };
  if (error instanceof SallyportError) {
    // what SQLite says of a plugin's statement are the plugin's own words
    const own = hostMade && (error.code === "plugin-error" || error.code === "service-denied");
    const clean = own ? (text: string) => text : redactPaths;
    return new SallyportError(error.code, clean(error.message), {
      hint: error.hint === undefined ? undefined : clean(error.hint),
      details: {
        ...(own ? error.details : redactDetails(error.details) as object),
        ...details,
      },
      cause: error,
    });
  }
  const { name, message } = visibleOf(error);
  return new SallyportError(
    "plugin-error",
    `Service "${key}" failed in "${method}": ${escapeText(redactPaths(message))}`,
    { details: { ...details, name: escapeText(name, 100) }, cause: error },
  );
}

/** Reads what a plugin may see of what was thrown: of an object that is no error only its class. */
function visibleOf(error: unknown): { readonly name: string; readonly message: string } {
  const { name, message } = readThrown(error);
  const isError = error instanceof Error || typeof error !== "object" || error === null;
  return isError ? { name, message } : { name, message: "it threw an object that is no error" };
}

const MAX_DEPTH = 8;

/** Takes paths, stacks and what a process wrote out of the details of an error of the host's. */
function redactDetails(value: unknown, depth = MAX_DEPTH): unknown {
  if (typeof value === "string") return redactPaths(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) return undefined;
  if (Array.isArray(value)) return value.map((each) => redactDetails(each, depth - 1));
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !HOST_ONLY.has(name))
      .map(([name, each]) => [name, redactDetails(each, depth - 1)]),
  );
}

const HOST_ONLY: ReadonlySet<string> = new Set(["stack", "stderrTail", "cause", "errors"]);

export function redactPaths(text: string): string {
  return text.replace(PATHS, "<path>");
}
