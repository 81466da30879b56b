// `sallyport trust accept`: accepts that a new version of a plugin asks for more than the one before.
import type { Command } from "commander";
import { readBundle } from "../../bundle/reading/reading.ts";
import { commandLine } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { baselineOf } from "../../host/admission/update_consent.ts";
import { asksOf, readAsks } from "../../permissions/asks.ts";
import { acceptBundle } from "../../trust/list/changes.ts";
import type { TrustList } from "../../trust/trust_list.ts";
import { verifyBundle } from "../../trust/verify/verify.ts";
import type { CliContext } from "../shared/context.ts";
import { UsageError } from "../terminal/failure.ts";
import { addChangeOptions, changeList, type ChangeOptions } from "./change.ts";
import { compareWith, type EarlierAsks, listedEarlier } from "./earlier_asks.ts";
import { openList, takeFile } from "./list_file.ts";

export function addTrustAccept(trust: Command, context: CliContext): void {
  const command = trust.command("accept")
    .usage("FILE DIR [options]   or: DIR --trust-list FILE [options]")
    .description("accept that a new version asks for more than the one before, and show what");
  addChangeOptions(command)
    .argument("[dir]", "the folder of the bundle")
    .action(async (
      first: string | undefined,
      second: string | undefined,
      options: ChangeOptions,
    ) => {
      const { file, rest: [dir, ...more] } = takeFile([first, second], options);
      if (dir === undefined || more.length > 0) {
        throw new UsageError(
          dir === undefined ? "No bundle was named" : "More than one bundle was named",
          `Name the list and the bundle's folder: ${
            commandLine(["trust", "accept", "FILE", "DIR"])
          }`,
        );
      }
      const list = await openList(file, options, context);
      // a bundle that no key of the list signed must not be accepted by mistake
      const verified = await verifyBundle(await readBundle(dir), { list: list.content });
      const { manifest, bundleHash: hash, signers } = verified;
      const { name, version } = manifest;
      const earlier = earlierAsks(list, name, version);
      const isNew = acceptBundle(list.content, { name, version, hash }) !== list.content;
      if (earlier === undefined && isNew) throw nothingToShow(name, options);
      const compared = compareWith(earlier, asksOf(manifest));
      const by = signers.map(({ keyId, name }) => escapeText(name ?? keyId)).join(", ");
      const at = new Date();
      await changeList(
        list,
        {
          apply: (content) => acceptBundle(content, { name, version, hash }, { at }),
          notes: [
            `${escapeText(name)} ${escapeText(version)} is signed by ${by}`,
            ...compared.notes,
          ],
          details: { plugin: { name, version, hash }, ...compared.details },
        },
        options,
        context,
      );
    });
}

/** Makes the error where no earlier version is known, so that nothing could be shown before the yes. */
function nothingToShow(name: string, { dataDir }: ChangeOptions): SallyportError {
  const message =
    `Cannot accept "${escapeText(name)}": no earlier version of it is known, so nothing shows ` +
    "what is new";
  return new SallyportError("bad-state", message, {
    hint: dataDir === undefined
      ? "Pass --data-dir with the folder of the host that ran the earlier version"
      : "The first version that a host runs needs no acceptance: the policy decides",
    details: { plugin: name },
  });
}

/** Finds the earlier version to compare with: the one that the host ran last, else one that the list knows. */
function earlierAsks(list: TrustList, name: string, version: string): EarlierAsks | undefined {
  const marked = baselineOf(list, name);
  if (marked?.asks === undefined) return listedEarlier(list.content, name, version);
  return { version: marked.version, asks: readAsks(marked.asks, name) };
}
