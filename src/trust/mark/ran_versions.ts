// The versions of one plugin that a host has run, the highest first.
//
// Several are kept and not only the highest: when that is revoked, the next one takes its place, and
// when the revocation is lifted, it is there again.
import { compareVersions } from "./versions.ts";

/** Identifies a bundle of a plugin that was run. */
export interface RanVersion {
  /** The version. */
  readonly version: string;
  /** The bundle hash, 128 hex digits. */
  readonly hash: string;
}

/** Is the greatest number of versions that are kept of one plugin. */
export const MAX_RAN = 8;

/** Puts a version to those that were run. */
export function addRan<Version extends RanVersion>(
  ran: readonly Version[],
  one: Version,
): readonly Version[] {
  const higher = ran.filter(({ version }) => compareVersions(version, one.version) > 0);
  const lower = ran.filter(({ version }) => compareVersions(version, one.version) < 0);
  return [...higher, one, ...lower].slice(0, MAX_RAN);
}

/** Makes one of what two hosts remember. */
export function mergeRan<Version extends RanVersion>(
  stored: readonly Version[],
  known: readonly Version[],
): readonly Version[] {
  return known
    .filter(({ version }) => !stored.some((one) => compareVersions(one.version, version) === 0))
    .reduce(addRan<Version>, stored);
}

/** Finds the version below which none may load. */
export function highestStanding<Version extends RanVersion>(
  ran: readonly Version[],
  isRevoked: (version: Version) => boolean,
): Version | undefined {
  const standing = ran.find((version) => !isRevoked(version));
  // lower ones may have been pushed out, as by a thief who runs many: then the highest holds on
  return standing ?? (ran.length < MAX_RAN ? undefined : ran[0]);
}
