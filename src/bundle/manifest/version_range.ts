// Ranges of versions, for ranges that somebody else wrote: what they mean is decided here, in comparisons
// of whole versions. Libraries read partial versions and pre-releases differently.
import { compare, parse, type SemVer } from "@std/semver";

/** Compares with one whole version. */
interface Comparator {
  readonly operator: "<" | "<=" | ">" | ">=" | "=";
  readonly version: SemVer;
}

/** Holds alternatives; in one, every comparison must hold. */
export type VersionRange = readonly (readonly Comparator[])[];

/** A version of which the end may be missing; numbers stay below 2^53. */
interface Partial {
  readonly numbers: readonly number[];
  readonly prerelease: readonly (string | number)[];
}

const MAX_LENGTH = 256;
const NUMBER = String.raw`(?:0|[1-9]\d{0,14})`;
const IDENTIFIER = String.raw`(?:${NUMBER}|\d*[a-zA-Z-][0-9a-zA-Z-]*)`;
const NUMBERS = String.raw`${NUMBER}(?:\.${NUMBER}){0,2}(?:\.[xX*]){0,2}`;
const PRERELEASE = String.raw`(?:-${IDENTIFIER}(?:\.${IDENTIFIER})*)`;
const BUILD = String.raw`(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)`;
const PARTIAL = new RegExp(
  String.raw`^v?(?:(${NUMBERS})|(${NUMBER}\.${NUMBER}\.${NUMBER}${PRERELEASE}?)${BUILD}?)$`,
);
const ANY = /^[xX*](?:\.[xX*]){0,2}$/;
const SIMPLE = /^(<=|>=|~>|[<>=~^]|)(.*)$/;
/** The lowest of all: `0.0.0-0`. */
const LOWEST = toVersion([], [0]);

/**
 * Reads a range: alternatives with `||`; in each `1.2 - 1.4`, or comparisons with blanks between them:
 * `<`, `<=`, `>`, `>=`, `=`, `^`, `~` and a version, whose end may be missing or `x`; `*` is any.
 */
export function parseVersionRange(text: string): VersionRange | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const alternatives = text.split("||").map(parseAlternative);
  return alternatives.every((one) => one !== undefined) ? alternatives : undefined;
}

/** Tells whether a text is a range of versions. */
export function isVersionRange(text: string): boolean {
  return parseVersionRange(text) !== undefined;
}

/**
 * Tells whether a version lies in a range, as `sdk` and `dependencies` hold them: a pre-release only when
 * a comparison names one of the same three numbers.
 *
 * @see https://semver.org
 */
export function isInRange(version: string, range: string): boolean {
  const parsed = tryParse(version);
  if (parsed === undefined) return false;
  return (parseVersionRange(range) ?? []).some((comparators) =>
    holdsAll(comparators, parsed) &&
    (!parsed.prerelease?.length || comparators.some((one) => namesPrereleaseOf(one, parsed)))
  );
}

/**
 * Tells whether a revocation covers a version.
 *
 * Unlike the ranges of dependencies it covers pre-releases as well: `<1.4.2` holds for `1.4.2-rc.1`
 * and `1.x` for `1.0.0-rc.1`, or an attacker would offer just those.
 */
export function revocationCovers(range: string, version: string): boolean {
  const parsed = tryParse(version);
  const alternatives = parseVersionRange(range);
  // what cannot be judged is not let through
  if (parsed === undefined || alternatives === undefined) return true;
  return alternatives.some((comparators) => covers(comparators, parsed));
}

/** Tells whether each alternative of a range covers some version that there could be. */
export function canCover(range: string): boolean {
  return (parseVersionRange(range) ?? []).every((comparators) => {
    // if any version is in it, so is the lowest of all, or a bound, or what comes right after one
    const bounds = comparators.flatMap(({ version }) => [version, successor(version)]);
    return [LOWEST, ...bounds].some((version) => covers(comparators, version));
  });
}

