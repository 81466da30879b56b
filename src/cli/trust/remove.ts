// `sallyport trust remove`: takes something out of a trust list.
import type { Command } from "commander";
import { escapeText } from "../../errors.ts";
import {
  findKey,
  liftRevocation,
  removeKey,
  removePlugin,
  removePublisher,
  setMinimum,
} from "../../trust/list/changes.ts";
import type { CliContext } from "../shared/context.ts";
import { type Change, type ChangeOptions, changesList } from "./change.ts";
import { exactlyOne, refuseOthers, splitAt } from "./subjects.ts";

interface RemoveOptions extends ChangeOptions {
  key?: string;
  plugin?: string;
  publisher?: string;
  minimum?: string;
  revocation?: string;
  liftRevocation?: true;
}

export function addTrustRemove(trust: Command, context: CliContext): void {
  const command = trust.command("remove")
    .usage("FILE --key KEY | --plugin NAME[@VERSION] | --publisher NAMES | … [options]")
    .description("take something out; what may never load again is better revoked")
    .option("--key <key>", "a key: its name or id")
    .option("--plugin <name>", "a listed plugin: NAME@VERSION, or NAME for all its versions")
    .option("--publisher <names>", "a publisher: the names that it was added with")
    .option("--minimum <name>", "the minimum version of a plugin")
    .option("--revocation <what>", "a revocation, lifted: a bundle hash, or NAME[@RANGE]")
    .option("--lift-revocation", "remove a key although it is revoked: it can then be added again");
  changesList(command, context, (options: RemoveOptions) => {
    const { key, plugin, publisher, minimum, revocation, liftRevocation: lift } = options;
    const { subject, meaning: apply } = exactlyOne<Change["apply"]>({
      "--key": [key, (content) => removeKey(content, key!, { liftRevocation: lift })],
      "--plugin": [plugin, (content) => {
        const { name, rest } = splitAt(plugin!);
        return removePlugin(content, { name, version: rest });
      }],
      "--publisher": [publisher, (content) => removePublisher(content, publisher!)],
      "--minimum": [minimum, (content) => setMinimum(content, minimum!, undefined)],
      "--revocation": [revocation, (content) => liftRevocation(content, revoked(revocation!))],
    });
    if (subject !== "--key") refuseOthers(subject, { "--lift-revocation": lift });
    return ({ content }) => {
      const was = key === undefined ? undefined : findKey(content, key).revoked;
      const notes = was === undefined ? [] : [
        `It was revoked from "${was.from}" on: ${escapeText(was.reason, 300)}`,
        "The list forgets that: once the key is added again, all that it ever signed counts",
      ];
      return { apply, notes };
    };
  });
}

function revoked(text: string): { hash: string } | { name: string; versions?: string } {
  if (/^[0-9a-fA-F]{128}$/.test(text)) return { hash: text.toLowerCase() };
  const { name, rest } = splitAt(text);
  return rest === undefined ? { name } : { name, versions: rest };
}
