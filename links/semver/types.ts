/** Names how a {@linkcode Comparator} compares; none means equal. */
export type Operator = undefined | "=" | "!=" | ">" | ">=" | "<" | "<=";

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

/** Holds one comparison; all three numbers are `NaN` in the one that matches any version. */
export interface Comparator extends SemVer {
  /** How to compare. */
  operator?: Operator;
}

/** Holds alternatives, each a list of comparisons that must all hold. */
export type Range = Comparator[][];
