/**
 * The trust list that a `trust` command works on: which file, opened with which secret.
 *
 * @module
 */
import type { Command } from "commander";
import { commandLine } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { isListExpired } from "../../trust/list/list.ts";
import { TrustList } from "../../trust/trust_list.ts";
import type { CliContext } from "../shared/context.ts";
import { shortDate } from "../shared/dates.ts";
import { UsageError } from "../terminal/failure.ts";
import { warnIfChangeable } from "../shared/open_files.ts";
import { plural } from "../terminal/layout.ts";
import { MAX_TRIES } from "../terminal/prompt.ts";
import { isWrongPassphrase } from "../shared/read_keys.ts";
import {
  addSecretOptions,
  readSecret,
  type SecretOptions,
  secretWords,
} from "../shared/secrets.ts";

/** Holds the options of every `trust` command. */
export interface ListOptions extends SecretOptions {
  /** The file, where it is not the first argument. */
  trustList?: string;
  /** The folder of a host, whose rollback mark is checked. */
  dataDir?: string;
}

/** From how many days before its expiry on a list is warned of. */
const WARN_DAYS = 14;
const DAY_MS = 86_400_000;

/** Adds the options that name a list and its secret to a command. */
export function addFileOptions(command: Command): Command {
  command
    .argument("[file]", "the trust list")
    .option("--trust-list <file>", "the trust list, instead of the first argument");
  return addSecretOptions(command, "the list's");
}

/** Adds the options for a list that is there to a command. */
export function addListOptions(command: Command): Command {
  return addFileOptions(command)
    .option("--data-dir <dir>", "a host's folder: refuse a list older than it has seen there");
}

/**
 * Finds the file among the arguments: the first one unless `--trust-list` names it.
 *
 * @throws {UsageError} When no file is named.
 */
export function takeFile(
  args: readonly (string | undefined)[],
  { trustList }: ListOptions,
): { file: string; rest: string[] } {
  const given = args.filter((arg) => arg !== undefined);
  if (trustList !== undefined) return { file: trustList, rest: given };
  const [file, ...rest] = given;
  if (file === undefined) {
    throw new UsageError("No trust list was named", "Name its file as the first argument");
  }
  return { file, rest };
}

/**
 * Finds the file where a command takes nothing else.
 *
 * @throws {UsageError} When no file is named, or two are.
 */
export function onlyFile(arg: string | undefined, options: ListOptions): string {
  const { file, rest } = takeFile([arg], options);
  if (rest.length === 0) return file;
  throw new UsageError(`Cannot use both "${file}" and "${rest[0]}"`, "Name one trust list");
}

/**
 * Opens a list; whoever mistypes its passphrase may try again.
 *
 * @throws {SallyportError} As `TrustList.open` does.
 */
export async function openList(
  file: string,
  options: ListOptions,
  context: CliContext,
): Promise<TrustList> {
  await refuseAbsent(file);
  for (let tries = 1;; tries++) {
    const { secret, typed } = await readSecret(options, context, `"${file}"`);
    try {
      const list = await TrustList.open(file, secret, {
        ...(options.dataDir === undefined
          ? {}
          : { markDir: `${options.dataDir}/trust`, remember: false }),
      });
      warnIfChangeable(file, "the trust list", context.output);
      warnOfExpiry(list, options, context);
      return list;
    } catch (error) {
      if (!typed || !isWrongPassphrase(error) || tries >= MAX_TRIES) throw naming(file, error);
      context.prompter?.say("That is not its passphrase");
    }
  }
}

/** Tells before anybody types a passphrase for nothing. */
async function refuseAbsent(file: string): Promise<void> {
  try {
    await Deno.stat(file);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) return; // the opening says it better
    throw new SallyportError(
      "bad-config",
      `Cannot open trust list "${escapeText(file)}": it is ` +
        "not there",
      {
        hint: `Check the path, or make one with: ${commandLine(["trust", "init", file])}`,
        details: { path: file },
        cause,
      },
    );
  }
}

/** Puts the file's name to an error about what is in it. */
function naming(file: string, error: unknown): unknown {
  const start = "Cannot open trust list: ";
  if (!(error instanceof SallyportError) || !error.message.startsWith(start)) return error;
  return new SallyportError(
    error.code,
    `Cannot open trust list "${escapeText(file)}": ${error.message.slice(start.length)}`,
    { hint: error.hint, details: { ...error.details, path: file }, cause: error },
  );
}

function warnOfExpiry(
  { file, content, root: signers }: TrustList,
  options: ListOptions,
  { output }: CliContext,
): void {
  const now = new Date();
  const { expiresAt } = content;
  const root = signers === undefined ? [] : ["--root-key", "FILE"];
  const words = ["trust", "set", file, "--expires", "365d", ...secretWords(options), ...root];
  const how = `run: ${commandLine(words)}`;
  if (isListExpired(content, now)) {
    output.warn(`the trust list expired at ${shortDate(expiresAt)}, so hosts load nothing: ${how}`);
    return;
  }
  const days = Math.ceil((Date.parse(expiresAt) - now.getTime()) / DAY_MS);
  if (days > WARN_DAYS) return;
  output.warn(`the trust list expires in ${plural(days, "day")} (${shortDate(expiresAt)}): ${how}`);
}
