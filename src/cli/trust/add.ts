// `sallyport trust add`: puts a key, a plugin, a publisher or a minimum version into a trust list.
import type { Command } from "commander";
import { MAX_SIGNATURES } from "../../bundle/reading/envelope.ts";
import { readBundle } from "../../bundle/reading/reading.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { asksOf } from "../../permissions/asks.ts";
import { addKey, addPlugin, addPublisher, findKey, setMinimum } from "../../trust/list/changes.ts";
import type { TrustListContent } from "../../trust/list/content.ts";
import { verifyBundle } from "../../trust/verify/verify.ts";
import { type CliContext, collect, parseCount, withProgram } from "../shared/context.ts";
import { parseDate, parseFutureDateOrSpan } from "../shared/dates.ts";
import { readPublicKey } from "../shared/read_keys.ts";
import { UsageError } from "../terminal/failure.ts";
import { type Change, type ChangeOptions, changesList } from "./change.ts";
import { compareWith, listedEarlier } from "./earlier_asks.ts";
import { exactlyOne, refuseOthers, splitAt } from "./subjects.ts";

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

type Maker = (content: TrustListContent) => Change | Promise<Change>;

const EXAMPLES = `
  sallyport trust add trust.list --key keys/alice.pub --not-after 2028-01-01
  sallyport trust add trust.list --key 3b6a…f2 --name bob
  sallyport trust add trust.list --plugin plugins/word-count --note "looked at by me"
  sallyport trust add trust.list --publisher "acme-*" --signer alice --signer bob --threshold 2
  sallyport trust add trust.list --minimum word-count@1.4.2`;

export function addTrustAdd(trust: Command, context: CliContext): void {
  const command = trust.command("add")
    .usage("FILE --key PUB… | --plugin DIR | --publisher NAMES | --minimum NAME@VERSION [options]")
    .description("trust a key, list a plugin, reserve names for keys, or set a minimum version")
    .addHelpText("after", withProgram(EXAMPLES))
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
  changesList(command, context, (options: AddOptions) => {
    const { key, plugin, publisher, minimum } = options;
    const { subject, meaning: make } = exactlyOne<Maker>({
      "--key": [key, () => addedKeys(key!, options)],
      "--plugin": [plugin, (content) => addedPlugin(content, plugin!, options, context)],
      "--publisher": [publisher, (content) => addedPublisher(content, publisher!, options)],
      "--minimum": [minimum, () => addedMinimum(minimum!)],
    });
    refuseIdle(subject, options);
    return ({ content }) => make(content);
  });
}

/** Refuses what would silently do nothing. */
function refuseIdle(subject: string, options: AddOptions): void {
  const { name, notBefore, notAfter, note, expires, signer, threshold, replace } = options;
  const isPlugin = subject === "--plugin";
  refuseOthers(subject, {
    ...(subject === "--key"
      ? {}
      : { "--name": name, "--not-before": notBefore, "--not-after": notAfter }),
    ...(isPlugin ? {} : { "--note": note, "--expires": expires }),
    ...(isPlugin || subject === "--publisher"
      ? {}
      : { "--signer": signer, "--threshold": threshold, "--replace": replace }),
  });
}

async function addedKeys(keys: readonly string[], options: AddOptions): Promise<Change> {
  if (options.name !== undefined && keys.length > 1) {
    const message = `Cannot call ${keys.length} keys "${options.name}"`;
    throw new UsageError(message, "Add them one by one");
  }
  const notBefore = parseDate(options.notBefore, "--not-before");
  const notAfter = parseDate(options.notAfter, "--not-after");
  const added = await Promise.all(keys.map(async (text) => {
    const { hex, name: own } = await readPublicKey(text);
    const name = options.name ?? own;
    if (name !== undefined) return { name, publicKey: hex, notBefore, notAfter };
    throw new UsageError("The key has no name", "Pass --name NAME, or the key as a .pub file");
  }));
  return { apply: (content) => added.reduce((list, key) => addKey(list, key), content) };
}

async function addedPlugin(
  content: TrustListContent,
  dir: string,
  { note, expires, signer, threshold, replace }: AddOptions,
  { output }: CliContext,
): Promise<Change> {
  const expiresAt = expires === undefined ? undefined : parseFutureDateOrSpan(expires, "expiry");
  const contents = await readBundle(dir);
  const { manifest, bundleHash: hash } = contents;
  const { name, version } = manifest;
  const asks = asksOf(manifest);
  const plugin = {
    name,
    version,
    hash,
    note,
    expiresAt,
    keys: signer,
    threshold,
    asks: { ...asks },
  };
  const apply = (before: TrustListContent) => addPlugin(before, plugin, { replace });
  await verifyBundle(contents, { list: apply(content) }).catch((error) => {
    if (!(error instanceof SallyportError)) throw error;
    output.warn(`hosts would refuse it all the same (${error.code}): ${error.message}`);
  });
  const { notes, details } = compareWith(listedEarlier(content, name, version), asks);
  return { apply, notes, details: { plugin: { name, version, hash }, ...details } };
}

function addedPublisher(
  content: TrustListContent,
  namespace: string,
  { signer, threshold, replace }: AddOptions,
): Change {
  if (signer === undefined) {
    throw new UsageError(
      `Cannot add publisher "${namespace}" without a key`,
      "Pass --signer KEY for each key that may sign, by its name or id",
    );
  }
  const bound = new Set(content.publishers.flatMap(({ keys }) => keys));
  const newlyBound = signer.map((key) => findKey(content, key)).filter(({ id }) => !bound.has(id));
  const names = newlyBound.map(({ name }) => `"${escapeText(name)}"`).join(", ");
  const note = `From then on what ${names} signed counts for "${escapeText(namespace)}" only`;
  return {
    apply: (before) => addPublisher(before, { namespace, keys: signer, threshold }, { replace }),
    notes: names === "" ? [] : [note],
  };
}

function addedMinimum(text: string): Change {
  const { name, rest: version } = splitAt(text);
  if (name !== "" && version) return { apply: (content) => setMinimum(content, name, version) };
  throw new UsageError(
    `Cannot use "${text}" for --minimum: it is not NAME@VERSION`,
    "Write such as --minimum word-count@1.4.2",
  );
}
