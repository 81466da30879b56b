/**
 * Whether a version lies in a range, for ranges that somebody else wrote.
 *
 * @module
 */
import { parse, parseRange, satisfies } from "@std/semver";

/**
 * Tells whether a version lies in a range.
 *
 * @param version A semantic version.
 * @param range A range, as `sdk` and `dependencies` hold them.
 * @returns Whether it does; `false` for a version or range that makes no sense.
 * @see https://semver.org
 */
export function isInRange(version: string, range: string): boolean {
  try {
    return satisfies(parse(version), parseRange(range));
  } catch {
    return false; // the standard library throws for some ranges that its own parser accepts
  }
}
