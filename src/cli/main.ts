/**
 * The command line: `sallyport <command>`.
 *
 * Prints for people, or one JSON document with `--json`. Exit codes: 0 done, 1 refused or failed,
 * 2 wrong usage, 130 interrupted.
 *
 * @module
 */
// nothing else before the version is known: what an older Deno cannot link would end it with a SyntaxError
import { denoProblem } from "../version.ts";
import type { CliIo } from "./terminal/io.ts";

export type { CliIo, Terminal } from "./terminal/io.ts";

/**
 * Runs one command.
 *
 * @param args The arguments after the program's name.
 * @param io Where it reads and writes; by default the streams of this process.
 * @returns The exit code; the process is not ended.
 *
 * @example
 * ```ts
 * import { main } from "@sallyport/host/cli";
 *
 * const code = await main(["--version"]);
 * if (code !== 0) throw new Error(`exit code ${code}`);
 * ```
 */
export async function main(args: readonly string[], io?: CliIo): Promise<number> {
  const problem = denoProblem(Deno.version.deno);
  if (problem !== undefined) return refuse(`Sallyport ${problem}`, args.includes("--json"), io);
  const { runCommand } = await import("./program.ts");
  return await runCommand(args, io);
}

/** Says it in the form of any other failure, without what makes those. */
function refuse(message: string, json: boolean, io?: Pick<CliIo, "writeOut" | "writeErr">): number {
  const hint = "Run `deno upgrade`";
  const write = (to: { writeSync(bytes: Uint8Array): number }) => (text: string) => {
    to.writeSync(new TextEncoder().encode(text));
  };
  if (json) {
    const details = { deno: Deno.version.deno };
    const document = { error: { code: "bad-config", message, hint, details } };
    (io?.writeOut ?? write(Deno.stdout))(`${JSON.stringify(document)}\n`);
  } else (io?.writeErr ?? write(Deno.stderr))(`error: ${message}; ${hint.toLowerCase()}\n`);
  return 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
