// Changes to a trust list; pure: each gives a new list, whose revision whoever writes it raises.
import { canCover, isVersionRange } from "../../bundle/manifest/version_range.ts";
import { cannot, change, defined, toTime } from "./change.ts";
import { LIST_HINT, type ReplaceOptions, type RevokeOptions, toKeyIds } from "./key_changes.ts";
import type { JsonObject, ListedPlugin, PluginRevocation, TrustListContent } from "./content.ts";

export {
  addKey,
  addPublisher,
  type KeyWindow,
  type NewKey,
  type NewPublisher,
  removeKey,
  type RemoveKeyOptions,
  removePublisher,
  type ReplaceOptions,
  revokeKey,
  type RevokeOptions,
  setKeyWindow,
} from "./key_changes.ts";
export { findKey } from "./list_keys.ts";

/** Describes a bundle to add. */
export interface NewPlugin {
  /** The plugin's name. */
  name: string;
  /** Its version. */
  version: string;
  /** The bundle hash, 128 hex digits. */
  hash: string;
  /** The only keys that count for it, by name, id, hex or PEM. */
  keys?: readonly string[];
  /** How many keys must sign. */
  threshold?: number;
  /** A remark for people. */
  note?: string;
  /** From when on it no longer loads. */
  expiresAt?: Date;
  /** What it asks for. */
  asks?: JsonObject;
}

/** Names what to revoke: one bundle, or versions of a plugin, all of them by default. */
export type RevocationTarget =
  | { readonly hash: string }
  | { readonly name: string; readonly versions?: string };

/**
 * Adds a bundle. From then on only listed bundles of its name load.
 *
 * @throws {SallyportError} `bad-config` when the version is there already, or a key is unknown.
 */
export function addPlugin(
  content: TrustListContent,
  plugin: NewPlugin,
  options: ReplaceOptions = {},
): TrustListContent {
  const { name, version, hash, threshold, note, asks } = plugin;
  const there = content.plugins.findIndex((other) =>
    other.name === name && other.version === version
  );
  if (there !== -1 && options.replace !== true) {
    const same = content.plugins[there]!.hash === hash;
    const detail = `version "${version}" is there already${same ? "" : ", with another hash"}`;
    throw cannot("add plugin", name, detail, "Ask for it to be replaced, or remove it first");
  }
  const entry: ListedPlugin = defined({
    name,
    version,
    hash,
    keys: plugin.keys && toKeyIds(content, plugin.keys),
    threshold,
    note,
    expiresAt: plugin.expiresAt && toTime("expiresAt", plugin.expiresAt),
    asks,
  });
  const plugins = there === -1 ? [...content.plugins, entry] : content.plugins.with(there, entry);
  return change(content, { plugins });
}

/**
 * Removes a bundle. Where it was the last of its name, any bundle of that name may load again that
 * the keys allow, unless only listed plugins do.
 *
 * @throws {SallyportError} `bad-config` when there is none.
 */
export function removePlugin(
  content: TrustListContent,
  plugin: { readonly name: string; readonly version?: string },
): TrustListContent {
  const { name, version } = plugin;
  const plugins = content.plugins.filter((other) =>
    other.name !== name || (version !== undefined && other.version !== version)
  );
  if (plugins.length === content.plugins.length) {
    const detail = `the list has no ${
      version === undefined ? "such plugin" : `version "${version}"`
    }`;
    throw cannot("remove plugin", name, detail, LIST_HINT);
  }
  return change(content, { plugins });
}

/**
 * Revokes bundles, whoever signed them and whatever lists them.
 *
 * @throws {SallyportError} `bad-config` when the same is revoked already from an earlier moment, or no
 * version can be in the range.
 */
export function revokePlugin(
  content: TrustListContent,
  target: RevocationTarget,
  options: RevokeOptions,
): TrustListContent {
  const from = toTime("from", options.from ?? new Date());
  const { reason } = options;
  if ("name" in target && target.versions !== undefined) checkRange(target.name, target.versions);
  const entry: PluginRevocation = "hash" in target
    ? { hash: target.hash, from, reason }
    : { name: target.name, versions: target.versions ?? "*", from, reason };
  const there = content.revocations.findIndex((other) => isSame(other, target));
  if (there !== -1 && content.revocations[there]!.from <= from) {
    const detail = `it is revoked from "${content.revocations[there]!.from}" on`;
    throw cannot("revoke", nameOf(target), detail, "Nothing is left to do");
  }
  const revocations = there === -1
    ? [...content.revocations, entry]
    : content.revocations.with(there, entry);
  return change(content, { revocations });
}

