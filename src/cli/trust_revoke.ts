/**
 * `sallyport trust revoke`: makes a key, a bundle or versions of a plugin count no more.
 *
 * @module
 */
import type { Command } from "commander";
import type { TrustListContent } from "../trust/list.ts";
import { revokeKey, revokePlugin } from "../trust/list_changes.ts";
import type { CliContext } from "./command.ts";
import { parseDate } from "./dates.ts";
import { addChangeOptions, changeList, type ChangeOptions } from "./trust_change.ts";
import { onlyFile, openList } from "./trust_file.ts";
import { exactlyOne, splitAt } from "./trust_subjects.ts";

interface RevokeOptions extends ChangeOptions {
  key?: string;
  hash?: string;
  plugin?: string;
  reason: string;
  from?: string;
}

/** Adds the command. */
export function addTrustRevoke(trust: Command, context: CliContext): void {
  const command = trust.command("revoke")
    .usage("FILE --key KEY | --hash HEX | --plugin NAME[@RANGE] --reason TEXT [options]")
    .description(
      "revoke a key, a bundle, or versions of a plugin; hosts that watch the list unload them",
    );
  command
    .option("--key <key>", "a key, with all that it ever signed: its name or id")
    .option("--hash <hex>", "one bundle, whoever signed it: its bundle hash")
    .option("--plugin <name>", 'versions of a plugin, such as word-count@"<1.4.2", or all')
    .requiredOption("--reason <text>", "why, for those who will ask (required)")
    .option("--from <date>", "from when on (default: now)");
  addChangeOptions(command)
    .action((file: string | undefined, options: RevokeOptions) => revoke(file, options, context));
}

async function revoke(
  argument: string | undefined,
  options: RevokeOptions,
  context: CliContext,
): Promise<void> {
  const { key, hash, plugin, reason } = options;
  const subject = exactlyOne({ "--key": key, "--hash": hash, "--plugin": plugin });
  const from = options.from === undefined ? new Date() : parseDate(options.from, "--from");
  const file = onlyFile(argument, options);
  const why = { reason, from };
  const revocations: Record<typeof subject, (content: TrustListContent) => TrustListContent> = {
    "--key": (content) => revokeKey(content, key!, why),
    "--hash": (content) => revokePlugin(content, { hash: hash!.toLowerCase() }, why),
    "--plugin": (content) => {
      const { name, rest } = splitAt(plugin!);
      return revokePlugin(content, { name, versions: rest ?? "*" }, why);
    },
  };
  const list = await openList(file, options, context);
  await changeList(list, { apply: revocations[subject] }, options, context);
}
