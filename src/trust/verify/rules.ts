// The rules of a trust list; pure, one function a rule.
//
// @see https://theupdateframework.github.io/specification/latest/ for the attacks named here
import { revocationCovers } from "../../bundle/manifest/version_range.ts";
import { escapeText, type SallyportErrorCode } from "../../errors.ts";
import type {
  ListedPlugin,
  PluginRevocation,
  Publisher,
  TrustListContent,
} from "../list/content.ts";
import { isListExpired } from "../list/list.ts";
import { type ListKey, toListKey } from "../list/list_keys.ts";
import { pluginsNamed } from "../list/plugins.ts";
import { highestStanding, type RanVersion } from "../mark/ran_versions.ts";
import { describeKey, MAX_NAMED, refuse } from "./refusal.ts";
import { compareVersions } from "../mark/versions.ts";

/** Identifies the bundle that is judged. */
export interface JudgedBundle {
  /** The plugin's name. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** The hash of the bytes at hand. */
  readonly hash: string;
}

/** Says at which times a bundle is judged. */
export interface JudgeTimes {
  /** Now: for what the operator decided. */
  readonly now: Date;
  /** When it was loaded, else now: for windows and expiries, whose end stops no running plugin. */
  readonly loadedAt: Date;
}

/** Stops a freeze attack: whoever holds back new revisions gains until the list expires, no longer. */
export function checkListFresh(list: TrustListContent, bundle: JudgedBundle, now: Date): void {
  if (!isListExpired(list, now)) return;
  throw refuse(
    bundle,
    "expired",
    `the trust list expired at "${list.expiresAt}" (now: "${now.toISOString()}")`,
    "Get the current trust list, or set a new expiry, and check that this machine's clock is right",
    { subject: "list", expiresAt: list.expiresAt, now: now.toISOString() },
  );
}

/** Stops a bundle that is known to be bad, whoever signed it and whatever lists it. */
export function checkRevocations(list: TrustListContent, bundle: JudgedBundle, now: Date): void {
  const revocation = findRevocation(list, bundle, now);
  if (revocation === undefined) return;
  const { from, reason } = revocation;
  const byHash = "hash" in revocation;
  const what = byHash
    ? `its bundle hash "${bundle.hash.slice(0, 16)}…"`
    : `version "${bundle.version}" (in "${escapeText(revocation.versions, 100)}")`;
  throw refuse(
    bundle,
    "revoked",
    `${what} was revoked from "${from}" on: ${escapeText(reason, 300)}`,
    "Get a version that is not revoked",
    { subject: byHash ? "bundle" : "versions", from, reason, version: bundle.version },
  );
}

/**
 * Counts the keys that signed and may: stops keys that leaked, one key counting twice, and a
 * publisher's key that signs another's plugin (TUF: key compromise, wrong name).
 *
 * @throws {SallyportError} `revoked`, `expired` or `untrusted` when there are too few.
 */
export function countSigners(
  list: TrustListContent,
  bundle: JudgedBundle,
  signed: readonly ListKey[],
  times: JudgeTimes,
): readonly ListKey[] {
  const entry = findEntry(list, bundle);
  const publisher = findPublisher(list, bundle.name);
  const needed = entry?.threshold ?? publisher?.threshold ?? list.threshold;
  const counted = new Map<string, ListKey>(); // by the key itself: two could share an id
  const rejected: { key: ListKey; code: SallyportErrorCode; why: string }[] = [];
  for (const key of signed) {
    const problem = findScopeProblem(list, publisher, entry, key) ?? findKeyProblem(key, times);
    if (problem === undefined) counted.set(key.listed.publicKey, key);
    else rejected.push({ key, ...problem });
  }
  if (counted.size >= needed) return [...counted.values()];
  const code = (["revoked", "expired"] as const)
    .find((code) => rejected.some((one) => one.code === code)) ?? "untrusted";
  const named = rejected.slice(0, MAX_NAMED)
    .map(({ key, why }) => `key ${describeKey(key.id, key.name)} ${why}`);
  const counts = needed === 1
    ? "no key that counts for it signed it"
    : `only ${counted.size} of ${needed} keys that must sign it did`;
  throw refuse(
    bundle,
    code,
    [counts, ...named].join("; "),
    code === "untrusted"
      ? "Get it signed by keys that the trust list allows for this plugin"
      : "Get it signed by a key that counts now",
    {
      subject: "key",
      needed,
      counted: [...counted.values()].map(({ id }) => id),
      rejected: rejected.map(({ key, code, why }) => ({ keyId: key.id, code, why })),
    },
  );
}

