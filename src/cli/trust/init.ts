// `sallyport trust init`: makes a trust list.
import type { Command } from "commander";
import { MAX_SIGNATURES } from "../../bundle/reading/envelope.ts";
import { commandLine } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { isPresent } from "../../io/is_present.ts";
import { createTrustListContent } from "../../trust/list/list.ts";
import { readSealedFile, replaceSealedFile } from "../../trust/sealed/sealed_file.ts";
import { TrustList } from "../../trust/trust_list.ts";
import { type CliContext, collect, parseCount } from "../shared/context.ts";
import { parseFutureDateOrSpan, shortDate } from "../shared/dates.ts";
import { UsageError } from "../terminal/failure.ts";
import { readPublicKey } from "../shared/read_keys.ts";
import { columns, plural } from "../terminal/layout.ts";
import { readNewSecret, secretWords } from "../shared/secrets.ts";
import { addRootKeyOptions, type ChangeOptions, readRootKeys } from "./change.ts";
import { addFileOptions, onlyFile } from "./list_file.ts";
import { ruleRows } from "./list.ts";

interface InitOptions extends ChangeOptions {
  newKeyFile?: string;
  expires: string;
  threshold?: number;
  onlyListed?: boolean;
  root?: string[];
  rootThreshold?: number;
  force?: boolean;
}

export function addTrustInit(trust: Command, context: CliContext): void {
  const command = trust.command("init")
    .usage("FILE [options]")
    .description("make a trust list, empty but for its rules");
  addFileOptions(command)
    .option("--new-key-file <file>", "make a key of 32 bytes there, instead of a passphrase")
    .option("--expires <date>", "until when it holds: 365d, or a date such as 2027-01-31", "365d")
    .option("--threshold <n>", "how many keys must sign a plugin", parseCount(MAX_SIGNATURES))
    .option("--only-listed", "load listed plugins only, no others that a key signed")
    .option("--root <pub>", "a root key, which must sign every change (repeatable)", collect)
    .option("--root-threshold <n>", "how many root keys must sign", parseCount(MAX_SIGNATURES))
    .option("--force", "replace a list that is there; it is kept as FILE.previous");
  addRootKeyOptions(command)
    .action((file: string | undefined, options: InitOptions) => init(file, options, context));
}

async function init(
  argument: string | undefined,
  options: InitOptions,
  context: CliContext,
): Promise<void> {
  const file = onlyFile(argument, options);
  const expiresAt = parseFutureDateOrSpan(options.expires, "expiry");
  const { threshold, onlyListed, force = false, newKeyFile } = options;
  if (!force) refuseExisting(file);
  const root = await readRoot(options, context);
  const secret = await readNewSecret(options, context, `"${file}"`);
  const content = createTrustListContent({ expiresAt, threshold, onlyListed });
  const create = (path: string) => TrustList.create(path, secret, { content, root });
  const { revision } = await (force ? replace(file, create) : create(file)).catch(async (error) => {
    if (newKeyFile !== undefined) await Deno.remove(newKeyFile); // it opens nothing
    throw error;
  });
  const words = [
    ...secretWords(newKeyFile === undefined ? options : { keyFile: newKeyFile }),
    ...(root === undefined ? [] : ["--root-key", "FILE"]),
  ];
  const { output } = context;
  output.result({
    file,
    id: content.id,
    revision,
    expiresAt: content.expiresAt,
    threshold: content.threshold,
    onlyListed: content.onlyListed,
    sealedWith: "key" in secret ? "key" : "passphrase",
    keyFile: newKeyFile,
    root: root && { keys: root.keys, threshold: root.threshold },
  }, () => [
    `Made trust list ${output.style("bold", escapeText(file))}`,
    ...columns([
      ["id", content.id],
      ["expires", shortDate(content.expiresAt)],
      ["sealed with", sealedWith(options)],
      ...ruleRows(content),
      ["root", root && `${root.threshold} of ${plural(root.keys.length, "key")} sign every change`],
    ]),
    `It trusts nobody yet: ${commandLine(["trust", "add", file, "--key", "PUB", ...words])}`,
  ]);
}

function sealedWith({ newKeyFile, keyFile }: InitOptions): string {
  if (newKeyFile !== undefined) {
    return `${escapeText(newKeyFile)} (made; without it the list is lost)`;
  }
  if (keyFile !== undefined) return escapeText(keyFile);
  return "a passphrase (without it the list is lost)";
}

function refuseExisting(file: string): void {
  if (isPresent(file)) {
    throw new SallyportError("bad-state", `Cannot make trust list "${file}": it exists`, {
      hint: "Choose another name, or pass --force to replace it",
      details: { path: file },
    });
  }
}

async function readRoot(
  options: InitOptions,
  context: CliContext,
): Promise<{ keys: string[]; threshold: number; rootKeys: Uint8Array[] } | undefined> {
  const { root, rootThreshold = 1, rootKey } = options;
  if (root === undefined) {
    if (options.rootThreshold === undefined && rootKey === undefined) return undefined;
    throw new UsageError("Cannot make a root without --root PUB", "Name its public keys");
  }
  const keys = await Promise.all(root.map(async (text) => (await readPublicKey(text)).hex));
  return { keys, threshold: rootThreshold, rootKeys: await readRootKeys(options, context) };
}

/** Makes the new list beside the old one first: a failure leaves the old one as it is. */
async function replace(
  file: string,
  create: (path: string) => Promise<TrustList>,
): Promise<TrustList> {
  const temporary = `${file}.${crypto.randomUUID()}.tmp`;
  try {
    const list = await create(temporary);
    await replaceSealedFile(file, await readSealedFile(temporary));
    return list;
  } finally {
    for (const left of [temporary, `${temporary}.lock`]) {
      await Deno.remove(left).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  }
}
