// What the parts of a trust list must agree on.
import { quoteValue } from "../../json/schema_issues.ts";
import type { Report } from "../../json/json_shape.ts";
import type { ListedKey, ListedPlugin, TrustListContent } from "./content.ts";
import { toListKey } from "./list_keys.ts";

/** Finds entries that are there twice or name what is not, which would read in two ways. */
export function findDisagreements(list: TrustListContent, report: Report): void {
  const ids = checkKeys(list, report);
  const namespaces = new Set<string>();
  for (const [index, publisher] of list.publishers.entries()) {
    const { namespace } = publisher;
    if (namespaces.has(namespace)) {
      reportTwice(report, ["publishers", index, "namespace"], namespace);
    }
    namespaces.add(namespace);
    checkSigners(publisher, ids, report, ["publishers", index]);
  }
  comparePlugins(list.plugins, ids, report);
}

/** Does the same for entries of plugins alone. */
export function findPluginDisagreements(
  plugins: readonly ListedPlugin[],
  keys: readonly ListedKey[],
  report: Report,
): void {
  comparePlugins(plugins, new Set(keys.map((key) => toListKey(key).id)), report);
}

function comparePlugins(
  plugins: readonly ListedPlugin[],
  ids: ReadonlySet<string>,
  report: Report,
): void {
  const versions = new Map<string, string | Set<string>>(); // a set only for names of several
  for (let index = 0; index < plugins.length; index++) {
    const plugin = plugins[index]!;
    const { name, version } = plugin;
    const there = versions.get(name);
    if (there === undefined) versions.set(name, version);
    else if (typeof there === "string" ? there === version : there.has(version)) {
      reportTwice(report, ["plugins", index, "version"], `${name} ${version}`);
    } else if (typeof there === "string") versions.set(name, new Set([there, version]));
    else there.add(version);
    if (plugin.keys !== undefined) {
      checkSigners({ ...plugin, keys: plugin.keys }, ids, report, ["plugins", index]);
    }
  }
}

/** Checks the keys against each other, and returns their ids. */
function checkKeys({ keys }: TrustListContent, report: Report): ReadonlySet<string> {
  const seen = { name: new Set<string>(), publicKey: new Set<string>() };
  const ids = new Set<string>();
  for (const [index, key] of keys.entries()) {
    const { id } = toListKey(key);
    // a key made to have another's id would be meant by whatever names that one
    if (ids.has(id) && !seen.publicKey.has(key.publicKey)) {
      const message = `has the id ${quoteValue(id)} of another key`;
      report.add(["keys", index, "publicKey"], message);
    }
    ids.add(id);
    // one key under two names could be revoked under one of them only
    for (const field of ["name", "publicKey"] as const) {
      if (seen[field].has(key[field])) reportTwice(report, ["keys", index, field], key[field]);
      seen[field].add(key[field]);
    }
    const { notBefore, notAfter } = key;
    if (notBefore !== undefined && notAfter !== undefined && notBefore >= notAfter) {
      report.add(["keys", index, "notAfter"], "must be later than notBefore");
    }
  }
  return ids;
}

function checkSigners(
  { keys, threshold }: { readonly keys: readonly string[]; readonly threshold?: number },
  ids: ReadonlySet<string>,
  report: Report,
  where: readonly [string, number],
): void {
  for (const [at, id] of keys.entries()) {
    const path = [...where, "keys", at];
    if (!ids.has(id)) report.add(path, `is no key of the list, got ${quoteValue(id)}`);
    if (keys.indexOf(id) < at) reportTwice(report, path, id);
  }
  if (threshold !== undefined && threshold > keys.length) {
    const message = `must be at most ${keys.length}, the number of its keys`;
    report.add([...where, "threshold"], message);
  }
}

function reportTwice(report: Report, path: readonly (string | number)[], value: string): void {
  report.add(path, `${quoteValue(value)} is there twice`);
}
