import SemVer from "npm:semver@7.8.6/classes/semver.js";
import compare from "npm:semver@7.8.6/functions/compare.js";

interface NpmSemVer {
  major: number;
  minor: number;
  patch: number;
  prerelease: readonly (string | number)[];
  build: readonly string[];
}

/** Types the part of the npm package that the stand-in uses; the package carries no types. */
export const npm = { SemVer, compare } as unknown as {
  SemVer: new (version: string) => NpmSemVer;
  compare(a: string, b: string): 1 | 0 | -1;
};
