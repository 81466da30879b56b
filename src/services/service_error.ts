/**
 * Turns what a service threw into what a plugin may see.
 *
 * @module
 */

import { escapeText, SallyportError } from "../errors.ts";

// an absolute path or file: URL, quoted or not: where the application lives is none of a plugin's
// business, and the runtime's own messages name it. The second slash keeps "/" and "and/or" as they are.
const PATHS =
  /file:\/\/[^\s"'`<>]+|(?<=["'`])(?:\/|[A-Za-z]:[\\/])[^"'`\n]*(?=["'`])|(?<![\w/.~-])(?!(?<=:)\/\/)\/[^\s"'`<>/()]+\/[^\s"'`<>()]*|(?<!\w)[A-Za-z]:\\[^\s"'`<>]+/g;

/** Which call failed. */
export interface FailedCall {
  /** The service. */
  readonly key: string;
  /** The method. */
  readonly method: string;
  /** Whether the service is this package's own. */
  readonly hostMade: boolean;
}

/**
 * Gives the error that a plugin sees: the code and the message, without stack, cause or host paths.
 *
 * @param call Which call failed.
 * @param error What it threw.
 * @returns A `SallyportError`'s own code; `plugin-error` for anything else, with the error's name in
 * the details.
 */
export function serviceError(call: FailedCall, error: unknown): SallyportError {
  const { key, method, hostMade } = call;
  const details = { service: key, method };
  if (error instanceof SallyportError) {
    // what SQLite says of a plugin's statement are the plugin's own words
    const own = hostMade && (error.code === "plugin-error" || error.code === "service-denied");
    const clean = own ? (text: string) => text : redactPaths;
    return new SallyportError(error.code, clean(error.message), {
      hint: error.hint === undefined ? undefined : clean(error.hint),
      details: { ...error.details, ...details },
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  const name = error instanceof Error ? error.name : typeof error;
  return new SallyportError(
    "plugin-error",
    `Service "${key}" failed in "${method}": ${escapeText(redactPaths(message))}`,
    { details: { ...details, name: escapeText(name, 100) }, cause: error },
  );
}

/**
 * Replaces absolute paths in a text.
 *
 * @param text The text.
 * @returns The text with `<path>` for each.
 */
export function redactPaths(text: string): string {
  return text.replace(PATHS, "<path>");
}
