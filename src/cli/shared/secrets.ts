/**
 * Passphrases and key files: from a file or a prompt, never from the command line or the environment,
 * which other processes and shell histories can see.
 *
 * @module
 */
import type { Command } from "commander";
import type { SealSecret } from "../../crypto/sealed.ts";
import { SallyportError } from "../../errors.ts";
import {
  MAX_PASSPHRASE_FILE_BYTES,
  passphraseOf,
  readKeyFile,
  readPassphraseFile,
} from "../../trust/sealed/secret_files.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "../terminal/failure.ts";
import { warnIfOpenToOthers } from "./open_files.ts";
import { MIN_PASSPHRASE_CHARACTERS } from "../terminal/prompt.ts";
import { readStdin } from "../terminal/stdin.ts";

/** Holds the options that say where a secret comes from. */
export interface SecretOptions {
  /** A file whose text is the passphrase. */
  passphraseFile?: string;
  /** A file with the 32 bytes of the key. */
  keyFile?: string;
}

const KEY_BYTES = 32;
const PRIVATE_MODE = 0o600;

/** Adds the options to a command. */
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

/**
 * Reads the secret of something that is sealed already.
 *
 * @throws {UsageError} When two files are named, or none and nobody can be asked.
 * @throws {SallyportError} `bad-config` when a file cannot be read or used.
 */
export async function readSecret(
  options: SecretOptions,
  context: CliContext,
  what: string,
): Promise<{ secret: SealSecret; typed: boolean }> {
  const fromFile = await readSecretFile(options, context);
  if (fromFile !== undefined) return { secret: fromFile, typed: false };
  const passphrase = await askPassphrase(context, what, "--passphrase-file or --key-file");
  return { secret: { passphrase }, typed: true };
}

/**
 * Reads or makes the secret of something new.
 *
 * @throws {UsageError} When several files are named, or none and nobody can be asked.
 * @throws {SallyportError} `bad-config` when a file cannot be used, a passphrase is too short, or the
 * new file is there already.
 */
export async function readNewSecret(
  options: SecretOptions & { newKeyFile?: string },
  context: CliContext,
  what: string,
  names: { passphrase: string; key?: string } = {
    passphrase: "--passphrase-file",
    key: "--key-file",
  },
): Promise<SealSecret> {
  const { passphraseFile, keyFile, newKeyFile } = options;
  const files = { passphraseFile, keyFile };
  const named = [passphraseFile, keyFile, newKeyFile].filter((file) => file !== undefined);
  if (named.length > 1) throw tooMany();
  if (newKeyFile !== undefined) return { key: await makeKeyFile(newKeyFile) };
  const secret = await readSecretFile(files, context);
  if (secret === undefined) {
    if (context.prompter === undefined) {
      const { passphrase, key } = names;
      throw nobodyToAsk(what, key === undefined ? passphrase : `${passphrase} or ${key}`);
    }
    return { passphrase: await context.prompter.newPassphrase(`a passphrase for ${what}`) };
  }
  if ("passphrase" in secret) checkNewPassphrase(secret.passphrase, passphraseFile!);
  return secret;
}

/**
 * Asks for a passphrase.
 *
 * @throws {UsageError} When nobody can be asked.
 */
export async function askPassphrase(
  { prompter }: CliContext,
  what: string,
  option: string,
): Promise<string> {
  if (prompter === undefined) throw nobodyToAsk(what, option);
  return await prompter.passphrase(`the passphrase of ${what}`);
}

/**
 * Refuses a new passphrase that is too short.
 *
 * @throws {SallyportError} `bad-config`.
 */
export function checkNewPassphrase(passphrase: string, path: string): void {
  if ([...passphrase].length >= MIN_PASSPHRASE_CHARACTERS) return;
  throw new SallyportError(
    "bad-config",
    `Cannot use the passphrase in "${path}": it has fewer than ${MIN_PASSPHRASE_CHARACTERS} ` +
      "characters",
    { hint: "Choose a longer one, such as five random words", details: { path } },
  );
}

/**
 * Reads the secret that an option names.
 *
 * Once: a pipe that the shell has opened, as for `<(command)`, or stdin can be read only once.
 */
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

/** Whether a file is stdin or a pipe of the shell, which no later command can read. */
function isReadOnce(path: string): boolean {
  return path === "-" || /^\/(?:dev|proc)\//.test(path);
}

/** Gives the options that name the secret of a list, for commands that a hint shows. */
export function secretWords({ passphraseFile, keyFile }: SecretOptions): string[] {
  if (keyFile !== undefined) return ["--key-file", isReadOnce(keyFile) ? "FILE" : keyFile];
  if (passphraseFile === undefined) return [];
  return ["--passphrase-file", isReadOnce(passphraseFile) ? "FILE" : passphraseFile];
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

/** Makes a key; never opens what is there, since that may open another list. */
async function makeKeyFile(path: string): Promise<Uint8Array> {
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  try {
    using file = await Deno.open(path, { write: true, createNew: true, mode: PRIVATE_MODE });
    for (let rest: Uint8Array = key; rest.length > 0;) {
      rest = rest.subarray(await file.write(rest));
    }
    await file.sync();
  } catch (cause) {
    const exists = cause instanceof Deno.errors.AlreadyExists;
    const reason = exists ? "it exists" : cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError(
      exists ? "bad-state" : "bad-config",
      `Cannot write the key file "${path}": ${reason}`,
      {
        hint: exists
          ? "Name a new file: a key that is there may open something else"
          : "Check the folder, and that you may write there",
        details: { path },
        cause,
      },
    );
  }
  return key;
}

function tooMany(): UsageError {
  return new UsageError(
    "Cannot take a passphrase and a key, or two keys",
    "Pass one of --passphrase-file and --key-file (or --new-key-file)",
  );
}

function nobodyToAsk(what: string, option: string): UsageError {
  return new UsageError(
    `Cannot ask for the passphrase of ${what}: this is not a terminal`,
    `Pass ${option}`,
  );
}
