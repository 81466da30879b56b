// Runs a helper program of the system with a bound on its time and output.
import { isShortage } from "./system_error.ts";
import { OWN_SESSION } from "./own_session.ts";

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
  /**
   * What kept it from running to its end and says nothing about it: the machine was short of something, or
   * somebody else ended it.
   */
  readonly unsure?: CannotTell;
}

/** Says that nothing was found out, for want of something that the machine may have again. */
export class CannotTell extends Error {
  override readonly name = "CannotTell";
}

const MAX_BYTES = 256 * 1024;

/**
 * Runs a program to its end. Its input ends at once, or with this process where somebody is told of its
 * output, so far as it goes.
 */
export async function runBounded(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> | "inherit",
  timeoutMs = 5_000,
  onOutput?: (text: string, child: Deno.ChildProcess) => void,
): Promise<BoundedResult> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, {
      args: [...args],
      ...(env === "inherit" ? {} : { env: { ...env, LC_ALL: "C" }, clearEnv: true }),
      cwd: "/", // the host's own may be gone
      ...OWN_SESSION,
      stdin: onOutput === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    const stderr = error instanceof Error ? error.message : "";
    const unsure = isShortage(error) ? new CannotTell(stderr, { cause: error }) : undefined;
    return { ok: false, stdout: "", stderr, unsure };
  }
  const input = onOutput && child.stdin.getWriter();
  input?.closed.catch(() => {}); // nobody has to read it
  const late = new AbortController();
  const timer = setTimeout(() => {
    killGroup(child);
    late.abort(); // whoever else holds its pipes must not hold us
  }, timeoutMs);
  try {
    const [{ success, code, signal }, stdout, stderr] = await Promise.all([
      child.status,
      readBounded(child.stdout, late.signal, (text) => onOutput?.(text, child)),
      readBounded(child.stderr, late.signal),
    ]);
    const ended = late.signal.aborted
      ? `"${command}" did not end within ${timeoutMs} ms`
      : signal === "SIGKILL" || signal === "SIGTERM"
      ? `"${command}" was ended by ${signal}`
      : undefined;
    const unsure = ended === undefined ? undefined : new CannotTell(ended);
    return { ok: success, status: code, stdout, stderr: stderr.trim(), unsure };
  } finally {
    clearTimeout(timer);
    await input?.abort().catch(() => {});
  }
}

/** Ends what the program has started, too, which would hold its pipes. */
function killGroup(child: Deno.ChildProcess): void {
  try {
    Deno.kill(-child.pid, "SIGKILL");
  } catch {
    kill(child); // the host may signal its own children only
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

/** Reads to the end, so that the program never waits for us, and keeps the beginning. */
async function readBounded(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  onText?: (text: string) => void,
): Promise<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  let text = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return text;
    if (text.length >= MAX_BYTES) continue;
    text += decoder.decode(value, { stream: true });
    onText?.(text);
  }
}
