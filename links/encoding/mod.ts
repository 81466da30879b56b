/**
 * Stands in for `jsr:@std/encoding` in a checkout: the part that this project calls.
 *
 * @module
 */

export * from "./base64.ts";
export * from "./base64url.ts";
export * from "./hex.ts";
