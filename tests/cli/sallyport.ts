import assert from "node:assert/strict";
import { main } from "../../src/cli/main.ts";

/** What a command left behind. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Options of {@linkcode sallyport}. */
export interface RunOptions {
  cwd?: string;
  stdin?: string;
  env?: Record<string, string>;
}

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/** Returns the command that starts the command line as users do. */
export function command(args: string[], options: Deno.CommandOptions = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-lock", MAIN, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
    env: { INIT_CWD: "", ...options.env }, // hints name a task where the tests are one
  });
}

/** Runs the command line: in a process where it needs a folder or an environment of its own, else in this one. */
export async function sallyport(args: string[], options: RunOptions = {}): Promise<Outcome> {
  const { stdin, ...rest } = options;
  if (Object.keys(rest).length === 0) return await inProcess(args, stdin);
  const child = command(args, { ...rest, ...(stdin === undefined ? {} : { stdin: "piped" }) })
    .spawn();
  if (stdin !== undefined) {
    await new Blob([stdin]).stream().pipeTo(child.stdin).catch(() => {}); // it need not read it
  }
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Runs the command line in this process. */
export async function inProcess(args: string[], stdin: string = ""): Promise<Outcome> {
  const outcome = { code: 0, stdout: "", stderr: "" };
  outcome.code = await main(args, {
    writeOut: (text) => void (outcome.stdout += text),
    writeErr: (text) => void (outcome.stderr += text),
    stdin: () => new Blob([stdin]).stream(),
    outIsTerminal: false,
    errIsTerminal: false,
    noColor: true,
  });
  return outcome;
}

/** Asserts success, and gives stdout. */
export function done(outcome: Outcome): string {
  assert.equal(outcome.code, 0, `stderr: ${outcome.stderr}\nstdout: ${outcome.stdout}`);
  return outcome.stdout;
}

/** Asserts success of a `--json` command, and gives its one document. */
// deno-lint-ignore no-explicit-any
export function document(outcome: Outcome): any {
  return JSON.parse(done(outcome));
}

/** Asserts that a `--json` command failed with a code, and gives its error. */
export function failed(
  outcome: Outcome,
  code: string,
  exitCode = 1,
): { code: string; message: string; hint: string; details: Record<string, unknown> } {
  assert.equal(outcome.code, exitCode, `stderr: ${outcome.stderr}\nstdout: ${outcome.stdout}`);
  const { error, ...rest } = JSON.parse(outcome.stdout);
  assert.deepEqual(rest, {});
  assert.deepEqual(Object.keys(error), ["code", "message", "hint", "details"]);
  assert.equal(error.code, code, error.message);
  assert.ok(error.hint.length > 0);
  return error;
}
