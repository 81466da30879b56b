import { npm } from "./_npm.ts";
import type { SemVer } from "./types.ts";

const MAX_LENGTH = 256;

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
  try {
    const { major, minor, patch, prerelease, build } = new npm.SemVer(value);
    return { major, minor, patch, prerelease: [...prerelease], build: [...build] };
  } catch (cause) {
    const text = value.trim();
    // numbers above Number.MAX_SAFE_INTEGER
    const part = /^Invalid (major|minor|patch) version$/.exec((cause as Error).message)?.[1];
    throw new TypeError(
      part
        ? `Cannot parse version ${text}: invalid ${part} version`
        : `Cannot parse version: ${text}`,
      { cause },
    );
  }
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
  return npm.compare(format(version1), format(version2));
}
