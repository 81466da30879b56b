/**
 * `sallyport trust set`: changes the rules of a trust list: its expiry, its thresholds, a key's window.
 *
 * @module
 */
import type { Command } from "commander";
import { MAX_SIGNATURES } from "../../bundle/reading/envelope.ts";
import type { TrustListContent } from "../../trust/list/content.ts";
import {
  findKey,
  setExpiry,
  setKeyWindow,
  setOnlyListed,
  setThreshold,
} from "../../trust/list/changes.ts";
import { type CliContext, parseCount } from "../shared/context.ts";
import { parseDate, parseFutureDateOrSpan } from "../shared/dates.ts";
import { UsageError } from "../terminal/failure.ts";
import { addChangeOptions, changeList, type ChangeOptions } from "./change.ts";
import { onlyFile, openList } from "./list_file.ts";

interface SetOptions extends ChangeOptions {
  expires?: string;
  threshold?: number;
  onlyListed?: boolean;
  key?: string;
  notBefore?: string;
  notAfter?: string;
}

type Step = (content: TrustListContent) => TrustListContent;

/** Adds the command. */
export function addTrustSet(trust: Command, context: CliContext): void {
  const command = trust.command("set")
    .usage("FILE [--expires DATE] [--threshold N] [--only-listed] [options]")
    .description(
      "change the list's own rules: how long it holds, how many must sign, a key's window",
    );
  command
    .option("--expires <date>", "until when the list holds: 365d, or a date such as 2027-01-31")
    .option("--threshold <n>", "how many keys must sign a plugin", parseCount(MAX_SIGNATURES))
    .option("--only-listed", "load listed plugins only, whoever signed others")
    .option("--no-only-listed", "load what the keys have signed")
    .option("--key <key>", "the key whose window --not-before and --not-after set: name or id")
    .option("--not-before <date>", "from when on the key counts, or none")
    .option("--not-after <date>", "until when the key counts, or none");
  addChangeOptions(command)
    .action((file: string | undefined, options: SetOptions) => set(file, options, context));
}

async function set(
  argument: string | undefined,
  options: SetOptions,
  context: CliContext,
): Promise<void> {
  const steps = stepsOf(options);
  if (steps.length === 0) {
    throw new UsageError(
      "Nothing was named to set",
      "Pass --expires, --threshold, --only-listed, --no-only-listed, or --key with a date",
    );
  }
  const list = await openList(onlyFile(argument, options), options, context);
  const apply: Step = (content) => steps.reduce((changed, step) => step(changed), content);
  await changeList(list, { apply }, options, context);
}

function stepsOf({ expires, threshold, onlyListed, key, ...window }: SetOptions): Step[] {
  const steps: Step[] = [];
  if (expires !== undefined) {
    const date = parseFutureDateOrSpan(expires, "expiry");
    steps.push((content) => setExpiry(content, date));
  }
  if (threshold !== undefined) steps.push((content) => setThreshold(content, threshold));
  if (onlyListed !== undefined) steps.push((content) => setOnlyListed(content, onlyListed));
  const hasWindow = window.notBefore !== undefined || window.notAfter !== undefined;
  if (key === undefined && hasWindow) {
    throw new UsageError("Cannot set a window without --key", "Name the key that it is of");
  }
  if (key !== undefined && !hasWindow) {
    throw new UsageError(
      "Nothing was named to set for the key",
      "Pass --not-before or --not-after",
    );
  }
  if (key !== undefined) {
    // the end that was not named stays
    steps.push((content) => {
      const before = findKey(content, key);
      return setKeyWindow(content, key, {
        notBefore: windowEnd(window.notBefore ?? before.notBefore, "--not-before"),
        notAfter: windowEnd(window.notAfter ?? before.notAfter, "--not-after"),
      });
    });
  }
  return steps;
}

function windowEnd(text: string | undefined, option: string): Date | undefined {
  return text === undefined || text === "none" ? undefined : parseDate(text, option);
}
