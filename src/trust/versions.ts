/**
 * Versions in order, and ranges that fail closed.
 *
 * @module
 */

import { type Comparator, compare, parse, parseRange, type SemVer } from "@std/semver";

/**
 * Compares two versions by the precedence of SemVer 2.0.0, section 11: build metadata does not count.
 *
 * @param a The one version.
 * @param b The other one.
 * @returns Below 0 when `a` is lower, above 0 when it is higher.
 * @throws {TypeError} When one is no version.
 */
export function compareVersions(a: string, b: string): number {
  return compare(parse(a), parse(b));
}

/** Tells whether a text is a range of versions. */
export function isRange(text: string): boolean {
  try {
    parseRange(text);
    return true;
  } catch {
    return false; // not a range is the answer, not a failure
  }
}

/**
 * Tells whether a revocation covers a version.
 *
 * Unlike the ranges of dependencies it covers pre-releases as well: `<1.4.2` holds for `1.4.2-rc.1`
 * and `1.x` for `1.0.0-rc.1`, or an attacker would offer just those.
 *
 * @param range The range.
 * @param version The version.
 * @returns Whether the range holds the version or its release; `true` where that cannot be told.
 */
export function revocationCovers(range: string, version: string): boolean {
  try {
    const parsed = parse(version);
    const release = { ...parsed, prerelease: [], build: [] };
    return parseRange(range).some((comparators) =>
      [parsed, release].some((one) => comparators.every((comparator) => holds(comparator, one)))
    );
  } catch {
    return true; // what cannot be judged is not let through
  }
}

function holds(comparator: Comparator, version: SemVer): boolean {
  if (Number.isNaN(comparator.major)) return true; // stands for any version
  const order = compare(version, comparator);
  switch (comparator.operator) {
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case "!=":
      return order !== 0;
    default:
      return order === 0;
  }
}
