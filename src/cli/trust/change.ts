/**
 * A change of a trust list: shown, confirmed, written.
 *
 * @module
 */
import type { Command } from "commander";
import { commandLine } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import type { TrustListContent } from "../../trust/list/content.ts";
import { describeChange, diffTrustLists, type TrustChange } from "../../trust/list/diff.ts";
import type { TrustList } from "../../trust/trust_list.ts";
import { type CliContext, collect } from "../shared/context.ts";
import { UsageError } from "../terminal/failure.ts";
import { secretWords } from "../shared/secrets.ts";
import { readPrivateKeys } from "../shared/read_keys.ts";
import { plural } from "../terminal/layout.ts";
import type { Output } from "../terminal/output.ts";
import { addListOptions, type ListOptions } from "./list_file.ts";

/** Holds the options of every command that changes a list. */
export interface ChangeOptions extends ListOptions {
  /** The files with the private root keys that sign the change. */
  rootKey?: string[];
  /** The files with the passphrases of sealed root keys. */
  rootPassphraseFile?: string[];
  /** Whether to go ahead without a question. */
  yes?: boolean;
  /** Whether to show the change only. */
  dryRun?: boolean;
}

/** Adds the options to a command. */
export function addChangeOptions(command: Command): Command {
  return addRootKeyOptions(addListOptions(command))
    .option("--dry-run", "show what would change, and write nothing")
    .option("-y, --yes", "do not ask (asked at a terminal only)");
}

/** Adds the options for private root keys to a command. */
export function addRootKeyOptions(command: Command): Command {
  return command
    .option("--root-key <file>", "a private root key that signs the change (repeatable)", collect)
    .option(
      "--root-passphrase-file <file>",
      "the passphrase of sealed root keys (none: asked for; repeatable)",
      collect,
    );
}

/** Reads the private root keys. */
export function readRootKeys(
  { rootKey = [], rootPassphraseFile = [] }: ChangeOptions,
  context: CliContext,
): Promise<Uint8Array[]> {
  return readPrivateKeys(rootKey, {
    passphraseFiles: rootPassphraseFile,
    option: "--root-passphrase-file",
    context,
  });
}

/** Says what changes, in the order that it is told. */
export interface Change {
  /** Gives the new content. */
  apply: (content: TrustListContent) => TrustListContent;
  /** What else there is to know before a yes, safe to show. */
  notes?: readonly string[];
  /** More of it for programs. */
  details?: Readonly<Record<string, unknown>>;
}

/**
 * Shows a change, asks for a yes at a terminal, and writes it.
 *
 * @throws {SallyportError} `cancelled` on a no, `bad-state` when the list changed meanwhile, and what
 * the change itself throws.
 * @throws {UsageError} When the list has roots and no root key was given.
 */
export async function changeList(
  list: TrustList,
  { apply, notes = [], details = {} }: Change,
  options: ChangeOptions,
  context: CliContext,
): Promise<void> {
  const changes = diffTrustLists(list.content, apply(list.content));
  if (changes.length === 0) {
    reportChanges(list, changes, "Nothing to change", details, context);
    return;
  }
  const proceed = await propose(list, changes, notes, options, context);
  if (!proceed) {
    const document = { ...details, dryRun: true };
    reportChanges(list, changes, "Nothing was written", document, context);
    return;
  }
  const rootKeys = await rootKeysFor(list, options, context);
  const written = await list.update((content) => {
    // what was confirmed is what is written, or nothing
    if (content.revision !== list.revision) throw changedMeanwhile(list, content.revision);
    return apply(content);
  }, { rootKeys });
  reportChanges(written, changes, `Wrote revision ${written.revision}`, details, context);
}

/**
 * Shows what would change and asks for a yes where somebody can be asked.
 *
 * @throws {SallyportError} `cancelled` on a no.
 */
export async function propose(
  list: TrustList,
  changes: readonly TrustChange[],
  notes: readonly string[],
  { yes = false, dryRun = false, rootKey = [] }: ChangeOptions,
  context: CliContext,
): Promise<boolean> {
  const { io, output, prompter } = context;
  // a script that runs the command has said yes by running it
  const asks = prompter !== undefined && !yes && !dryRun;
  const lines = [
    `${plural(changes.length, "change")} to ${escapeText(list.file)} (revision ${list.revision}):`,
    ...changes.map((change) => changeLine(change, output)),
    ...notes,
  ];
  if (!output.json) { for (const line of lines) output.line(line); }
  // whoever is asked has it before their eyes, wherever stdout goes
  if (asks && (output.json || !io.outIsTerminal)) {
    for (const line of lines) output.errorLine(line);
  }
  if (dryRun) return false;
  if (list.root !== undefined && rootKey.length === 0) throw noRootKey(list);
  if (!asks || await prompter.confirm(`Write revision ${list.revision + 1}`)) return true;
  throw new SallyportError("cancelled", `Cannot change trust list "${list.file}": you said no`, {
    hint: "Nothing was changed; run the command again to start over",
  });
}

/** Prints how it went. */
export function reportChanges(
  list: TrustList,
  changes: readonly TrustChange[],
  line: string,
  details: Readonly<Record<string, unknown>>,
  { output }: CliContext,
): void {
  output.result({ revision: list.revision, changes, ...details }, () => [line]);
}

async function rootKeysFor(
  list: TrustList,
  options: ChangeOptions,
  context: CliContext,
): Promise<Uint8Array[]> {
  if (list.root !== undefined) return await readRootKeys(options, context);
  if (options.rootKey === undefined) return [];
  throw new UsageError(
    "Cannot sign the change with a root key: the list has no root",
    "Leave out --root-key, or give it a root: " +
      commandLine(["trust", "rotate", list.file, "--root", "PUB", ...secretWords(options)]),
  );
}

const STYLES = { added: "green", removed: "red", changed: "yellow" } as const;

function changeLine(change: TrustChange, output: Output): string {
  return `  ${output.style(STYLES[change.kind], describeChange(change))}`;
}

function noRootKey({ file, root }: TrustList): UsageError {
  return new UsageError(
    `Cannot change trust list "${file}": its root must sign every change`,
    `Pass --root-key FILE for ${plural(root!.threshold, "key")} of the root`,
  );
}

function changedMeanwhile({ file, revision }: TrustList, now: number): SallyportError {
  return new SallyportError(
    "bad-state",
    `Cannot change trust list "${file}": it was revision ${revision} and is now ${now}`,
    { hint: "Somebody else changed it meanwhile: run the command again to see it as it is now" },
  );
}
