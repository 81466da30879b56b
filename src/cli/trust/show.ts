// `sallyport trust show`: shows what a trust list is, or all that it says about one name.
import { decodeHex } from "@std/encoding/hex";
import type { Command } from "commander";
import { keyId } from "../../crypto/ed25519.ts";
import { commandLine } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { readAsks } from "../../permissions/asks.ts";
import type { PluginAsks } from "../../permissions/asks.ts";
import { isListExpired } from "../../trust/list/list.ts";
import type { TrustListContent } from "../../trust/list/content.ts";
import { toListKey } from "../../trust/list/list_keys.ts";
import { findPublisher } from "../../trust/verify/rules.ts";
import type { TrustList } from "../../trust/trust_list.ts";
import type { CliContext } from "../shared/context.ts";
import { shortDate } from "../shared/dates.ts";
import { UsageError } from "../terminal/failure.ts";
import { askColumns, columns, plural, section } from "../terminal/layout.ts";
import { secretWords } from "../shared/secrets.ts";
import { addListOptions, type ListOptions, openList, takeFile } from "./list_file.ts";
import { listDocument, listLines, ruleRows } from "./list.ts";

export function addTrustShow(trust: Command, context: CliContext): void {
  const command = trust.command("show")
    .usage("FILE [NAME] [options]")
    .description("show what the list is, or all that it says about one key, plugin or publisher");
  addListOptions(command)
    .argument("[name]", "a key (name or id), a plugin, or a publisher's names")
    .action(async (
      first: string | undefined,
      second: string | undefined,
      options: ListOptions,
    ) => {
      const { file, rest: [name, ...more] } = takeFile([first, second], options);
      if (more.length > 0) throw new UsageError("More than one name was given", "Give one name");
      const list = await openList(file, options, context);
      if (name === undefined) showList(list, context);
      else showName(list, name, options, context);
    });
}

function showList({ file, content, root, mark }: TrustList, { output }: CliContext): void {
  const { id, revision, createdAt, updatedAt, expiresAt, threshold, onlyListed } = content;
  const expired = isListExpired(content, new Date());
  const counts = {
    keys: content.keys.length,
    publishers: content.publishers.length,
    plugins: content.plugins.length,
    revocations: content.revocations.length,
    minimumVersions: Object.keys(content.minimumVersions).length,
    accepted: content.accepted.length,
  };
  const keyIds = root?.keys.map((key) => keyId(decodeHex(key))) ?? [];
  output.result({
    ...{ file, id, revision, createdAt, updatedAt, expiresAt, expired, threshold, onlyListed },
    root: root === undefined
      ? null
      : { version: root.version, hash: root.hash, keyIds, threshold: root.threshold },
    counts,
    seenByHost: mark && (mark.revision ?? null),
  }, () => [
    output.style("bold", escapeText(file)),
    ...columns([
      ["id", id],
      ["revision", `${revision}, of ${shortDate(updatedAt)}`],
      ["made", shortDate(createdAt)],
      [
        "expires",
        expired ? output.style("red", `${shortDate(expiresAt)}, EXPIRED`) : shortDate(expiresAt),
      ],
      ...ruleRows(content),
      [
        "root",
        root === undefined
          ? "none: its secret alone allows changes"
          : `version ${root.version}, ${root.threshold} of ${keyIds.join(", ")}`,
      ],
      ["root hash", root?.hash], // what a host pins the root by
      [
        "holds",
        [
          plural(counts.keys, "key"),
          plural(counts.publishers, "publisher"),
          plural(counts.plugins, "plugin"),
          plural(counts.revocations, "revocation"),
          plural(counts.minimumVersions, "minimum version"),
        ].join(", "),
      ],
      [
        "host has seen",
        mark && (mark.revision === undefined ? "none" : `revision ${mark.revision}`),
      ],
    ]),
  ]);
}

function showName(
  { file, content }: TrustList,
  name: string,
  options: ListOptions,
  { output }: CliContext,
): void {
  const part = partAbout(content, name);
  const { keys, publishers, plugins, revocations, accepted, minimumVersions } = part;
  const found = [keys, publishers, plugins, revocations, accepted, Object.keys(minimumVersions)];
  if (found.every(({ length }) => length === 0)) {
    const message = `Cannot show "${name}": the list says nothing about it`;
    throw new SallyportError("bad-config", message, {
      hint: `See what there is: ${commandLine(["trust", "list", file, ...secretWords(options)])}`,
      details: { name },
    });
  }
  const now = new Date();
  output.result({ name, ...listDocument(part, now) }, () => [
    output.style("bold", escapeText(name)),
    ...listLines(part, now, output, content.keys),
    ...plugins.flatMap(({ name, version, asks }) =>
      asks === undefined ? [] : section(
        `${escapeText(name)} ${escapeText(version)} asks for`,
        askLines(readAsks(asks, name)),
        output,
      )
    ),
  ]);
}

/** Returns the part of a list that is about a name. */
function partAbout(content: TrustListContent, name: string): TrustListContent {
  const keys = content.keys.filter((key) => key.name === name || toListKey(key).id === name);
  const ids = new Set(keys.map((key) => toListKey(key).id));
  const owner = findPublisher(content, name);
  const minimum = Object.hasOwn(content.minimumVersions, name)
    ? { [name]: content.minimumVersions[name]! }
    : {};
  return {
    ...content,
    keys,
    publishers: content.publishers.filter((publisher) =>
      publisher.namespace === name || publisher === owner ||
      publisher.keys.some((id) => ids.has(id))
    ),
    plugins: content.plugins.filter((plugin) =>
      plugin.name === name || plugin.keys?.some((id) => ids.has(id))
    ),
    revocations: content.revocations.filter((entry) => "name" in entry && entry.name === name),
    minimumVersions: minimum,
    accepted: content.accepted.filter((bundle) => bundle.name === name),
  };
}

function askLines(asks: PluginAsks): string[] {
  const rows: [string, string][] = [];
  for (const family of ["net", "read", "write", "sys"] as const) {
    if (asks[family].length > 0) rows.push([family, asks[family].join(", ")]);
  }
  const add = (title: string, values: readonly string[]) =>
    rows.push(...values.map((value) => [title, value] as [string, string]));
  add("service", Object.entries(asks.context).map(([key, access]) => `${key} (${access})`));
  add("hook", Object.keys(asks.hooks));
  add("limit", Object.entries(asks.limits).map(([name, value]) => `${name} ${value}`));
  if (asks.storageBytes > 0) add("storage", [`${asks.storageBytes} bytes of its own`]);
  add("plugin", asks.dependencies);
  return askColumns(rows);
}
