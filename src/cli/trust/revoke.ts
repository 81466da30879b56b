// `sallyport trust revoke`: makes a key, a bundle or versions of a plugin count no more.
import type { Command } from "commander";
import { isVersionRange, revocationCovers } from "../../bundle/manifest/version_range.ts";
import { escapeText } from "../../errors.ts";
import { revokeKey, revokePlugin } from "../../trust/list/changes.ts";
import { compareVersions } from "../../trust/mark/versions.ts";
import type { TrustList } from "../../trust/trust_list.ts";
import type { CliContext } from "../shared/context.ts";
import { parseDate } from "../shared/dates.ts";
import { type Change, type ChangeOptions, changesList } from "./change.ts";
import { exactlyOne, splitAt } from "./subjects.ts";

const MAX_NAMED = 20;

interface RevokeOptions extends ChangeOptions {
  key?: string;
  hash?: string;
  plugin?: string;
  reason: string;
  from?: string;
}

export function addTrustRevoke(trust: Command, context: CliContext): void {
  const command = trust.command("revoke")
    .usage("FILE --key KEY | --hash HEX | --plugin NAME[@RANGE] --reason TEXT [options]")
    .description(
      "revoke a key, a bundle, or versions of a plugin; hosts that watch the list unload them",
    )
    .option("--key <key>", "a key, with all that it ever signed: its name or id")
    .option("--hash <hex>", "one bundle, by its bundle hash, with any signature")
    .option("--plugin <name>", 'versions of a plugin, such as word-count@"<1.4.2", or all')
    .requiredOption("--reason <text>", "why, for those who will ask (required)")
    .option("--from <date>", "from when on (default: now)");
  changesList(
    command,
    context,
    ({ key, hash, plugin, reason, dataDir, ...options }: RevokeOptions) => {
      const { name, rest: versions = "*" } = splitAt(plugin ?? "");
      const why = { reason, from: parseDate(options.from, "--from") ?? new Date() };
      const { meaning: apply } = exactlyOne<Change["apply"]>({
        "--key": [key, (content) => revokeKey(content, key!, why)],
        "--hash": [hash, (content) => revokePlugin(content, { hash: hash!.toLowerCase() }, why)],
        "--plugin": [plugin, (content) => revokePlugin(content, { name, versions }, why)],
      });
      return (list) => ({
        apply,
        ...(plugin === undefined ? {} : knownVersions(list, name, versions, dataDir)),
      });
    },
  );
}

/** Says which versions that are known here a revocation covers: a range is easily written wrongly. */
function knownVersions(
  { content, mark }: TrustList,
  name: string,
  range: string,
  dataDir: string | undefined,
): Pick<Change, "notes" | "details"> {
  if (!isVersionRange(range)) return {}; // refused by the change itself
  const listed = [...content.plugins, ...content.accepted].filter((one) => one.name === name);
  const all = [...listed, ...mark?.ran(name) ?? []].map(({ version }) => version);
  const known = [...new Set(all)].toSorted((a, b) => compareVersions(a, b));
  const covers = known.filter((version) => revocationCovers(range, version));
  const leaves = known.filter((version) => !covers.includes(version));
  const named = (versions: readonly string[]) => {
    const more = versions.length - MAX_NAMED;
    const shown = versions.slice(-MAX_NAMED).map((version) => escapeText(version)).join(", ");
    return more > 0 ? `${shown} and ${more} lower ones` : shown;
  };
  const where = dataDir === undefined ? "in the list" : "in the list, or run by the host";
  const plugin = escapeText(name, 100);
  const note = known.length === 0
    ? `No version of "${plugin}" is known here${dataDir === undefined ? " (see --data-dir)" : ""}`
    : `Of the versions of "${plugin}" ${where} it covers ${named(covers) || "none"}` +
      (leaves.length === 0 ? "" : `, and leaves ${named(leaves)}`);
  return { notes: [note], details: { covers, leaves } };
}
