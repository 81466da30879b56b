// Passphrases and key files: from a file or a prompt, never from the command line or the environment,
// which other processes and shell histories can see.
import type { Command } from "commander";
import type { SealSecret } from "../../crypto/sealed.ts";
import { SallyportError } from "../../errors.ts";
import { writeNewFile } from "../../io/durable_file.ts";
import {
  MAX_PASSPHRASE_FILE_BYTES,
  passphraseOf,
  readKeyFile,
  readPassphraseFile,
} from "../../trust/sealed/secret_files.ts";
import { UsageError } from "../terminal/failure.ts";
import { MAX_TRIES, MIN_PASSPHRASE_CHARACTERS } from "../terminal/prompt.ts";
import { readStdin } from "../terminal/stdin.ts";
import type { CliContext } from "./context.ts";
import { cannotWrite, warnIfOpenToOthers } from "./files.ts";

export interface SecretOptions {
  passphraseFile?: string;
  keyFile?: string;
}

const KEY_BYTES = 32;
const SECRET_OPTIONS = "--passphrase-file or --key-file";

export function addSecretOptions(command: Command, whose: string): Command {
  return command
    .option(
      "--passphrase-file <file>",
      `the file with ${whose} passphrase, - for stdin (none: asked for)`,
    )
    .option(
      "--key-file <file>",
      `the file with ${whose} key of 32 bytes, where it has no passphrase`,
    );
}

/** Reads the secret that an option names; once, as a pipe of the shell or stdin can be read only once. */
export async function readSecretFile(
  { passphraseFile, keyFile }: SecretOptions,
  context: CliContext,
): Promise<SealSecret | undefined> {
  if (passphraseFile !== undefined && keyFile !== undefined) throw tooMany();
  if (passphraseFile !== undefined) {
    return { passphrase: await readPassphrase(passphraseFile, context) };
  }
  if (keyFile === undefined) return undefined;
  const key = await readKeyFile(keyFile);
  await warnIfOpenToOthers(keyFile, "the key file", context.output);
  return { key };
}

/** Reads a passphrase from a file, or from stdin for `-`. */
export async function readPassphrase(path: string, { io, output }: CliContext): Promise<string> {
  if (path === "-") {
    return passphraseOf(await readStdin(io, "the passphrase", MAX_PASSPHRASE_FILE_BYTES), path);
  }
  const passphrase = await readPassphraseFile(path);
  await warnIfOpenToOthers(path, "the passphrase file", output);
  return passphrase;
}

export async function askPassphrase(
  { prompter }: CliContext,
  what: string,
  option: string = SECRET_OPTIONS,
): Promise<string> {
  if (prompter === undefined) throw cannotAsk(what, option);
  return await prompter.passphrase(`the passphrase of ${what}`);
}

/** Asks for the passphrase that opens something; a person who mistypes it may try again. */
export async function openByPrompt<T>(
  context: CliContext,
  what: string,
  open: (passphrase: string) => Promise<T>,
  option?: string,
): Promise<T> {
  for (let tries = 1;; tries++) {
    const passphrase = await askPassphrase(context, what, option);
    try {
      return await open(passphrase);
    } catch (error) {
      if (!isWrongPassphrase(error) || tries >= MAX_TRIES) throw error;
      context.prompter?.say("That is not its passphrase");
    }
  }
}

/** Returns whether an error means that a passphrase was wrong. */
export function isWrongPassphrase(error: unknown): boolean {
  return error instanceof SallyportError && error.details.reason === "wrong-passphrase";
}

export async function readNewSecret(
  { passphraseFile, keyFile, newKeyFile }: SecretOptions & { newKeyFile?: string },
  context: CliContext,
  what: string,
  option: string = SECRET_OPTIONS,
): Promise<SealSecret> {
  if (newKeyFile !== undefined) {
    if (passphraseFile !== undefined || keyFile !== undefined) throw tooMany();
    return { key: await makeKeyFile(newKeyFile) };
  }
  const secret = await readSecretFile({ passphraseFile, keyFile }, context);
  if (secret === undefined) {
    if (context.prompter === undefined) throw cannotAsk(what, option);
    return { passphrase: await context.prompter.newPassphrase(`a passphrase for ${what}`) };
  }
  if ("key" in secret || [...secret.passphrase].length >= MIN_PASSPHRASE_CHARACTERS) return secret;
  const message = `Cannot use the passphrase in "${passphraseFile}": it has fewer than ` +
    `${MIN_PASSPHRASE_CHARACTERS} characters`;
  throw new SallyportError("bad-config", message, {
    hint: "Choose a longer one, such as five random words",
    details: { path: passphraseFile },
  });
}

/** Returns the options that name the secret of a list, for commands that a hint shows. */
export function secretWords({ passphraseFile, keyFile }: SecretOptions): string[] {
  // stdin or a pipe of the shell: no later command can read it
  const named = (path: string) => path === "-" || /^\/(?:dev|proc)\//.test(path) ? "FILE" : path;
  if (keyFile !== undefined) return ["--key-file", named(keyFile)];
  return passphraseFile === undefined ? [] : ["--passphrase-file", named(passphraseFile)];
}

/** Makes a key; never opens what is there, since that may open another list. */
async function makeKeyFile(path: string): Promise<Uint8Array> {
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  try {
    await writeNewFile(path, key, { mode: 0o600 });
  } catch (cause) {
    const hint = "Name a new file: a key that is there may open something else";
    throw cannotWrite(path, cause, hint);
  }
  return key;
}

function tooMany(): UsageError {
  return new UsageError(
    "Cannot take a passphrase and a key, or two keys",
    "Pass one of --passphrase-file and --key-file (or --new-key-file)",
  );
}

function cannotAsk(what: string, option: string): UsageError {
  return new UsageError(
    `Cannot ask for the passphrase of ${what}: this is not a terminal`,
    `Pass ${option}`,
  );
}
