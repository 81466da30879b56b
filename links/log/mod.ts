/**
 * Stands in for `jsr:@std/log` in a checkout: the part that this project calls.
 *
 * @module
 */

export * from "./base_handler.ts";
export * from "./levels.ts";
export * from "./logger.ts";
