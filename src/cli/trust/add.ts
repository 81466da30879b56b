/**
 * `sallyport trust add`: puts a key, a plugin, a publisher or a minimum version into a trust list.
 *
 * @module
 */
import type { Command } from "commander";
import { MAX_SIGNATURES } from "../../bundle/reading/envelope.ts";
import { escapeText } from "../../errors.ts";
import type { TrustListContent } from "../../trust/list/content.ts";
import { addKey, addPublisher, findKey, setMinimum } from "../../trust/list/changes.ts";
import { type CliContext, collect, parseCount, withProgram } from "../shared/context.ts";
import { parseDate, parseFutureDateOrSpan } from "../shared/dates.ts";
import { UsageError } from "../terminal/failure.ts";
import { readPublicKey } from "../shared/read_keys.ts";
import { addChangeOptions, type Change, changeList, type ChangeOptions } from "./change.ts";
import { onlyFile, openList } from "./list_file.ts";
import { addedPlugin } from "./plugin.ts";
import { exactlyOne, nameAndVersion, refuseOthers } from "./subjects.ts";

interface AddOptions extends ChangeOptions {
  key?: string[];
  name?: string;
  notBefore?: string;
  notAfter?: string;
  plugin?: string;
  note?: string;
  expires?: string;
  publisher?: string;
  signer?: string[];
  threshold?: number;
  minimum?: string;
  replace?: boolean;
}

const EXAMPLES = `
  sallyport trust add trust.list --key keys/alice.pub --not-after 2028-01-01
  sallyport trust add trust.list --key 3b6a…f2 --name bob
  sallyport trust add trust.list --plugin plugins/word-count --note "looked at by me"
  sallyport trust add trust.list --publisher "acme-*" --signer alice --signer bob --threshold 2
  sallyport trust add trust.list --minimum word-count@1.4.2`;

/** Adds the command. */
export function addTrustAdd(trust: Command, context: CliContext): void {
  const command = trust.command("add")
    .usage("FILE --key PUB… | --plugin DIR | --publisher NAMES | --minimum NAME@VERSION [options]")
    .description("trust a key, list a plugin, reserve names for keys, or set a minimum version")
    .addHelpText("after", withProgram(EXAMPLES));
  command
    .option("--key <pub>", "a public key: a .pub file or 64 hex digits (repeatable)", collect)
    .option("--name <name>", "what to call the key (default: as its file is called)")
    .option("--not-before <date>", "from when on the key counts")
    .option("--not-after <date>", "until when the key counts")
    .option("--plugin <dir>", "a bundle: once listed, only listed versions of that plugin load")
    .option("--note <text>", "a remark on the plugin")
    .option("--expires <date>", "until when the plugin loads: 365d, or a date")
    .option("--publisher <names>", 'names that only its signers may use: "acme-*", or one name')
    .option("--signer <key>", "a key for the plugin or publisher: name or id (repeatable)", collect)
    .option("--threshold <n>", "how many of them must sign", parseCount(MAX_SIGNATURES))
    .option("--minimum <name@version>", "the lowest version of a plugin that may load")
    .option("--replace", "replace an entry for the same version or the same names");
  addChangeOptions(command)
    .action((file: string | undefined, options: AddOptions) => add(file, options, context));
}

async function add(
  argument: string | undefined,
  options: AddOptions,
  context: CliContext,
): Promise<void> {
  const subject = exactlyOne({
    "--key": options.key,
    "--plugin": options.plugin,
    "--publisher": options.publisher,
    "--minimum": options.minimum,
  });
  refuseIdle(subject, options);
  const file = onlyFile(argument, options);
  const makers: Record<typeof subject, (content: TrustListContent) => Change | Promise<Change>> = {
    "--key": () => addedKeys(options.key!, options),
    "--plugin": (content) => addedPlugin(content, options.plugin!, pluginOptions(options), context),
    "--publisher": (content) => addedPublisher(content, options),
    "--minimum": () => {
      const { name, version } = nameAndVersion(options.minimum!, "--minimum");
      return { apply: (content) => setMinimum(content, name, version) };
    },
  };
  const list = await openList(file, options, context);
  await changeList(list, await makers[subject](list.content), options, context);
}

/** Refuses what would silently do nothing. */
function refuseIdle(subject: string, options: AddOptions): void {
  const { name, notBefore, notAfter, note, expires, signer, threshold, replace } = options;
  const isKey = subject === "--key";
  const isPlugin = subject === "--plugin";
  const isGroup = isPlugin || subject === "--publisher";
  refuseOthers(subject, {
    ...(isKey ? {} : { "--name": name, "--not-before": notBefore, "--not-after": notAfter }),
    ...(isPlugin ? {} : { "--note": note, "--expires": expires }),
    ...(isGroup ? {} : { "--signer": signer, "--threshold": threshold, "--replace": replace }),
  });
}

async function addedKeys(keys: readonly string[], options: AddOptions): Promise<Change> {
  if (options.name !== undefined && keys.length > 1) {
    throw new UsageError(
      `Cannot call ${keys.length} keys "${options.name}"`,
      "Add them one by one",
    );
  }
  const notBefore = options.notBefore === undefined
    ? undefined
    : parseDate(options.notBefore, "--not-before");
  const notAfter = options.notAfter === undefined
    ? undefined
    : parseDate(options.notAfter, "--not-after");
  const added = await Promise.all(keys.map(async (text) => {
    const { hex, name: own } = await readPublicKey(text);
    const name = options.name ?? own;
    if (name !== undefined) return { name, publicKey: hex, notBefore, notAfter };
    throw new UsageError("The key has no name", "Pass --name NAME, or the key as a .pub file");
  }));
  return { apply: (content) => added.reduce((list, key) => addKey(list, key), content) };
}

function addedPublisher(
  content: TrustListContent,
  { publisher, signer, threshold, replace }: AddOptions,
): Change {
  if (signer === undefined) {
    throw new UsageError(
      `Cannot add publisher "${publisher}" without a key`,
      "Pass --signer KEY for each key that may sign, by its name or id",
    );
  }
  const bound = new Set(content.publishers.flatMap(({ keys }) => keys));
  const newlyBound = signer.map((key) => findKey(content, key)).filter(({ id }) => !bound.has(id));
  const names = newlyBound.map(({ name }) => `"${escapeText(name)}"`).join(", ");
  return {
    apply: (before) =>
      addPublisher(before, { namespace: publisher!, keys: signer, threshold }, { replace }),
    notes: names === "" ? [] : [
      `From then on what ${names} signed counts for "${escapeText(publisher!)}" only`,
    ],
  };
}

function pluginOptions({ note, expires, signer, threshold, replace }: AddOptions) {
  return {
    note,
    expiresAt: expires === undefined ? undefined : parseFutureDateOrSpan(expires, "expiry"),
    keys: signer,
    threshold,
    replace,
  };
}
