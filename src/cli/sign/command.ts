// `sallyport sign`: signs a bundle, or adds a signature to it.
import type { Command } from "commander";
import { MAX_SIGNATURES } from "../../bundle/reading/envelope.ts";
import { type ReplacedReason, signBundle } from "../../bundle/signing/signing.ts";
import { parseStatement } from "../../bundle/reading/statement.ts";
import { escapeText } from "../../errors.ts";
import { type CliContext, collect } from "../shared/context.ts";
import { parseFutureDate } from "../shared/dates.ts";
import { UsageError } from "../terminal/failure.ts";
import { columns, plural } from "../terminal/layout.ts";
import { readPrivateKeys } from "../shared/read_keys.ts";

const REPLACED: Readonly<Record<ReplacedReason, string>> = {
  changed: "the earlier signatures were dropped, because the bundle has changed since",
  expiry: "the earlier signatures were dropped, because they are for another expiry date",
  unreadable: "the earlier plugin.sig.json was dropped, because it was not a readable envelope",
};

interface SignOptions {
  key: string[];
  expires?: string;
  passphraseFile?: string[];
  out?: string;
}

/** How many files are named to people; a program gets all. */
const MAX_NAMED = 40;

export function addSign(program: Command, context: CliContext): void {
  program.command("sign")
    .usage("DIR --key FILE… [--expires DATE] [--out DIR]")
    .description("sign a bundle: check it, and write plugin.sig.json or add to it")
    .argument("<dir>", "the folder of the bundle")
    .argument("[keys...]", "more private keys")
    .requiredOption(
      "--key <file>",
      "a private key, such as keys/NAME.key (required, repeatable)",
      collect,
    )
    .option(
      "--expires <date>",
      "from when on the signature is no longer valid: 2027-01-31 (UTC) or 2027-01-31T12:00:00Z",
    )
    .option(
      "--passphrase-file <file>",
      "the passphrase of sealed keys (none: asked for; repeatable, each is tried)",
      collect,
    )
    .option(
      "--out <dir>",
      "sign a copy in a new folder, without what .sallyportignore and its defaults name",
    )
    .action((dir: string, more: string[], options: SignOptions) =>
      sign(dir, [...options.key, ...more], options, context)
    );
}

async function sign(
  dir: string,
  keyFiles: readonly string[],
  { expires, out, passphraseFile: passphraseFiles = [] }: SignOptions,
  context: CliContext,
): Promise<void> {
  const { output } = context;
  const expiresAt = parseFutureDate(expires, "expiry");
  if (keyFiles.length > MAX_SIGNATURES) {
    throw new UsageError(`Cannot sign with ${keyFiles.length} keys, at most ${MAX_SIGNATURES}`);
  }
  const seeds = await readPrivateKeys(keyFiles, passphraseFiles, "--passphrase-file", context);
  const signed = await signBundle(dir, seeds, { expiresAt, out });
  const statement = parseStatement(signed.envelope.payload);
  const signatures = signed.envelope.signatures.length;
  const { name, version } = statement;
  const { bundleHash, keyIds, added, replaced, leftOut } = signed;
  const files = statement.files.map(({ path }) => path);
  if (replaced !== undefined) output.warn(REPLACED[replaced]);
  output.result({
    name,
    version,
    bundleHash,
    keyIds,
    added,
    signatures,
    dir: out ?? dir,
    files,
    leftOut,
    expiresAt: statement.expiresAt,
    replaced,
  }, () => [
    `${added === 0 ? "Already signed" : "Signed"} ${
      output.style("bold", `${escapeText(name)} ${escapeText(version)}`)
    } with ${plural(keyIds.length, "key")}`,
    ...columns([
      ["bundle hash", bundleHash],
      ["key ids", keyIds.join(", ")],
      ["signatures", `${signatures} (${added} new)`],
      ["copy", out === undefined ? undefined : `"${escapeText(out)}"`],
      ["expires", statement.expiresAt ?? "never"],
      ["files", String(files.length)],
    ]),
    ...named(files),
    ...(leftOut.length === 0 ? [] : [`  left out: ${leftOut.length}`, ...named(leftOut)]),
  ]);
}

function named(paths: readonly string[]): string[] {
  const lines = paths.slice(0, MAX_NAMED).map((path) => `    ${escapeText(path, 300)}`);
  return paths.length > MAX_NAMED
    ? [...lines, `    and ${paths.length - MAX_NAMED} more: --json names all`]
    : lines;
}