/**
 * Takes a revocation of bundles back.
 *
 * @throws {SallyportError} `bad-config` when there is no such revocation.
 */
export function liftRevocation(
  content: TrustListContent,
  target: RevocationTarget,
): TrustListContent {
  const revocations = content.revocations.filter((other) => !isSame(other, target));
  if (revocations.length === content.revocations.length) {
    throw cannot("lift revocation of", nameOf(target), "there is none", LIST_HINT);
  }
  return change(content, { revocations });
}

/**
 * Sets the lowest version of a plugin that may load.
 *
 * @throws {SallyportError} `bad-config` when it is no version, or there is no minimum to remove.
 */
export function setMinimum(
  content: TrustListContent,
  name: string,
  version: string | undefined,
): TrustListContent {
  const { [name]: before, ...others } = content.minimumVersions;
  if (version !== undefined) {
    return change(content, { minimumVersions: { ...content.minimumVersions, [name]: version } });
  }
  if (before === undefined) {
    throw cannot("remove minimum version of", name, "there is none", LIST_HINT);
  }
  return change(content, { minimumVersions: others });
}

/**
 * Sets how many distinct keys must sign a plugin, where neither its entry nor its namespace says.
 *
 * @throws {SallyportError} `bad-config` when it is anything else.
 */
export function setThreshold(content: TrustListContent, threshold: number): TrustListContent {
  return change(content, { threshold });
}

/** Sets whether only listed plugins load. */
export function setOnlyListed(content: TrustListContent, onlyListed: boolean): TrustListContent {
  return change(content, { onlyListed });
}

/**
 * Sets from when on nothing is loaded by the list.
 *
 * @throws {RangeError} When the date is invalid.
 */
export function setExpiry(content: TrustListContent, expiresAt: Date): TrustListContent {
  return change(content, { expiresAt: toTime("expiresAt", expiresAt) });
}

/** Records that the operator accepted what a bundle asks for; once, however often it is called. */
export function acceptBundle(
  content: TrustListContent,
  bundle: { readonly name: string; readonly version: string; readonly hash: string },
  options: { at?: Date } = {},
): TrustListContent {
  const { name, version, hash } = bundle;
  const there = content.accepted.some((other) =>
    other.name === name && other.version === version && other.hash === hash
  );
  if (there) return content;
  const at = toTime("at", options.at ?? new Date());
  return change(content, { accepted: [...content.accepted, { name, version, hash, at }] });
}

function isSame(revocation: PluginRevocation, target: RevocationTarget): boolean {
  if ("hash" in revocation) return "hash" in target && revocation.hash === target.hash;
  return "name" in target && revocation.name === target.name &&
    revocation.versions === (target.versions ?? "*");
}

function nameOf(target: RevocationTarget): string {
  return "hash" in target ? target.hash : `${target.name} ${target.versions ?? "*"}`;
}

/** Refuses a range that would stand in the list and revoke nothing. */
function checkRange(name: string, range: string): void {
  const subject = `${name}@${range}`;
  if (!isVersionRange(range)) {
    const hint = 'Write such as "<1.4.2", "1.x", "1.4.2 - 1.4.9" or "1.4.2 || 1.4.5"';
    throw cannot("revoke", subject, "it is no range of versions", hint);
  }
  const [, from, to] = /^(\d+\.\d+\.\d+)-(\d+\.\d+(?:\.\d+)?)$/.exec(range) ?? [];
  if (from !== undefined) {
    const detail = `without blanks, "-${to}" names a pre-release of ${from}`;
    const hint =
      `Write "${from} - ${to}" for the versions between, "=${range}" for that pre-release`;
    throw cannot("revoke", subject, detail, hint);
  }
  if (canCover(range)) return;
  const hint =
    "Parts with a blank between them must all hold; put || between those of which one must";
  throw cannot("revoke", subject, "no version can be in it", hint);
}
