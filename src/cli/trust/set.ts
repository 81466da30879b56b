// `sallyport trust set`: changes the rules of a trust list: its expiry, its thresholds, a key's window.
import type { Command } from "commander";
import { MAX_SIGNATURES } from "../../bundle/reading/envelope.ts";
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
import { type Change, type ChangeOptions, changesList } from "./change.ts";

interface SetOptions extends ChangeOptions {
  expires?: string;
  threshold?: number;
  onlyListed?: boolean;
  key?: string;
  notBefore?: string;
  notAfter?: string;
}

export function addTrustSet(trust: Command, context: CliContext): void {
  const command = trust.command("set")
    .usage("FILE [--expires DATE] [--threshold N] [--only-listed] [options]")
    .description(
      "change the list's own rules: how long it holds, how many must sign, a key's window",
    )
    .option("--expires <date>", "until when the list holds: 365d, or a date such as 2027-01-31")
    .option("--threshold <n>", "how many keys must sign a plugin", parseCount(MAX_SIGNATURES))
    .option("--only-listed", "load listed plugins only, no others that a key signed")
    .option("--no-only-listed", "load what the keys have signed")
    .option("--key <key>", "the key whose window --not-before and --not-after set: name or id")
    .option("--not-before <date>", "from when on the key counts, or none")
    .option("--not-after <date>", "until when the key counts, or none");
  changesList(command, context, (options: SetOptions) => {
    const steps = stepsOf(options);
    if (steps.length === 0) {
      throw new UsageError(
        "Nothing was named to set",
        "Pass --expires, --threshold, --only-listed, --no-only-listed, or --key with a date",
      );
    }
    return () => ({
      apply: (content) => steps.reduce((changed, step) => step(changed), content),
    });
  });
}

function stepsOf(options: SetOptions): Change["apply"][] {
  const { expires, threshold, onlyListed, key, notBefore, notAfter } = options;
  const steps: Change["apply"][] = [];
  if (expires !== undefined) {
    const date = parseFutureDateOrSpan(expires, "expiry");
    steps.push((content) => setExpiry(content, date));
  }
  if (threshold !== undefined) steps.push((content) => setThreshold(content, threshold));
  if (onlyListed !== undefined) steps.push((content) => setOnlyListed(content, onlyListed));
  const hasWindow = notBefore !== undefined || notAfter !== undefined;
  if (key === undefined && hasWindow) {
    throw new UsageError("Cannot set a window without --key", "Name the key that it is of");
  }
  if (key === undefined) return steps;
  if (!hasWindow) {
    const hint = "Pass --not-before or --not-after";
    throw new UsageError("Nothing was named to set for the key", hint);
  }
  const end = (text: string | undefined, option: string) =>
    text === "none" ? undefined : parseDate(text, option);
  return [...steps, (content) => {
    const before = findKey(content, key); // the end that was not named stays
    return setKeyWindow(content, key, {
      notBefore: end(notBefore ?? before.notBefore, "--not-before"),
      notAfter: end(notAfter ?? before.notAfter, "--not-after"),
    });
  }];
}
