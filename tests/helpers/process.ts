import { type Child, startChild } from "../../src/process/child.ts";
import type { LaunchCommand } from "../../src/sandbox/launch/launcher.ts";
import type { StderrTailOptions } from "../../src/process/stderr_tail.ts";

/** A child with its standard output read line by line; it is killed when its scope ends. */
export interface TestChild extends AsyncDisposable {
  /** The child under test. */
  readonly child: Child;
  /** Reads one line of standard output. */
  line(): Promise<string>;
  /** Writes to standard input. */
  write(text: string): Promise<void>;
  /** Ends standard input. */
  endInput(): Promise<void>;
}

/** Starts a shell script as a child of the kind that plugins are. */
export function startShell(script: string, options?: StderrTailOptions): TestChild {
  return startCommand(
    { command: "/bin/sh", args: ["-c", script], env: { PATH: "/usr/bin:/bin" }, cwd: "/" },
    options,
  );
}

/** Starts any command. */
export function startCommand(command: LaunchCommand, options?: StderrTailOptions): TestChild {
  return wrap(startChild(command, options));
}

function wrap(child: Child): TestChild {
  const reader = child.process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const writer = child.process.stdin.getWriter();
  writer.closed.catch(() => {}); // a child that is gone: what the tests look at is its exit
  let text = "";
  let ended = false;
  return {
    child,
    async line() {
      while (!text.includes("\n")) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`the child ended its output after ${JSON.stringify(text)}`);
        text += value;
      }
      const end = text.indexOf("\n");
      const line = text.slice(0, end);
      text = text.slice(end + 1);
      return line;
    },
    write: (line) => writer.write(new TextEncoder().encode(line)),
    async endInput() {
      ended = true;
      await writer.close();
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      await Promise.allSettled([reader.cancel(), ended ? undefined : writer.abort()]);
      await child.stderr.release();
    },
  };
}

/** Whether a process runs; one that has ended but was not yet waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/**
 * Writes a program of shell commands. By a process of its own: what is being written cannot be run, and
 * whatever another test starts meanwhile would hold this process's descriptor for a moment.
 */
export async function writeProgram(path: string, commands: string): Promise<void> {
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", 'cat > "$0" && chmod 755 "$0"', path],
    stdin: "piped",
  }).spawn();
  await new Blob([`#!/bin/sh\n${commands}\n`]).stream().pipeTo(child.stdin);
  const { success } = await child.status;
  if (!success) throw new Error(`cannot write ${path}`);
}

/** How long a test waits for what must come: only a failure takes so long, however busy the machine. */
export const PATIENCE_MS = 60_000;

/** Waits for a promise of something that must end; fails when it takes longer than a test is patient. */
export async function settles<T>(promise: PromiseLike<T>, what: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`not within ${PATIENCE_MS} ms: ${what}`)),
    PATIENCE_MS,
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Processor time of the calling thread, which others on the machine do not prolong; in ms. */
export function threadTimeMs(): number {
  if (Deno.build.os !== "linux") return performance.now();
  return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6;
}

/** Polls for a condition that nothing announces; fails when it does not come true in time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The running processes whose command line names a text, such as a test's own folder. */
export function processesNaming(text: string): number[] {
  const pids: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    try {
      if (Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(text)) pids.push(Number(name));
    } catch {
      // it ended meanwhile
    }
  }
  return pids.filter(isAlive);
}