function parseAlternative(text: string): readonly Comparator[] | undefined {
  const [from, to, ...more] = text.trim().split(/\s+-\s+/);
  if (to !== undefined) {
    const [low, high] = [parsePartial(from!), parsePartial(to)];
    if (low === undefined || high === undefined || more.length > 0) return undefined;
    return [...compared(">=", low), ...compared("<=", high)];
  }
  const comparators: Comparator[] = [];
  for (const word of text.trim().replace(/([<>=~^])\s+(?![<>=~^])/g, "$1").split(/\s+/)) {
    const [, operator, rest] = SIMPLE.exec(word) ?? [];
    if (operator === "" && ANY.test(word)) continue;
    const partial = parsePartial(rest ?? "");
    if (partial === undefined) return undefined;
    comparators.push(...compared(operator!, partial));
  }
  return comparators;
}

function parsePartial(text: string): Partial | undefined {
  const [, numbers, whole] = PARTIAL.exec(text) ?? [];
  if (numbers !== undefined) {
    const parts = numbers.split(".");
    if (parts.length > 3) return undefined;
    return { numbers: parts.filter((part) => /\d/.test(part)).map(Number), prerelease: [] };
  }
  const version = whole === undefined ? undefined : tryParse(whole);
  if (version === undefined) return undefined;
  const { major, minor, patch, prerelease = [] } = version;
  return { numbers: [major, minor, patch], prerelease };
}

/** Says the same in comparisons of whole versions. */
function compared(operator: string, { numbers, prerelease }: Partial): Comparator[] {
  const lowest = toVersion(numbers, prerelease);
  // what follows the versions meant starts with its first pre-release
  const next = (count: number, prerelease: number[]) =>
    toVersion([...numbers.slice(0, count - 1), numbers[count - 1]! + 1], prerelease);
  const below = (count: number): Comparator => ({ operator: "<", version: next(count, [0]) });
  const from: Comparator = { operator: ">=", version: lowest };
  const isWhole = numbers.length === 3;
  switch (operator) {
    case "^": {
      const kept = numbers.findIndex((part) => part > 0);
      return [from, below(kept === -1 ? numbers.length : kept + 1)];
    }
    case "~":
    case "~>":
      return [from, below(Math.min(numbers.length, 2))];
    case "<":
    case ">=":
      return [{ operator, version: lowest }];
    case "<=":
      return isWhole ? [{ operator, version: lowest }] : [below(numbers.length)];
    case ">":
      if (isWhole) return [{ operator, version: lowest }];
      return [{ operator: ">=", version: next(numbers.length, []) }];
    default:
      return isWhole ? [{ operator: "=", version: lowest }] : [from, below(numbers.length)];
  }
}

function covers(comparators: readonly Comparator[], version: SemVer): boolean {
  const release = { ...version, prerelease: [], build: [] };
  return holdsAll(comparators, version) || holdsAll(comparators, release);
}

function holdsAll(comparators: readonly Comparator[], version: SemVer): boolean {
  return comparators.every(({ operator, version: bound }) => {
    const order = compare(version, bound);
    if (order === 0) return operator.includes("=");
    return order < 0 ? operator.startsWith("<") : operator.startsWith(">");
  });
}

function namesPrereleaseOf({ version }: Comparator, { major, minor, patch }: SemVer): boolean {
  return version.major === major && version.minor === minor && version.patch === patch &&
    (version.prerelease?.length ?? 0) > 0;
}

/** Returns the version right after one: between them there is none. */
function successor({ major, minor, patch, prerelease = [] }: SemVer): SemVer {
  return prerelease.length > 0
    ? toVersion([major, minor, patch], [...prerelease, 0])
    : toVersion([major, minor, patch + 1], [0]);
}

function toVersion(
  [major = 0, minor = 0, patch = 0]: readonly number[],
  prerelease: readonly (string | number)[],
): SemVer {
  return { major, minor, patch, prerelease: [...prerelease], build: [] };
}

function tryParse(text: string): SemVer | undefined {
  try {
    return parse(text);
  } catch {
    return undefined; // no version is the answer, not a failure
  }
}
