// How a command fails: its message, and its exit code.
import { CommanderError } from "commander";
import { commandLine } from "../../command_line.ts";
import { escapeText, readThrown, SallyportError } from "../../errors.ts";

/** The command did what it was asked to. */
export const EXIT_DONE = 0;
/** The host refused, or something failed. */
export const EXIT_FAILED = 1;
/** The command line itself is wrong. */
export const EXIT_USAGE = 2;
/** The user interrupted it. */
export const EXIT_INTERRUPTED = 130;

/** Reports a wrong command line. */
export class UsageError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}

/** Reports that a signal, or Ctrl-C at a prompt, ended the command. */
export class InterruptedError extends Error {
  readonly hint: string;

  constructor(hint: string = "The plugin was stopped and nothing was left behind") {
    super("Interrupted");
    this.name = "InterruptedError";
    this.hint = hint;
  }
}

/** Ends a command that has printed its findings, which are not all good. */
export class BadFindings extends Error {
  override readonly name = "BadFindings";
}

export interface Failure {
  /** A code of the host, or `usage` or `internal`. */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly details: SallyportError["details"];
  readonly exitCode: number;
}

/** What to do where an error does not say it. */
const DEFAULT_HINTS: Readonly<Record<string, string>> = {
  cancelled: "Run the command again to start over",
  crashed: "Look at what the plugin wrote to stderr",
  "launch-failed": "Look at what the plugin wrote to stderr",
  "limit-exceeded": "Ask for less, or raise the limit in plugin.json and in the policy",
  "method-not-found": "Name a method that the plugin's `methods` has",
  "plugin-error": "The error is the plugin's own: check the parameters, then ask its author",
  "protocol-violation": "Ask the plugin's author: it broke the protocol, so it was ended",
  timeout: "Give it longer with --timeout, up to the plugin's callTimeoutMs",
};
const MAX_CHARACTERS = 20_000;

export function describeFailure(error: unknown, command?: string): Failure {
  const { code, message, hint, exitCode } = classify(error, command);
  return {
    code,
    details: error instanceof SallyportError ? error.details : {},
    message: escapeText(message, MAX_CHARACTERS),
    hint: escapeText(
      hint ?? DEFAULT_HINTS[code] ?? `Run "${commandLine(["--help"])}" to see every command`,
      MAX_CHARACTERS,
    ),
    exitCode,
  };
}

function classify(
  error: unknown,
  command: string | undefined,
): Pick<Failure, "code" | "message" | "exitCode"> & { hint?: string } {
  const usageHint = `Run "${commandLine([...command?.split(" ") ?? [], "--help"])}"`;
  if (error instanceof SallyportError) {
    const { code, message, hint, details } = error;
    // the hint speaks of the library's option
    const ownHint = code === "untrusted" && details.signedBy !== undefined
      ? "If you trust its author, pass the author's public key with --key, or add it to the trust list"
      : hint;
    return { code, message, hint: ownHint, exitCode: EXIT_FAILED };
  }
  if (error instanceof UsageError) {
    const { message, hint = usageHint } = error;
    return { code: "usage", message, hint, exitCode: EXIT_USAGE };
  }
  if (error instanceof CommanderError) {
    const { message, suggestion = usageHint } = readCommander(error);
    return { code: "usage", message, hint: suggestion, exitCode: EXIT_USAGE };
  }
  if (error instanceof InterruptedError) {
    const { message, hint } = error;
    return { code: "cancelled", message, hint, exitCode: EXIT_INTERRUPTED };
  }
  if (error instanceof Deno.errors.NotCapable) {
    const hint = "Run the command with the permission that it names, or with -A";
    return { code: "bad-config", message: error.message, hint, exitCode: EXIT_FAILED };
  }
  return {
    code: "internal",
    message: readThrown(error).message,
    hint: "This is a mistake in sallyport: please report it with the lines above",
    exitCode: EXIT_FAILED,
  };
}

/** Brings the parser's words into the form of our messages: `error: …\n(Did you mean …?)`. */
function readCommander(error: CommanderError): { message: string; suggestion?: string } {
  const [first = "", second] = error.message.replace(/^error: /, "").split("\n");
  const quoted = first.replace(/'([^']*)'/g, '"$1"').replace(/\.$/, "");
  const message = `${quoted.slice(0, 1).toUpperCase()}${quoted.slice(1)}`;
  if (error.code === "commander.help") return { message: "No command was given" };
  return second === undefined
    ? { message }
    : { message, suggestion: second.replace(/^\(|\)$/g, "") };
}
