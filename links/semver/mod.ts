/**
 * Stands in for `jsr:@std/semver` in a checkout: the part that this project calls.
 *
 * @module
 */

export * from "./types.ts";
export * from "./version.ts";
