/** Holds the parts of a version. */
export interface SemVer {
  /** The major version. */
  major: number;
  /** The minor version. */
  minor: number;
  /** The patch version. */
  patch: number;
  /** The identifiers after `-`. */
  prerelease?: (string | number)[];
  /** The identifiers after `+`. */
  build?: string[];
}
