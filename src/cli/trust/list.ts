// `sallyport trust list`: shows what is in a trust list, and how each part stands now.
import type { Command } from "commander";
import { escapeText } from "../../errors.ts";
import { isListExpired } from "../../trust/list/list.ts";
import { toListKey } from "../../trust/list/list_keys.ts";
import type { ListedKey, TrustListContent } from "../../trust/list/content.ts";
import type { CliContext } from "../shared/context.ts";
import { shortDate } from "../shared/dates.ts";
import { plural, section, table } from "../terminal/layout.ts";
import type { Output } from "../terminal/output.ts";
import { addListOptions, type ListOptions, onlyFile, openList } from "./list_file.ts";
import { keyState, pluginStates, revocationState, stateCell } from "./states.ts";

export function addTrustList(trust: Command, context: CliContext): void {
  const { output } = context;
  const command = trust.command("list")
    .usage("FILE [options]")
    .description(
      "show keys, publishers, plugins, revocations and minimum versions, and how they stand",
    );
  addListOptions(command)
    .action(async (argument: string | undefined, options: ListOptions) => {
      const { file, content } = await openList(onlyFile(argument, options), options, context);
      const now = new Date();
      const expiry = isListExpired(content, now)
        ? output.style("red", `EXPIRED at ${shortDate(content.expiresAt)}`)
        : `expires ${shortDate(content.expiresAt)}`;
      const name = output.style("bold", escapeText(file));
      output.result({ file, ...listDocument(content, now) }, () => [
        `${name}  revision ${content.revision}, ${expiry}`,
        ...listLines(content, now, output),
      ]);
    });
}

/** Returns a list as plain data, with the state of each part; never its secret. */
export function listDocument(content: TrustListContent, now: Date): Record<string, unknown> {
  const stateOf = pluginStates(content, now);
  const { revision, expiresAt, keys, publishers, minimumVersions, accepted } = content;
  return {
    revision,
    expiresAt,
    expired: isListExpired(content, now),
    keys: keys.map((key) => ({ id: toListKey(key).id, ...key, state: keyState(key, now) })),
    publishers,
    plugins: content.plugins.map((plugin) => ({ ...plugin, state: stateOf(plugin) })),
    revocations: content.revocations.map((entry) => ({
      ...entry,
      state: revocationState(entry, now),
    })),
    minimumVersions,
    accepted,
  };
}

/** Writes the parts of a list for people; what is empty is left out. */
export function listLines(
  content: TrustListContent,
  now: Date,
  output: Output,
  allKeys: readonly ListedKey[] = content.keys,
): string[] {
  const byId = new Map(allKeys.map((key) => [toListKey(key).id, escapeText(key.name)]));
  const names = (ids: readonly string[]) => ids.map((id) => byId.get(id) ?? id).join(", ");
  const stateOf = pluginStates(content, now);
  const tables: Record<string, string[][]> = {
    "Keys": content.keys.map((key) => {
      const { name, notBefore, notAfter, revoked } = key;
      return [
        escapeText(name),
        toListKey(key).id,
        stateCell(keyState(key, now), output),
        notes(
          notBefore && `from ${shortDate(notBefore)}`,
          notAfter && `until ${shortDate(notAfter)}`,
          revoked && `revoked from ${shortDate(revoked.from)}: ${escapeText(revoked.reason)}`,
        ),
      ];
    }),
    "Publishers": content.publishers.map(({ namespace, keys, threshold }) => [
      escapeText(namespace),
      `${threshold ?? content.threshold} of ${names(keys)}`,
    ]),
    "Plugins": content.plugins.map((plugin) => {
      const { name, version, hash, keys, threshold, note, expiresAt } = plugin;
      return [
        escapeText(name),
        escapeText(version),
        shortHash(hash),
        stateCell(stateOf(plugin), output),
        notes(
          expiresAt && `until ${shortDate(expiresAt)}`,
          keys && `signed by ${names(keys)}`,
          threshold && `needs ${threshold}`,
          note && escapeText(note),
        ),
      ];
    }),
    "Revocations": content.revocations.map((entry) => [
      "hash" in entry
        ? `bundle ${shortHash(entry.hash)}`
        : `${escapeText(entry.name)} ${escapeText(entry.versions)}`,
      revocationState(entry, now),
      `from ${shortDate(entry.from)}: ${escapeText(entry.reason)}`,
    ]),
    "Minimum versions": Object.entries(content.minimumVersions)
      .map((entry) => entry.map((text) => escapeText(text))),
    "Accepted although they ask for more": content.accepted.map((
      { name, version, hash, at },
    ) => [escapeText(name), escapeText(version), shortHash(hash), `on ${shortDate(at)}`]),
  };
  const lines = Object.entries(tables)
    .flatMap(([title, rows]) => section(title, table(rows), output));
  return lines.length === 0 ? ["", "It is empty: it trusts nobody"] : lines;
}

export function ruleRows(
  { threshold, onlyListed }: TrustListContent,
): (readonly [name: string, value: string])[] {
  return [
    ["threshold", `${plural(threshold, "key")} must sign a plugin`],
    [
      "loads",
      onlyListed
        ? "listed plugins only"
        : "what its keys sign; of listed plugins the listed versions",
    ],
  ];
}

function notes(...texts: readonly (string | number | undefined)[]): string {
  return texts.filter((text) => text).join(", ");
}

function shortHash(hash: string): string {
  return `${hash.slice(0, 16)}…`;
}
