/**
 * The version of this package, which is also the version of the host API that manifests name in `sdk`.
 *
 * @category Host
 */
export const VERSION = "0.1.0";

/**
 * The oldest Deno that plugins run under. Versions 2.9.0 to 2.9.3 let a plugin set the umask and the title of
 * its process; before 2.9 the permission for the socket of the lane cannot be expressed.
 */
export const OLDEST_DENO = "2.9.4";

/** The newest Deno that the tests have run with. */
export const NEWEST_TESTED_DENO = "2.9.6";

/** Says what is wrong with a version of Deno. */
export function denoProblem(version: string): string | undefined {
  return compareDeno(version, OLDEST_DENO) < 0
    ? `needs Deno ${OLDEST_DENO} or later, this is ${version}`
    : undefined;
}

/**
 * Says that a version of Deno is of a line that the tests have not run with; such a one is taken all the same.
 */
export function untestedDeno(version: string): string | undefined {
  const [major, minor] = NEWEST_TESTED_DENO.split(".");
  const nextLine = `${major}.${Number(minor) + 1}.0-0`;
  return compareDeno(version, nextLine) >= 0
    ? `Deno ${version} is newer than ${major}.${minor}, the newest that was tested`
    : undefined;
}

/** Compares versions of Deno; what is no version is older than any. */
export function compareDeno(a: string, b: string): number {
  const [left, right] = [numbers(a), numbers(b)];
  for (const [index, number] of left.entries()) {
    if (number !== right[index]) return number - right[index]!;
  }
  return 0;
}

/** Returns major, minor and patch, and whether it is no release candidate; `+commit` of a canary is no part. */
function numbers(version: string): number[] {
  const match = /^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-)?/.exec(version);
  if (match === null) return [-1, 0, 0, 0];
  return [Number(match[1]), Number(match[2]), Number(match[3]), match[4] === undefined ? 1 : 0];
}
