// The commands, and what becomes of a command line.
import { Command, CommanderError } from "commander";
import { readThrown } from "../errors.ts";
import { VERSION } from "../version.ts";
import { addAudit } from "./audit/command.ts";
import type { CliContext } from "./shared/context.ts";
import { addDoctor } from "./doctor/command.ts";
import {
  BadFindings,
  describeFailure,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_USAGE,
} from "./terminal/failure.ts";
import { addHash } from "./hash/command.ts";
import { addInspect } from "./inspect/command.ts";
import { type CliIo, OutputClosed, processIo } from "./terminal/io.ts";
import { addKeygen } from "./keys/command.ts";
import { addNew } from "./new/command.ts";
import { Output } from "./terminal/output.ts";
import { Prompter } from "./terminal/prompt.ts";
import { addQuarantine } from "./quarantine/command.ts";
import { addRun } from "./run/command.ts";
import { addSign } from "./sign/command.ts";
import { addTop } from "./top/command.ts";
import { addTrust } from "./trust/command.ts";
import { askBeforeCommands } from "./shared/trust_options.ts";
import { addVerify } from "./verify/command.ts";

/** The commands, in the order of the help text. */
const COMMANDS: readonly ((program: Command, context: CliContext) => void)[] = [
  ...[addKeygen, addHash, addSign, addVerify, addInspect, addRun, addNew, addTrust, addAudit],
  ...[addQuarantine, addTop, addDoctor],
];
const SHOWN = new Set(["commander.helpDisplayed", "commander.help", "commander.version"]);

export async function runCommand(
  args: readonly string[],
  io: CliIo = processIo(),
): Promise<number> {
  const output = new Output(io, wantsJson(args));
  const prompter = io.terminal === undefined ? undefined : new Prompter(io.terminal, io);
  const program = createProgram({ io, output, prompter });
  try {
    await program.parseAsync([...args], { from: "user" });
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof OutputClosed) return EXIT_DONE;
    if (error instanceof BadFindings) return EXIT_FAILED;
    if (error instanceof CommanderError && SHOWN.has(error.code)) {
      if (error.exitCode === 0) return EXIT_DONE;
      if (!output.json) return EXIT_USAGE; // the help on stderr says it all
    }
    const command = commandNamed(program, args);
    const failure = describeFailure(error, command);
    try {
      if (failure.code === "internal") output.errorLine(readThrown(error).stack);
      output.failure(failure);
    } catch (again) {
      if (!(again instanceof OutputClosed)) throw again;
    }
    return failure.exitCode;
  }
}

function createProgram(context: CliContext): Command {
  const { io } = context;
  const program = new Command("sallyport")
    .description("Host for plugins that you do not trust: signed, sandboxed, least privilege")
    .version(VERSION, "-V, --version", "print the version")
    .option("--json", "print one JSON document on stdout")
    .exitOverride() // throws instead of ending the process
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => {
        const shown = text === `${VERSION}\n` ? versions() : { help: text };
        context.output.result(shown, () => [text.trimEnd()]);
      },
      writeErr: (text) => {
        if (!context.output.json) io.writeErr(text);
      },
      outputError() {}, // main() says it in its own form
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  askBeforeCommands(program, context);
  for (const add of COMMANDS) add(program, context);
  return program;
}

function versions(): { version: string; deno: string } {
  return { version: VERSION, deno: Deno.version.deno };
}

/** Finds the command that was meant, such as `trust add`, for its help. */
function commandNamed(program: Command, args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => arg !== "--json");
  const command = program.commands.find((known) => known.name() === first);
  const inner = command?.commands.find((known) => known.name() === second);
  return inner === undefined ? command?.name() : `${command!.name()} ${inner.name()}`;
}

/** Looks for `--json` before anything is parsed, since a wrong command line is reported as JSON, too. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).includes("--json");
}
