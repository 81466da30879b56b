// `sallyport audit show`: shows what happened in hosts.
import type { Command } from "commander";
import type { AuditRecord } from "../../audit/mod.ts";
import { type AuditQuery, AuditReader } from "../../audit/verify/read_log.ts";
import { escapeText } from "../../errors.ts";
import { findAuditFolder } from "./folder.ts";
import { type CliContext, collect, parseCount } from "../shared/context.ts";
import { parseDate } from "../shared/dates.ts";
import { listenForInterrupt } from "../terminal/interrupt.ts";
import { type Output, type Style, toJson } from "../terminal/output.ts";

interface ShowOptions {
  plugin?: string;
  type?: string[];
  since?: string;
  until?: string;
  limit: number;
  follow?: boolean;
}

const MAX_LIMIT = 100_000;
const MAX_VALUE = 300;
const MAX_TYPES = 50;
const HASH_DIGITS = 16;
const TYPE_WIDTH = 11;

const TYPES: readonly (readonly [style: Style, types: readonly string[]])[] = [
  ["yellow", ["denied", "suppressing", "suppressed"]],
  ["red", ["damaged", "failed", "violation", "crashed", "lost", "unreadable"]],
  ["green", ["loaded"]],
  ["dim", ["started", "stopped", "checkpoint"]],
];

export function addAuditShow(audit: Command, context: CliContext): void {
  audit.command("show")
    .description("show what happened, the latest last; nothing is checked, see verify")
    .argument("<dir>", "the data folder of a host, or its audit folder")
    .option("--plugin <name>", "only what is about this plugin")
    .option("--type <type>", "only entries of this type, such as denied (repeatable)", collect)
    .option("--since <date>", "only from then on: 2027-01-31, or 2027-01-31T12:00:00Z")
    .option("--until <date>", "only before then")
    .option("--limit <n>", "how many entries, the latest", parseCount(MAX_LIMIT), 100)
    .option("--follow", "go on with what is written, until Ctrl-C; with --json, one line an entry")
    .action((dir: string, options: ShowOptions) => show(dir, options, context));
}

async function show(dir: string, options: ShowOptions, { output }: CliContext): Promise<void> {
  const { plugin, type: types, since, until, limit, follow = false } = options;
  const query = {
    plugin,
    types,
    since: parseDate(since, "--since"),
    until: parseDate(until, "--until"),
  };
  const folder = await findAuditFolder(dir);
  const reader = new AuditReader(folder);
  const entries: AuditRecord[] = [];
  let omitted = 0;
  const keepLatest = () => omitted += entries.splice(0, entries.length - limit).length;
  for await (const record of reader.read(query)) {
    entries.push(record);
    if (entries.length >= 2 * limit) keepLatest();
  }
  if (entries.length > limit) keepLatest();
  if (!follow) {
    const none = entries.length === 0 ? await noEntries(folder, query) : [];
    return output.result({ dir: folder, omitted, entries: entries.map(toEntry) }, () => [
      ...(omitted === 0 ? [] : [output.style("dim", `(${omitted} earlier: see --limit)`)]),
      ...none,
      ...entries.map((entry) => entryLine(entry, output)),
    ]);
  }
  const print = (entry: AuditRecord) =>
    output.line(output.json ? toJson(toEntry(entry), false) : entryLine(entry, output));
  entries.forEach(print);
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  while (!signal.aborted) {
    await reader.pause(signal);
    for await (const entry of reader.read({ ...query, signal })) print(entry);
  }
}

/** Says that no entry was found, and which types there are where some were asked for: applications add their own. */
async function noEntries(folder: string, { types, ...rest }: AuditQuery): Promise<string[]> {
  if (types === undefined) return ["No entries"];
  const found = new Set<string>();
  for await (const { type } of new AuditReader(folder).read(rest)) {
    found.add(escapeText(type, MAX_VALUE));
    if (found.size === MAX_TYPES) break;
  }
  if (found.size === 0) return ["No entries"];
  const asked = types.map((type) => escapeText(type, MAX_VALUE)).join(" or ");
  return [`No entries of type ${asked}; there are: ${[...found].sort().join(", ")}`];
}

/** Returns an entry as plain data; its place comes first. */
function toEntry({ fields, ...place }: AuditRecord): unknown {
  return { ...place, ...fields, ...place }; // a field cannot replace the place
}

export function entryLine(record: AuditRecord, output: Output): string {
  const { time, type, chain, fields, unsigned } = record;
  const { plugin, version, ...rest } = fields;
  const padded = escapeText(type, 40).padEnd(TYPE_WIDTH);
  const style = TYPES.find(([, types]) => types.includes(type))?.[0];
  const about = [plugin, version].filter((part) => part !== undefined).map(word).join(" ");
  const facts = Object.entries(rest)
    .map(([name, value]) => `${escapeText(name, 60)}=${word(shorten(name, value))}`);
  return [
    escapeText(time, 40),
    `#${chain}`,
    style === undefined ? padded : output.style(style, padded),
    ...(unsigned ? [output.style("red", "UNSIGNED")] : []),
    ...(plugin === undefined ? [] : [output.style("bold", about)]),
    ...facts,
  ].join(" ").trimEnd();
}

/** The first digits of a hash are enough to recognise it; all of it is in the JSON. */
function shorten(name: string, value: unknown): unknown {
  const hash = typeof value === "string" && /^[0-9a-f]{128}$/.test(value) && /hash/i.test(name);
  return hash ? `${value.slice(0, HASH_DIGITS)}…` : value;
}

/** Quotes what would otherwise look like more than one word. */
function word(value: unknown): string {
  const bare = typeof value === "string" && /^[\p{L}\p{N}._:/@+…-]+$/u.test(value);
  return escapeText(bare ? value : JSON.stringify(value) ?? "", MAX_VALUE);
}
