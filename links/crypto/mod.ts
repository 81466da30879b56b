/**
 * Stands in for `jsr:@std/crypto` in a checkout: the part that this project calls.
 *
 * @module
 */

export * from "./crypto.ts";
export * from "./timing_safe_equal.ts";