/** Stops what a trusted key signed but the operator did not choose (TUF: arbitrary software). */
export function checkListed(list: TrustListContent, bundle: JudgedBundle, loadedAt: Date): void {
  const { name, version, hash } = bundle;
  const named = pluginsNamed(list, name);
  if (named.length === 0 && !list.onlyListed) return;
  const entry = findEntry(list, bundle);
  if (entry === undefined) {
    const same = named.find((plugin) => plugin.version === version);
    const versions = named.slice(-MAX_NAMED).map((plugin) => `"${plugin.version}"`).join(", ");
    throw refuse(
      bundle,
      "untrusted",
      same !== undefined
        ? `its hash is "${hash.slice(0, 16)}…", but "${same.hash.slice(0, 16)}…" is listed for ` +
          `version "${version}"`
        : named.length > 0
        ? `version "${version}" is not in the trust list, only ${versions}`
        : "it is not in the trust list, and only listed plugins load",
      "If you trust this bundle, add it to the trust list",
      {
        version,
        hash,
        trusted: named.slice(-MAX_NAMED).map(({ version, hash }) => ({ version, hash })),
      },
    );
  }
  const { expiresAt } = entry;
  if (expiresAt === undefined || loadedAt < new Date(expiresAt)) return;
  throw refuse(
    bundle,
    "expired",
    `its entry in the trust list expired at "${expiresAt}" (now: "${loadedAt.toISOString()}")`,
    "Add a newer version to the trust list, or set a new expiry for this one",
    { subject: "plugin", expiresAt, now: loadedAt.toISOString() },
  );
}

/** Stops an old, vulnerable version being offered again, by what the operator says (TUF: rollback). */
export function checkMinimum(list: TrustListContent, bundle: JudgedBundle): void {
  const { name, version } = bundle;
  if (!Object.hasOwn(list.minimumVersions, name)) return;
  const minimum = list.minimumVersions[name]!;
  if (compareVersions(version, minimum) >= 0) return;
  throw refuse(
    bundle,
    "rollback",
    `version "${version}" is below the minimum version "${minimum}"`,
    "Get a newer version, or lower the minimum in the trust list",
    { subject: "minimum", version, minimum },
  );
}

/** Options of {@linkcode checkHighest}. */
export interface CheckHighestOptions {
  /** The versions of the plugin that this host has run, the highest first. */
  readonly ran: readonly RanVersion[];
  /** Whether lower ones may load, or those of which plugins. */
  readonly allowRollback: boolean | readonly string[];
  /** Now. */
  readonly now: Date;
}

/**
 * Stops the same by what this host has run, where the operator does not allow it. What is revoked
 * does not count: a thief who signs version 999.0.0 must not keep the real ones out for good.
 */
export function checkHighest(
  list: TrustListContent,
  bundle: JudgedBundle,
  { ran, allowRollback, now }: CheckHighestOptions,
): void {
  const { name, version } = bundle;
  const highest = findHighest(list, name, ran, now)?.version;
  if (highest === undefined || compareVersions(version, highest) >= 0) return;
  if (allowRollback === true || (allowRollback !== false && allowRollback.includes(name))) return;
  throw refuse(
    bundle,
    "rollback",
    `version "${version}" is below version "${highest}", which this host has run`,
    "Get a newer version, or allow the rollback explicitly; if the higher one is bad, revoke it",
    { subject: "highest", version, highest },
  );
}

