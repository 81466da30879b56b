// What every act of the demo has at hand.
import { type PluginHost, SallyportError } from "@sallyport/host";
import type { KeyFiles, Workshop } from "./workshop.ts";
import type { Site } from "./site.ts";
import { type Terminal, Unexpected } from "./terminal.ts";

/** The types of the example plugins, taken from their own modules. */
export type WordCount = typeof import("../../plugins/word-count/main.ts");
/** See {@linkcode WordCount}. */
export type Notes = typeof import("../../plugins/notes/main.ts");
/** See {@linkcode WordCount}. */
export type LinkCheck = typeof import("../../plugins/link-check/main.ts");
/** The type of the demo's own misbehaving plugin. */
export type Nosy = typeof import("./nosy/main.ts");

/** A document of this project. */
export interface Document {
  path: string;
  text: string;
}

/** Holds what the demo has set up. */
export interface Stage {
  readonly terminal: Terminal;
  readonly workshop: Workshop;
  readonly host: PluginHost;
  readonly author: KeyFiles;
  readonly site: Site;
  readonly elsewhere: Site;
}

/** Ends the demo with exit code 1 unless something is as it has to be. */
export function expect(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Unexpected(what);
}

/** Expects a refusal, and prints it with its reason and hint. */
export async function expectRefusal(
  terminal: Terminal,
  what: string,
  code: SallyportError["code"],
  attempt: () => Promise<unknown>,
): Promise<SallyportError> {
  const error = await refusalOf(what, code, attempt);
  terminal.refused(what, code);
  showReason(terminal, error);
  return error;
}

/** Expects that Deno itself refuses what a plugin tries; the plugin's call fails with that. */
export async function expectDenied(
  terminal: Terminal,
  what: string,
  attempt: () => Promise<unknown>,
): Promise<void> {
  const error = await refusalOf(what, "plugin-error", attempt);
  const { name } = error.details;
  expect(name === "NotCapable", `${what}: it failed with ${name}, which is no denial`);
  terminal.refused(what, `${name}, by Deno`);
  showReason(terminal, error);
}

/** Prints what an error says, and what to do about it. */
export function showReason(terminal: Terminal, error: SallyportError): void {
  // a message from a plugin's process may have several lines; they come escaped
  terminal.detail(error.message.split("\\n")[0]!);
  if (error.hint !== undefined) terminal.detail(`hint: ${error.hint}`);
}

async function refusalOf(
  what: string,
  code: SallyportError["code"],
  attempt: () => Promise<unknown>,
): Promise<SallyportError> {
  try {
    await attempt();
  } catch (error) {
    if (error instanceof SallyportError && error.code === code) return error;
    throw new Unexpected(`${what}: "${code}" was expected, got ${error}`);
  }
  throw new Unexpected(`${what}: it was allowed, "${code}" was expected`);
}
