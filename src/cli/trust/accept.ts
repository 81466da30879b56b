/**
 * `sallyport trust accept`: accepts that a new version of a plugin asks for more than the one before.
 *
 * @module
 */
import type { Command } from "commander";
import { readBundle } from "../../bundle/reading/reading.ts";
import { commandLine } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { baselineOf } from "../../host/admission/trust_source.ts";
import { asksOf, compareAsks, readAsks } from "../../permissions/asks.ts";
import { acceptBundle } from "../../trust/list/changes.ts";
import type { TrustList } from "../../trust/trust_list.ts";
import { verifyBundle } from "../../trust/verify/verify.ts";
import type { CliContext } from "../shared/context.ts";
import { UsageError } from "../terminal/failure.ts";
import { addChangeOptions, changeList, type ChangeOptions } from "./change.ts";
import { openList, takeFile } from "./list_file.ts";
import { type EarlierAsks, listedEarlier, moreNotes } from "./plugin.ts";

/** Adds the command. */
export function addTrustAccept(trust: Command, context: CliContext): void {
  const command = trust.command("accept")
    .usage("FILE DIR [options]   or: DIR --trust-list FILE [options]")
    .description("accept that a new version asks for more than the one before, and show what");
  addChangeOptions(command)
    .argument("[dir]", "the folder of the bundle")
    .action((file: string | undefined, dir: string | undefined, options: ChangeOptions) =>
      accept([file, dir], options, context)
    );
}

async function accept(
  args: readonly (string | undefined)[],
  options: ChangeOptions,
  context: CliContext,
): Promise<void> {
  const { file, rest: [dir, ...more] } = takeFile(args, options);
  if (dir === undefined || more.length > 0) {
    throw new UsageError(
      dir === undefined ? "No bundle was named" : "More than one bundle was named",
      `Name the list and the bundle's folder: ${commandLine(["trust", "accept", "FILE", "DIR"])}`,
    );
  }
  const list = await openList(file, options, context);
  // what no key of the list signed is not to be accepted by mistake
  const verified = await verifyBundle(await readBundle(dir), { list: list.content });
  const { manifest: { name, version }, bundleHash: hash, signers } = verified;
  const asks = asksOf(verified.manifest);
  const earlier = earlierAsks(list, name, version);
  const added = earlier === undefined ? undefined : compareAsks(earlier.asks, asks);
  const by = signers.map(({ keyId, name }) => escapeText(name ?? keyId)).join(", ");
  const at = new Date();
  const isNew = acceptBundle(list.content, { name, version, hash }) !== list.content;
  if (added === undefined && isNew) throw nothingToShow(name, options);
  await changeList(
    list,
    {
      apply: (content) => acceptBundle(content, { name, version, hash }, { at }),
      notes: [
        `${escapeText(name)} ${escapeText(version)} is signed by ${by}`,
        ...(added === undefined ? [] : moreNotes(earlier!.version, added)),
      ],
      details: {
        plugin: { name, version, hash },
        ...(added === undefined ? {} : { comparedTo: earlier!.version, asksMore: added }),
      },
    },
    options,
    context,
  );
}

/** Nobody accepts what they were not shown. */
function nothingToShow(name: string, { dataDir }: ChangeOptions): SallyportError {
  return new SallyportError(
    "bad-state",
    `Cannot accept "${
      escapeText(name)
    }": no earlier version of it is known, so nothing shows what is new`,
    {
      hint: dataDir === undefined
        ? "Pass --data-dir with the folder of the host that ran the earlier version"
        : "The first version that a host runs needs no acceptance: the policy decides",
      details: { plugin: name },
    },
  );
}

/** Finds what is compared to: what the host ran last, else what the list knows. */
function earlierAsks(list: TrustList, name: string, version: string): EarlierAsks | undefined {
  const marked = baselineOf(list, name);
  if (marked?.asks === undefined) return listedEarlier(list.content, name, version);
  return { version: marked.version, asks: readAsks(marked.asks, name) };
}
