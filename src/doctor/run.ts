// Runs small programs for `doctor`, with bounds on time and output.
import { escapeText } from "../errors.ts";
import { runBounded } from "../io/bounded_command.ts";

export interface RunResult {
  readonly ok: boolean;
  /** What it wrote to standard output, trimmed. */
  readonly out: string;
  /** Why it failed: the last line of standard error, or what kept it from running. */
  readonly why: string;
  readonly ran: boolean;
}

export interface RunOptions {
  env?: Readonly<Record<string, string>>;
  timeoutMs?: number;
  /** Called with what was written so far, each time it grows. */
  onOutput?: (text: string, child: Deno.ChildProcess) => void;
}

const MAX_WHY = 160;

/** Runs a program until it and all processes that hold its output have ended; its input ends with this process. */
export async function runProgram(
  [program = "", ...args]: readonly string[],
  { env = {}, timeoutMs, onOutput = () => {} }: RunOptions = {},
): Promise<RunResult> {
  const { ok, status, stdout, stderr, unsure } = await runBounded(
    program,
    args,
    env,
    timeoutMs,
    onOutput,
  );
  const last = stderr.trim().split("\n").at(-1) ?? "";
  const why = escapeText(last || (unsure?.message ?? `ended with status ${status}`), MAX_WHY);
  return { ok: ok && unsure === undefined, out: stdout.trim(), why, ran: status !== undefined };
}
