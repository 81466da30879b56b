/**
 * Stands in for `jsr:@std/semver` in a checkout: the part that this project calls.
 *
 * @module
 */

export * from "./range.ts";
export * from "./types.ts";
export * from "./version.ts";
