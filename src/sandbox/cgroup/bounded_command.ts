/**
 * Runs a helper program of the system with a bound on its time and output.
 *
 * @module
 */
import { OWN_SESSION } from "../own_session.ts";

/** What became of the program. */
export interface BoundedResult {
  /** Whether it ended by itself with status 0. */
  readonly ok: boolean;
  /** Its exit status, where it ran. */
  readonly status?: number;
  /** What it wrote to standard output. */
  readonly stdout: string;
  /** What it wrote to standard error, or why it did not run. */
  readonly stderr: string;
}

const MAX_BYTES = 256 * 1024;

/**
 * Runs a program to its end.
 *
 * @param command The program, by its path.
 * @param args Its arguments.
 * @param env Its whole environment, or `inherit` for that of the host.
 * @param timeoutMs When to kill it.
 * @returns What became of it; never throws.
 */
export async function runBounded(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> | "inherit",
  timeoutMs = 5_000,
): Promise<BoundedResult> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, {
      args: [...args],
      ...(env === "inherit" ? {} : { env: { ...env, LC_ALL: "C" }, clearEnv: true }),
      ...OWN_SESSION,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    return { ok: false, stdout: "", stderr: error instanceof Error ? error.message : "" };
  }
  const late = new AbortController();
  const timer = setTimeout(() => {
    kill(child);
    late.abort(); // whoever else holds its pipes must not hold us
  }, timeoutMs);
  try {
    const [{ success, code }, stdout, stderr] = await Promise.all([
      child.status,
      readBounded(child.stdout, late.signal),
      readBounded(child.stderr, late.signal),
    ]);
    return { ok: success, status: code, stdout, stderr: stderr.trim() };
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Kills a child that may have ended already.
 *
 * @param child The child.
 */
export function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // it has ended
  }
}

/** Reads to the end, so that the program never waits for us, and keeps the beginning. */
async function readBounded(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  let text = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return text;
    if (text.length < MAX_BYTES) text += decoder.decode(value, { stream: true });
  }
}
