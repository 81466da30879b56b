import type { SemVer } from "./types.ts";

const MAX_LENGTH = 256;
/** https://semver.org, 9 and 10: identifiers of digits have no leading zero before the build. */
const NUMBER = "0|[1-9][0-9]*";
const IDENTIFIER = `(?:${NUMBER}|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)`;
const VERSION = new RegExp(
  `^v?(?<major>${NUMBER})\\.(?<minor>${NUMBER})\\.(?<patch>${NUMBER})` +
    `(?:-(?<prerelease>${IDENTIFIER}(?:\\.${IDENTIFIER})*))?` +
    "(?:\\+(?<build>[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$",
);

/**
 * Parses a version such as `1.2.3-rc.1+build`.
 *
 * @param value The text; a leading `v` and surrounding whitespace are accepted.
 * @returns The parts of the version.
 * @throws {TypeError} When the text is not a version.
 */
export function parse(value: string): SemVer {
  if (typeof value !== "string") {
    throw new TypeError(
      `Cannot parse version as version must be a string: received ${typeof value}`,
    );
  }
  if (value.length > MAX_LENGTH) {
    throw new TypeError(
      `Cannot parse version as version length is too long: length is ${value.length}, max length is ${MAX_LENGTH}`,
    );
  }
  const text = value.trim();
  const found = VERSION.exec(text)?.groups;
  if (found === undefined) throw new TypeError(`Cannot parse version: ${text}`);
  const number = (part: "major" | "minor" | "patch") => {
    const number = Number(found[part]);
    if (Number.isSafeInteger(number)) return number;
    throw new TypeError(`Cannot parse version ${text}: invalid ${part} version`);
  };
  return {
    major: number("major"),
    minor: number("minor"),
    patch: number("patch"),
    prerelease: (found.prerelease?.split(".") ?? []).map((part) => {
      const number = /^\d+$/.test(part) ? Number(part) : NaN;
      return number < Number.MAX_SAFE_INTEGER ? number : part;
    }),
    build: found.build?.split(".") ?? [],
  };
}

/**
 * Writes a version as text.
 *
 * @param version The parts.
 * @returns The text.
 */
export function format(version: SemVer): string {
  const core = [version.major, version.minor, version.patch].map((part) => part.toFixed(0));
  const prerelease = version.prerelease?.length ? `-${version.prerelease.join(".")}` : "";
  const build = version.build?.length ? `+${version.build.join(".")}` : "";
  return `${core.join(".")}${prerelease}${build}`;
}

/**
 * Compares two versions by precedence; build metadata does not count.
 *
 * @param version1 The one version.
 * @param version2 The other one.
 * @returns 1 when the first is greater, -1 when it is less, 0 when they are equal.
 */
export function compare(version1: SemVer, version2: SemVer): 1 | 0 | -1 {
  const numbers = [version1, version2].flatMap((each) => [each.major, each.minor, each.patch]);
  if (numbers.some((part) => Number.isNaN(part))) {
    throw new Error("Cannot compare against non-numbers");
  }
  for (const part of ["major", "minor", "patch"] as const) {
    const order = ordered(version1[part], version2[part]);
    if (order !== 0) return order;
  }
  return comparePrereleases(version1.prerelease ?? [], version2.prerelease ?? []);
}

type Identifiers = NonNullable<SemVer["prerelease"]>;

/** https://semver.org, 11: one that has none is greater, and one that has more is greater than its beginning. */
function comparePrereleases(one: Identifiers, other: Identifiers): 1 | 0 | -1 {
  if (one.length === 0 || other.length === 0) return ordered(other.length, one.length);
  for (let index = 0; index < one.length && index < other.length; index++) {
    const order = compareIdentifiers(one[index]!, other[index]!);
    if (order !== 0) return order;
  }
  return ordered(one.length, other.length);
}

function compareIdentifiers(one: string | number, other: string | number): 1 | 0 | -1 {
  const [isNumber, isOtherNumber] = [one, other].map((each) => /^\d+$/.test(String(each)));
  if (isNumber !== isOtherNumber) return isNumber ? -1 : 1;
  return isNumber ? ordered(Number(one), Number(other)) : ordered(String(one), String(other));
}

function ordered<T extends string | number>(one: T, other: T): 1 | 0 | -1 {
  return one === other ? 0 : one < other ? -1 : 1;
}
