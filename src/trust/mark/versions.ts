// Versions in order.
import { compare, parse } from "@std/semver";

/**
 * Compares two versions by the precedence of SemVer 2.0.0, section 11: build metadata does not count.
 *
 * @throws {TypeError} When one is no version.
 */
export function compareVersions(a: string, b: string): number {
  return compare(parse(a), parse(b));
}
