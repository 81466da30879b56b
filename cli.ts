/**
 * The command line: `sallyport <command>`.
 *
 * Prints for people, or one JSON document with `--json`. Exit codes: 0 done, 1 refused or failed,
 * 2 wrong usage, 130 interrupted.
 *
 * @module
 */
import { main } from "./dist/cli.js";

export * from "./dist/cli.js";

if (import.meta.main) Deno.exit(await main(Deno.args));
