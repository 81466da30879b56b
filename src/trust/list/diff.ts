// What differs between two revisions of a trust list, for people.
import { escapeText } from "../../errors.ts";
import type { JsonObject, PluginRevocation, TrustListContent } from "./content.ts";

/**
 * Is one difference between two revisions.
 *
 * @category Trust
 */
export interface TrustChange {
  /** What happened. */
  readonly kind: "added" | "removed" | "changed";
  /** To what. */
  readonly subject:
    | "key"
    | "plugin"
    | "publisher"
    | "revocation"
    | "minimum"
    | "accepted"
    | "threshold"
    | "only-listed"
    | "expiry"
    | "root";
  /** Its name, such as that of a key; empty for settings of the whole list. */
  readonly name: string;
  /** What it was, as plain JSON. */
  readonly before?: unknown;
  /** What it is, as plain JSON. */
  readonly after?: unknown;
}

/** Holds what a diff needs of a root. */
interface RootLike {
  readonly version: number;
  readonly keys: readonly string[];
  readonly threshold: number;
}

/** Compares two revisions of a list; its roots are left to {@linkcode diffRoots}. */
export function diffTrustLists(
  before: TrustListContent,
  after: TrustListContent,
): TrustChange[] {
  const minimums = (list: TrustListContent): [string, unknown][] =>
    Object.entries(list.minimumVersions);
  const entries = <T>(list: readonly T[], name: (entry: T) => string): [string, unknown][] =>
    list.map((entry) => [name(entry), entry]);
  const bundle = (entry: { name: string; version: string }): string =>
    `${entry.name} ${entry.version}`;
  return [
    ...diff(
      "key",
      entries(before.keys, ({ name }) => name),
      entries(after.keys, ({ name }) => name),
    ),
    ...diff(
      "publisher",
      entries(before.publishers, ({ namespace }) => namespace),
      entries(after.publishers, ({ namespace }) => namespace),
    ),
    ...diff("plugin", entries(before.plugins, bundle), entries(after.plugins, bundle)),
    ...diff(
      "revocation",
      entries(before.revocations, nameRevocation),
      entries(after.revocations, nameRevocation),
    ),
    ...diff("minimum", minimums(before), minimums(after)),
    ...diff(
      "accepted",
      entries(before.accepted, (entry) => `${bundle(entry)} ${entry.hash}`),
      entries(after.accepted, (entry) => `${bundle(entry)} ${entry.hash}`),
    ),
    ...diff("threshold", [["", before.threshold]], [["", after.threshold]]),
    ...diff("only-listed", [["", before.onlyListed]], [["", after.onlyListed]]),
    ...diff("expiry", [["", before.expiresAt]], [["", after.expiresAt]]),
  ];
}

/** Compares the roots of two revisions of a list. */
export function diffRoots(
  before: RootLike | undefined,
  after: RootLike | undefined,
): TrustChange[] {
  const pick = (root: RootLike | undefined): [string, unknown][] =>
    root === undefined
      ? []
      : [["", { version: root.version, keys: root.keys, threshold: root.threshold }]];
  return diff("root", pick(before), pick(after));
}

/** Puts a change into one line for a terminal or a log. */
export function describeChange(change: TrustChange): string {
  const { kind, subject, name, before, after } = change;
  const sign = { added: "+", removed: "-", changed: "~" }[kind];
  const head = name === ""
    ? `${sign} ${subject}`
    : `${sign} ${subject} "${escapeText(shorten(name), 150)}"`;
  if (kind === "removed") return head;
  if (kind === "added") {
    const shown = show(after, undefined, SAID[subject]);
    return shown === "" ? head : `${head}: ${shown}`;
  }
  if (!isObject(before) || !isObject(after)) return `${head}: ${show(before)} → ${show(after)}`;
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((field) => !isEqual(before[field], after[field]))
    .map((field) => `${field} ${show(before[field], field)} → ${show(after[field], field)}`);
  return `${head}: ${fields.join(", ")}`;
}

/** Names the fields of entries that their name says already. */
const SAID: Readonly<Partial<Record<TrustChange["subject"], readonly string[]>>> = {
  key: ["name"],
  publisher: ["namespace"],
  plugin: ["name", "version"],
  revocation: ["hash", "name", "versions"],
  accepted: ["name", "version", "hash"],
};

function nameRevocation(entry: PluginRevocation): string {
  return "hash" in entry ? entry.hash : `${entry.name} ${entry.versions}`;
}

function diff(
  subject: TrustChange["subject"],
  before: readonly [string, unknown][],
  after: readonly [string, unknown][],
): TrustChange[] {
  const [was, is] = [new Map(before), new Map(after)];
  const changes: TrustChange[] = [];
  for (const [name, value] of was) {
    if (!is.has(name)) changes.push({ kind: "removed", subject, name, before: value });
    else if (!isEqual(value, is.get(name))) {
      changes.push({ kind: "changed", subject, name, before: value, after: is.get(name) });
    }
  }
  for (const [name, value] of is) {
    if (!was.has(name)) changes.push({ kind: "added", subject, name, after: value });
  }
  return changes;
}

/** Compares JSON, in whatever order its keys are. */
function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key]));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Shows a value, or the fields of an entry but those that were said. */
function show(value: unknown, field?: string, said: readonly string[] = []): string {
  if (value === undefined) return "none";
  if (typeof value === "string") return `"${escapeText(shorten(value), 100)}"`;
  if (Array.isArray(value)) return `[${value.slice(0, 10).map((item) => show(item)).join(", ")}]`;
  if (!isObject(value)) return String(value);
  if (field === "asks") return "…";
  return Object.entries(value)
    .filter(([name]) => name !== "asks" && !said.includes(name))
    .map(([name, inner]) => isObject(inner) ? `${name} (${show(inner)})` : `${name} ${show(inner)}`)
    .join(", ");
}

/** Cuts hashes, of which people compare the start. */
function shorten(text: string): string {
  return text.replace(/\b([0-9a-f]{16})[0-9a-f]{112}\b/g, "$1…");
}
