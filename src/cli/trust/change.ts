// A change of a trust list: shown, confirmed, written.
import type { Command } from "commander";
import { commandLine } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import type { TrustListContent } from "../../trust/list/content.ts";
import { describeChange, diffTrustLists, type TrustChange } from "../../trust/list/diff.ts";
import type { TrustList } from "../../trust/trust_list.ts";
import { type CliContext, collect } from "../shared/context.ts";
import { readPrivateKeys } from "../shared/read_keys.ts";
import { secretWords } from "../shared/secrets.ts";
import { UsageError } from "../terminal/failure.ts";
import { plural } from "../terminal/layout.ts";
import { addListOptions, type ListOptions, onlyFile, openList } from "./list_file.ts";

export interface ChangeOptions extends ListOptions {
  rootKey?: string[];
  rootPassphraseFile?: string[];
  yes?: boolean;
  dryRun?: boolean;
}

export function addChangeOptions(command: Command): Command {
  return addRootKeyOptions(addListOptions(command))
    .option("--dry-run", "show what would change, and write nothing")
    .option("-y, --yes", "do not ask (asked at a terminal only)");
}

export function addRootKeyOptions(command: Command): Command {
  return command
    .option("--root-key <file>", "a private root key that signs the change (repeatable)", collect)
    .option(
      "--root-passphrase-file <file>",
      "the passphrase of sealed root keys (none: asked for; repeatable)",
      collect,
    );
}

export function readRootKeys(
  { rootKey = [], rootPassphraseFile = [] }: ChangeOptions,
  context: CliContext,
): Promise<Uint8Array[]> {
  return readPrivateKeys(rootKey, rootPassphraseFile, "--root-passphrase-file", context);
}

export interface Change {
  apply: (content: TrustListContent) => TrustListContent;
  /** What else there is to know before a yes, safe to show. */
  notes?: readonly string[];
  details?: Readonly<Record<string, unknown>>;
}

/**
 * Makes a command one that takes a list's file and changes the list: `plan` checks the options before the list is
 * opened, and returns what makes the change.
 */
export function changesList<O extends ChangeOptions>(
  command: Command,
  context: CliContext,
  plan: (options: O) => (list: TrustList) => Change | Promise<Change>,
): void {
  addChangeOptions(command).action(async (argument: string | undefined, options: O) => {
    const make = plan(options);
    const list = await openList(onlyFile(argument, options), options, context);
    await changeList(list, await make(list), options, context);
  });
}

/** Shows a change, asks for a yes at a terminal, and writes it. */
export async function changeList(
  list: TrustList,
  { apply, ...shown }: Change,
  options: ChangeOptions,
  context: CliContext,
): Promise<void> {
  const changes = diffTrustLists(list.content, apply(list.content));
  await proposeChange(list, { changes, ...shown }, options, context, async () => {
    if (list.root === undefined && options.rootKey !== undefined) {
      const words = ["trust", "rotate", list.file, "--root", "PUB", ...secretWords(options)];
      throw new UsageError(
        "Cannot sign the change with a root key: the list has no root",
        `Leave out --root-key, or give it a root: ${commandLine(words)}`,
      );
    }
    const rootKeys = await readRootKeys(options, context);
    return await list.update((content) => {
      // what was confirmed is what is written, or nothing
      if (content.revision !== list.revision) throw changedMeanwhile(list, content.revision);
      return apply(content);
    }, { rootKeys });
  });
}

/** Shows what would change, asks for a yes at a terminal, writes it and reports that. */
export async function proposeChange(
  list: TrustList,
  { changes, notes = [], details = {} }: Omit<Change, "apply"> & {
    changes: readonly TrustChange[];
  },
  { yes = false, dryRun = false, rootKey = [] }: ChangeOptions,
  { io, output, prompter }: CliContext,
  write: () => Promise<TrustList>,
): Promise<void> {
  const report = ({ revision }: TrustList, line: string, more: object = {}): void =>
    output.result({ revision, changes, ...details, ...more }, () => [line]);
  if (changes.length === 0) return report(list, "Nothing to change");
  // a script that runs the command has said yes by running it
  const asks = prompter !== undefined && !yes && !dryRun;
  const lines = [
    `${plural(changes.length, "change")} to ${escapeText(list.file)} (revision ${list.revision}):`,
    ...changes.map((each) => `  ${output.style(STYLES[each.kind], describeChange(each))}`),
    ...notes,
  ];
  if (!output.json) { for (const line of lines) output.line(line); }
  // the person who is asked sees it, wherever stdout goes
  if (asks && (output.json || !io.outIsTerminal)) {
    for (const line of lines) output.errorLine(line);
  }
  if (dryRun) return report(list, "Nothing was written", { dryRun });
  if (list.root !== undefined && rootKey.length === 0) {
    throw new UsageError(
      `Cannot change trust list "${list.file}": its root must sign every change`,
      `Pass --root-key FILE for ${plural(list.root.threshold, "key")} of the root`,
    );
  }
  if (asks && !await prompter.confirm(`Write revision ${list.revision + 1}`)) {
    throw new SallyportError("cancelled", `Cannot change trust list "${list.file}": you said no`, {
      hint: "Nothing was changed; run the command again to start over",
    });
  }
  const written = await write();
  report(written, `Wrote revision ${written.revision}`);
}

const STYLES = { added: "green", removed: "red", changed: "yellow" } as const;

function changedMeanwhile({ file, revision }: TrustList, now: number): SallyportError {
  const message =
    `Cannot change trust list "${file}": it was revision ${revision} and is now ${now}`;
  return new SallyportError("bad-state", message, {
    hint: "It was changed meanwhile: run the command again to see it as it is now",
  });
}
