// One child process with piped streams, whose exit is awaited and whose signals never throw.
import { SallyportError } from "../errors.ts";
import { systemHint } from "../io/system_error.ts";
import type { LaunchCommand } from "../sandbox/launch/launcher.ts";
import { inOwnSession } from "../io/own_session.ts";
import { StderrTail, type StderrTailOptions } from "./stderr_tail.ts";

/** Says how a process ended. */
export interface ExitStatus {
  /** The exit code; for a signal 128 plus its number. */
  readonly code: number;
  /** The signal that ended it, or `null`. */
  readonly signal: string | null;
}

/** Holds a running child process. */
export interface Child {
  /** The process id. */
  readonly pid: number;
  /** The process itself, for its streams. */
  readonly process: Deno.ChildProcess;
  /** The end of what it writes to stderr. */
  readonly stderr: StderrTail;
  /** Settles when the process has exited, whoever still holds its pipes. */
  readonly exited: Promise<ExitStatus>;
  /** How it ended, once it has. */
  readonly status: ExitStatus | undefined;
  /** Sends a signal; does nothing once the process has exited. */
  kill(signal: Deno.Signal): void;
}

/**
 * Starts a command with a cleared environment and piped stdin, stdout and stderr.
 *
 * @throws {SallyportError} `launch-failed` when it cannot be started.
 */
export function startChild(command: LaunchCommand, options: StderrTailOptions = {}): Child {
  let process: Deno.ChildProcess;
  try {
    const { command: program, args, detached } = inOwnSession(command.command, command.args);
    process = new Deno.Command(program, {
      args,
      detached,
      env: { ...command.env },
      cwd: command.cwd,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    throw new SallyportError(
      "launch-failed",
      `Cannot start "${command.command}": ${cause instanceof Error ? cause.message : cause}`,
      {
        cause,
        hint: cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotCapable
          ? "Check that the file exists and that the host has --allow-run for it"
          : systemHint(cause) ?? "See the cause",
      },
    );
  }
  const stderr = new StderrTail(process.stderr, options);
  let status: ExitStatus | undefined;
  const exited = process.status.then(({ code, signal }) => status = { code, signal });
  return {
    pid: process.pid,
    process,
    stderr,
    exited,
    get status() {
      return status;
    },
    kill(signal) {
      if (status !== undefined) return;
      try {
        process.kill(signal);
      } catch {
        // it exited between the check and the signal
      }
    },
  };
}