/** Finds the highest version of a plugin that was run and that the list does not revoke. */
export function findHighest<Version extends RanVersion>(
  list: TrustListContent,
  name: string,
  ran: readonly Version[],
  now: Date,
): Version | undefined {
  return highestStanding(
    ran,
    ({ version, hash }) => findRevocation(list, { name, version, hash }, now) !== undefined,
  );
}

/** Finds why a bundle is revoked, if it is. */
function findRevocation(
  list: TrustListContent,
  { name, version, hash }: JudgedBundle,
  now: Date,
): PluginRevocation | undefined {
  return list.revocations.find((revocation) => {
    const meant = "hash" in revocation
      ? revocation.hash === hash
      : revocation.name === name && revocationCovers(revocation.versions, version);
    return meant && now >= new Date(revocation.from);
  });
}

/** Finds the entry of exactly this bundle. */
export function findEntry(
  list: TrustListContent,
  { name, version, hash }: JudgedBundle,
): ListedPlugin | undefined {
  return pluginsNamed(list, name).find((plugin) =>
    plugin.version === version && plugin.hash === hash
  );
}

/** Finds whose namespace a name is in: that of the whole name, else the longest start of it. */
export function findPublisher(list: TrustListContent, name: string): Publisher | undefined {
  let best: Publisher | undefined;
  for (const publisher of list.publishers) {
    const { namespace } = publisher;
    if (namespace === name) return publisher;
    if (!namespace.endsWith("*") || !name.startsWith(namespace.slice(0, -1))) continue;
    if (best === undefined || namespace.length > best.namespace.length) best = publisher;
  }
  return best;
}

/** Returns the keys of a list in the form that verifies. */
export function keysOf(list: TrustListContent): readonly ListKey[] {
  return list.keys.map(toListKey);
}

interface KeyProblem {
  readonly code: SallyportErrorCode;
  readonly why: string;
}

/** Says why a key may not sign this plugin at any time. */
function findScopeProblem(
  list: TrustListContent,
  publisher: Publisher | undefined,
  entry: ListedPlugin | undefined,
  { id }: ListKey,
): KeyProblem | undefined {
  const out = (why: string): KeyProblem => ({ code: "untrusted", why });
  if (publisher !== undefined && !publisher.keys.includes(id)) {
    return out(`may not sign for "${publisher.namespace}"`);
  }
  if (publisher === undefined) {
    const own = list.publishers.filter(({ keys }) => keys.includes(id));
    const named = own.slice(0, MAX_NAMED).map(({ namespace }) => `"${namespace}"`).join(", ");
    if (own.length > 0) return out(`may sign only for ${named}`);
  }
  if (entry?.keys !== undefined && !entry.keys.includes(id)) {
    return out(`is not among the keys that the trust list names for version "${entry.version}"`);
  }
  return undefined;
}

/**
 * Says why a key does not count at this time. A revoked key counts for nothing, old bundles included:
 * a signature has no date that could be trusted, so who stole the key could sign "before".
 */
function findKeyProblem({ listed }: ListKey, times: JudgeTimes): KeyProblem | undefined {
  const { revoked, notBefore, notAfter } = listed;
  if (revoked !== undefined && times.now >= new Date(revoked.from)) {
    const why = `was revoked from "${revoked.from}" on: ${escapeText(revoked.reason, 300)}`;
    return { code: "revoked", why };
  }
  if (notBefore !== undefined && times.loadedAt < new Date(notBefore)) {
    return { code: "expired", why: `counts only from "${notBefore}" on` };
  }
  if (notAfter !== undefined && times.loadedAt >= new Date(notAfter)) {
    return { code: "expired", why: `counts only before "${notAfter}"` };
  }
  return undefined;
}
