// The trust list that a `trust` command works on: which file, opened with which secret.
import type { Command } from "commander";
import { commandLine } from "../../command_line.ts";
import { ContentError } from "../../crypto/content_error.ts";
import type { SealSecret } from "../../crypto/sealed.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { isListExpired } from "../../trust/list/list.ts";
import { TrustList } from "../../trust/trust_list.ts";
import type { CliContext } from "../shared/context.ts";
import { shortDate } from "../shared/dates.ts";
import { warnIfChangeable } from "../shared/files.ts";
import {
  addSecretOptions,
  openByPrompt,
  readSecretFile,
  type SecretOptions,
  secretWords,
} from "../shared/secrets.ts";
import { UsageError } from "../terminal/failure.ts";
import { plural } from "../terminal/layout.ts";

export interface ListOptions extends SecretOptions {
  trustList?: string;
  /** The folder of a host, whose rollback mark is checked. */
  dataDir?: string;
}

/** How many days before its expiry a list is warned of. */
const WARN_DAYS = 14;
const DAY_MS = 86_400_000;

export function addFileOptions(command: Command): Command {
  command
    .argument("[file]", "the trust list")
    .option("--trust-list <file>", "the trust list, instead of the first argument");
  return addSecretOptions(command, "the list's");
}

export function addListOptions(command: Command): Command {
  return addFileOptions(command)
    .option("--data-dir <dir>", "a host's folder: refuse a list older than it has seen there");
}

/** Finds the file among the arguments: the first one unless `--trust-list` names it. */
export function takeFile(
  args: readonly (string | undefined)[],
  { trustList }: ListOptions,
): { file: string; rest: string[] } {
  const given = args.filter((arg) => arg !== undefined);
  const [file, ...rest] = trustList === undefined ? given : [trustList, ...given];
  if (file !== undefined) return { file, rest };
  throw new UsageError("No trust list was named", "Name its file as the first argument");
}

export function onlyFile(arg: string | undefined, options: ListOptions): string {
  const { file, rest } = takeFile([arg], options);
  if (rest.length === 0) return file;
  throw new UsageError(`Cannot use both "${file}" and "${rest[0]}"`, "Name one trust list");
}

/** Opens a list; a person who mistypes its passphrase may try again. */
export async function openList(
  file: string,
  options: ListOptions,
  context: CliContext,
): Promise<TrustList> {
  await refuseAbsent(file);
  const { dataDir } = options;
  const mark = dataDir === undefined ? {} : { markDir: `${dataDir}/trust`, remember: false };
  const open = (secret: SealSecret) =>
    TrustList.open(file, secret, mark).catch((error) => {
      throw error instanceof ContentError ? error.about("Cannot open trust list", file) : error;
    });
  const secret = await readSecretFile(options, context);
  const list = secret === undefined
    ? await openByPrompt(context, `"${file}"`, (passphrase) => open({ passphrase }))
    : await open(secret);
  warnIfChangeable(file, "the trust list", context.output);
  warnOfExpiry(list, options, context);
  return list;
}

/** Refuses a missing list before a passphrase is typed. */
async function refuseAbsent(file: string): Promise<void> {
  try {
    await Deno.stat(file);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) return; // opening it reports that better
    throw new SallyportError(
      "bad-config",
      `Cannot open trust list "${escapeText(file)}": it is not there`,
      {
        hint: `Check the path, or make one with: ${commandLine(["trust", "init", file])}`,
        details: { path: file },
        cause,
      },
    );
  }
}

function warnOfExpiry(
  { file, content, root }: TrustList,
  options: ListOptions,
  { output }: CliContext,
): void {
  const now = new Date();
  const { expiresAt } = content;
  const signed = root === undefined ? [] : ["--root-key", "FILE"];
  const words = ["trust", "set", file, "--expires", "365d", ...secretWords(options), ...signed];
  const how = `run: ${commandLine(words)}`;
  const days = Math.ceil((Date.parse(expiresAt) - now.getTime()) / DAY_MS);
  if (isListExpired(content, now)) {
    output.warn(`the trust list expired at ${shortDate(expiresAt)}, so hosts load nothing: ${how}`);
  } else if (days <= WARN_DAYS) {
    const when = `${plural(days, "day")} (${shortDate(expiresAt)})`;
    output.warn(`the trust list expires in ${when}: ${how}`);
  }
}
