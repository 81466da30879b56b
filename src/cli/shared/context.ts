// What every command has at hand.
import { InvalidArgumentError } from "commander";
import { commandLine } from "../../command_line.ts";
import type { CliIo } from "../terminal/io.ts";
import type { Output } from "../terminal/output.ts";
import type { Prompter } from "../terminal/prompt.ts";

export interface CliContext {
  readonly io: CliIo;
  readonly output: Output;
  /** Asks a person; absent where stdin or stderr is no terminal. */
  readonly prompter?: Prompter;
}

/** Replaces `sallyport` in the examples of a help text by the command that starts this program. */
export function withProgram(help: string): () => string {
  const example = /^( +)sallyport (\S+)/gm;
  return () => help.replace(example, (_, indent, word) => indent + commandLine([word]));
}

/** Collects the values of an option that may be given several times. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

export function parseCount(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,6}$/.test(text) && value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(`It must be 1 to ${max}`);
  };
}
