/**
 * `sallyport sign`: signs a bundle, or adds a signature to it.
 *
 * @module
 */
import type { Command } from "commander";
import { MAX_SIGNATURES } from "../bundle/envelope.ts";
import { type ReplacedReason, signBundle } from "../bundle/signing.ts";
import { parseStatement } from "../bundle/statement.ts";
import { escapeText } from "../errors.ts";
import { type CliContext, collect } from "./command.ts";
import { UsageError } from "./failure.ts";
import { readPrivateKeyFile } from "./key_files.ts";
import { columns, plural } from "./output.ts";

const REPLACED: Readonly<Record<ReplacedReason, string>> = {
  changed: "the earlier signatures were dropped, because the bundle has changed since",
  expiry: "the earlier signatures were dropped, because they are for another expiry date",
  unreadable: "the earlier plugin.sig.json was dropped, because it was not a readable envelope",
};

/** Adds the command. */
export function addSign(program: Command, context: CliContext): void {
  program.command("sign")
    .usage("DIR --key FILE… [--expires DATE]")
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
    .action((dir: string, more: string[], options: { key: string[]; expires?: string }) =>
      sign(dir, [...options.key, ...more], options.expires, context)
    );
}

async function sign(
  dir: string,
  keyFiles: readonly string[],
  expires: string | undefined,
  { output }: CliContext,
): Promise<void> {
  const expiresAt = expires === undefined ? undefined : parseExpiry(expires);
  if (keyFiles.length > MAX_SIGNATURES) {
    throw new UsageError(`Cannot sign with ${keyFiles.length} keys, at most ${MAX_SIGNATURES}`);
  }
  const seeds: Uint8Array[] = [];
  for (const path of keyFiles) {
    const { seed, openMode } = await readPrivateKeyFile(path);
    seeds.push(seed);
    if (openMode === undefined) continue;
    const mode = openMode.toString(8).padStart(4, "0");
    output.warn(`others may use the private key "${path}" (mode ${mode}): run chmod 600 on it`);
  }
  const signed = await signBundle(dir, seeds, { expiresAt });
  const statement = parseStatement(signed.envelope.payload);
  const signatures = signed.envelope.signatures.length;
  const { name, version } = statement;
  const { bundleHash, keyIds, added, replaced } = signed;
  if (replaced !== undefined) output.warn(REPLACED[replaced]);
  output.result({
    name,
    version,
    bundleHash,
    keyIds,
    added,
    signatures,
    ...(statement.expiresAt === undefined ? {} : { expiresAt: statement.expiresAt }),
    ...(replaced === undefined ? {} : { replaced }),
  }, () => [
    `${added === 0 ? "Already signed" : "Signed"} ${
      output.style("bold", `${escapeText(name)} ${escapeText(version)}`)
    } with ${plural(keyIds.length, "key")}`,
    ...columns([
      ["bundle hash", bundleHash],
      ["key ids", keyIds.join(", ")],
      ["signatures", `${signatures} (${added} new)`],
      ["files", String(statement.files.length)],
      ["expires", statement.expiresAt ?? "never"],
    ]),
  ]);
}

function parseExpiry(text: string): Date {
  const date = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/
      .test(text)
    ? new Date(text)
    : new Date(Number.NaN);
  // 31 February becomes 3 March in some engines: the day must come back as it was written
  const roundTrips = !Number.isNaN(date.getTime()) &&
    (text.length > 10 || date.toISOString().startsWith(text));
  if (!roundTrips) {
    throw new UsageError(
      `Cannot use "${text}" as expiry: it is not a date`,
      "Write a date such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z",
    );
  }
  if (date <= new Date()) {
    throw new UsageError(`Cannot use "${text}" as expiry: it has passed`, "Name a later date");
  }
  return date;
}
