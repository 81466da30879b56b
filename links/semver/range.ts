import { npm } from "./_npm.ts";
import type { Comparator, Operator, Range, SemVer } from "./types.ts";
import { format } from "./version.ts";

/**
 * Parses a range such as `^1.2 || >=3 <5`.
 *
 * @param value The text; the empty text means any version.
 * @returns Alternatives of comparisons.
 * @throws {TypeError} When the text is not a range.
 */
export function parseRange(value: string): Range {
  try {
    return new npm.Range(value).set.map((comparators) =>
      comparators.map(({ operator, semver }): Comparator => {
        if (typeof semver !== "object") {
          const any = { major: NaN, minor: NaN, patch: NaN, prerelease: [], build: [] };
          return { operator: undefined, ...any };
        }
        const { major, minor, patch, prerelease, build } = semver;
        return {
          operator: (operator || undefined) as Operator,
          ...{ major, minor, patch, prerelease: [...prerelease], build: [...build] },
        };
      })
    );
  } catch (cause) {
    throw new TypeError(`Cannot parse version range: range "${value}" is invalid`, { cause });
  }
}

/**
 * Parses a range, or gives `undefined`.
 *
 * @param value The text.
 * @returns Alternatives of comparisons, if it is a range.
 */
export function tryParseRange(value: string): Range | undefined {
  try {
    return parseRange(value);
  } catch {
    return undefined;
  }
}

function formatComparator(comparator: Comparator): string {
  return Number.isNaN(comparator.major) ? "*" : `${comparator.operator ?? ""}${format(comparator)}`;
}

/**
 * Tells whether a version is in a range.
 *
 * A pre-release is in it only when a comparison names a pre-release of the same three numbers.
 *
 * @param version The version.
 * @param range The range.
 * @returns Whether one of the alternatives holds.
 */
export function satisfies(version: SemVer, range: Range): boolean {
  const text = format(version);
  return range.some((comparators) =>
    npm.satisfies(text, comparators.map(formatComparator).join(" "))
  );
}
