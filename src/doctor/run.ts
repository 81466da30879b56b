// Runs small programs for `doctor`, with bounds on time and output.
import { escapeText } from "../errors.ts";
import { OWN_SESSION } from "../io/own_session.ts";

/** What became of a program. */
export interface RunResult {
  readonly ok: boolean;
  readonly out: string;
  /** Why it failed: the last line of standard error, or what kept it from running. */
  readonly why: string;
  readonly ran: boolean;
}

/** Options of {@linkcode runProgram}. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The folder to run in.
   *
   * @default {"/"}
   */
  readonly cwd?: string;
  /**
   * When to kill it.
   *
   * @default {5000}
   */
  readonly timeoutMs?: number;
  /** Called with what was written so far, each time it grows. */
  readonly onOutput?: (text: string, child: Deno.ChildProcess) => void;
}

const MAX_CHARACTERS = 16 * 1024;
const MAX_WHY = 160;

/** Runs a program until it ends and nobody holds its output. */
export async function runProgram(
  command: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const [program = "", ...args] = command;
  const { env = {}, cwd = "/", timeoutMs = 5_000, onOutput } = options;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      env: { ...env, LC_ALL: "C" },
      clearEnv: true,
      ...OWN_SESSION,
      stdin: "piped", // which ends when this process does
      stdout: "piped",
      stderr: "piped",
      cwd,
    }).spawn();
  } catch (error) {
    const why = lastLine(error instanceof Error ? error.message : "");
    return { ok: false, out: "", why, ran: false };
  }
  const input = child.stdin.getWriter();
  input.closed.catch(() => {}); // nobody has to read it
  const cancel = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child);
    cancel.abort(); // whoever else holds the pipes must not hold us
  }, timeoutMs);
  try {
    const [status, out, err] = await Promise.all([
      child.status,
      read(child.stdout, cancel.signal, (text) => onOutput?.(text, child)),
      read(child.stderr, cancel.signal),
    ]);
    const ended = status.signal === null ? `status ${status.code}` : status.signal;
    const why = late
      ? `no end within ${timeoutMs / 1_000} s`
      : lastLine(err) || `ended with ${ended}`;
    return { ok: status.success && !late, out: out.trim(), why, ran: true };
  } finally {
    clearTimeout(timer);
    await input.abort().catch(() => {});
  }
}

/** Kills a child that may have ended already. */
export function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // it has ended
  }
}

async function read(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  onText?: (text: string) => void,
): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  const stop = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", stop);
  let text = "";
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return text;
      if (text.length >= MAX_CHARACTERS) continue; // read on, so that nobody waits for us
      text += decoder.decode(value, { stream: true });
      onText?.(text);
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function lastLine(text: string): string {
  return escapeText(text.trim().split("\n").at(-1) ?? "", MAX_WHY);
}
