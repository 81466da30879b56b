/**
 * `sallyport trust list`: shows what is in a trust list, and how each part stands now.
 *
 * @module
 */
import type { Command } from "commander";
import { escapeText } from "../../errors.ts";
import { isListExpired } from "../../trust/list/list.ts";
import type { ListedKey, TrustListContent } from "../../trust/list/content.ts";
import { toListKey } from "../../trust/list/list_keys.ts";
import type { TrustList } from "../../trust/trust_list.ts";
import type { CliContext } from "../shared/context.ts";
import { shortDate } from "../shared/dates.ts";
import type { Output } from "../terminal/output.ts";
import { addListOptions, type ListOptions, onlyFile, openList } from "./list_file.ts";
import { keyState, PluginStates, revocationState } from "./states.ts";
import { stateCell } from "./tables.ts";
import { section, table } from "../terminal/layout.ts";

type KeyNames = (ids: readonly string[]) => string;

/** Adds the command. */
export function addTrustList(trust: Command, context: CliContext): void {
  const command = trust.command("list")
    .usage("FILE [options]")
    .description(
      "show keys, publishers, plugins, revocations and minimum versions, and how they stand",
    );
  addListOptions(command)
    .action((file: string | undefined, options: ListOptions) => list(file, options, context));
}

async function list(
  argument: string | undefined,
  options: ListOptions,
  context: CliContext,
): Promise<void> {
  const opened = await openList(onlyFile(argument, options), options, context);
  const { output } = context;
  const now = new Date();
  output.result(
    { file: opened.file, ...listDocument(opened.content, now) },
    () => [heading(opened, now, output), ...listLines(opened.content, now, output)],
  );
}

/** Gives a list as plain data, with the state of each part; never its secret. */
export function listDocument(content: TrustListContent, now: Date): Record<string, unknown> {
  const states = new PluginStates(content, now);
  const { revision, expiresAt, keys, publishers, plugins, revocations } = content;
  return {
    revision,
    expiresAt,
    expired: isListExpired(content, now),
    keys: keys.map((key) => ({ id: toListKey(key).id, ...key, state: keyState(key, now) })),
    publishers,
    plugins: plugins.map((plugin) => ({ ...plugin, state: states.of(plugin) })),
    revocations: revocations.map((entry) => ({ ...entry, state: revocationState(entry, now) })),
    minimumVersions: content.minimumVersions,
    accepted: content.accepted,
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
  const lines = [
    ...section("Keys", table(keyRows(content, now, output)), output),
    ...section("Publishers", table(publisherRows(content, names)), output),
    ...section("Plugins", table(pluginRows(content, names, now, output)), output),
    ...section("Revocations", table(revocationRows(content, now)), output),
    ...section("Minimum versions", table(minimumRows(content)), output),
    ...section("Accepted although they ask for more", table(acceptedRows(content)), output),
  ];
  return lines.length === 0 ? ["", "It is empty: it trusts nobody"] : lines;
}

/** Writes the first line about a list. */
function heading({ file, content }: TrustList, now: Date, output: Output): string {
  const expiry = isListExpired(content, now)
    ? output.style("red", `EXPIRED at ${shortDate(content.expiresAt)}`)
    : `expires ${shortDate(content.expiresAt)}`;
  return `${output.style("bold", escapeText(file))}  revision ${content.revision}, ${expiry}`;
}

function keyRows({ keys }: TrustListContent, now: Date, output: Output): string[][] {
  return keys.map((key) => {
    const { name, notBefore, notAfter, revoked } = key;
    const notes = [
      ...(notBefore === undefined ? [] : [`from ${shortDate(notBefore)}`]),
      ...(notAfter === undefined ? [] : [`until ${shortDate(notAfter)}`]),
      ...(revoked === undefined
        ? []
        : [`revoked from ${shortDate(revoked.from)}: ${escapeText(revoked.reason)}`]),
    ];
    const state = stateCell(keyState(key, now), output);
    return [escapeText(name), toListKey(key).id, state, notes.join(", ")];
  });
}

function publisherRows(content: TrustListContent, names: KeyNames): string[][] {
  return content.publishers.map(({ namespace, keys, threshold }) => [
    escapeText(namespace),
    `${threshold ?? content.threshold} of ${names(keys)}`,
  ]);
}

function pluginRows(
  content: TrustListContent,
  names: KeyNames,
  now: Date,
  output: Output,
): string[][] {
  const states = new PluginStates(content, now);
  return content.plugins.map((plugin) => {
    const { name, version, hash, keys, threshold, note, expiresAt } = plugin;
    const notes = [
      ...(expiresAt === undefined ? [] : [`until ${shortDate(expiresAt)}`]),
      ...(keys === undefined ? [] : [`signed by ${names(keys)}`]),
      ...(threshold === undefined ? [] : [`needs ${threshold}`]),
      ...(note === undefined ? [] : [escapeText(note)]),
    ];
    const state = stateCell(states.of(plugin), output);
    return [escapeText(name), escapeText(version), shortHash(hash), state, notes.join(", ")];
  });
}

function revocationRows({ revocations }: TrustListContent, now: Date): string[][] {
  return revocations.map((entry) => [
    "hash" in entry
      ? `bundle ${shortHash(entry.hash)}`
      : `${escapeText(entry.name)} ${escapeText(entry.versions)}`,
    revocationState(entry, now),
    `from ${shortDate(entry.from)}: ${escapeText(entry.reason)}`,
  ]);
}

function minimumRows({ minimumVersions }: TrustListContent): string[][] {
  return Object.entries(minimumVersions).map(([name, version]) => [
    escapeText(name),
    escapeText(version),
  ]);
}

function acceptedRows({ accepted }: TrustListContent): string[][] {
  return accepted.map(({ name, version, hash, at }) => [
    escapeText(name),
    escapeText(version),
    shortHash(hash),
    `on ${shortDate(at)}`,
  ]);
}

function shortHash(hash: string): string {
  return `${hash.slice(0, 16)}…`;
}
