/**
 * The errors that tell how a plugin's process ended, or why it did not start.
 *
 * @module
 */
import { escapeText, SallyportError } from "../errors.ts";
import type { ExitStatus } from "../process/child.ts";

/** Tells a pending call that the host unloaded the plugin. */
export function unloadedError(name: string): SallyportError {
  return new SallyportError("cancelled", `Plugin "${name}" was unloaded`, {
    details: { plugin: name },
  });
}

function describeExit(status: ExitStatus): string {
  return status.signal === null ? `exit code ${status.code}` : `signal ${status.signal}`;
}

/** Tells that the host ended the process, and for which breach of the protocol. */
export function violationError(
  name: string,
  violation: SallyportError,
  status: ExitStatus,
  stderrTail: string,
): SallyportError {
  return new SallyportError(violation.code, `Plugin "${name}" was ended: ${violation.message}`, {
    details: { ...violation.details, ...exitDetails(name, status, stderrTail) },
    hint: violation.hint,
    cause: violation,
  });
}

/** Tells that the process ended by itself. */
export function crashError(name: string, status: ExitStatus, stderrTail: string): SallyportError {
  return new SallyportError("crashed", `Plugin "${name}" crashed: ${describeExit(status)}`, {
    details: exitDetails(name, status, stderrTail),
    hint: stderrTail === ""
      ? "It wrote nothing to stderr"
      : `It last wrote: ${lastLine(stderrTail)}`,
  });
}

function exitDetails(name: string, status: ExitStatus, stderrTail: string) {
  return { plugin: name, exitCode: status.code, signal: status.signal, stderrTail };
}

function lastLine(text: string): string {
  return escapeText(text.slice(text.lastIndexOf("\n") + 1), 200);
}

/** Tells why a plugin could not be started. */
export function startError(
  name: string,
  cause: unknown,
  status: ExitStatus | undefined,
  stderrTail: string,
): SallyportError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof SallyportError ? cause.code : undefined;
  const details = {
    ...(cause instanceof SallyportError ? cause.details : {}),
    plugin: name,
    stderrTail,
    ...(status === undefined ? {} : exitDetails(name, status, stderrTail)),
  };
  const hint = stderrTail === "" ? undefined : `It last wrote: ${lastLine(stderrTail)}`;
  if (code === "protocol-violation" || code === "cancelled") {
    return new SallyportError(code, `Cannot start plugin "${name}": ${message}`, {
      details,
      cause,
      hint,
    });
  }
  const reason = status !== undefined
    ? `the process ended with ${describeExit(status)} before it was ready`
    : code === "timeout"
    ? "it was not ready in time"
    : message;
  return new SallyportError("launch-failed", `Cannot start plugin "${name}": ${reason}`, {
    details,
    cause,
    hint,
  });
}
