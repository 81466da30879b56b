/**
 * Test kit for plugin authors: signs a copy of a bundle with a throw-away key and loads it in a real
 * host, so that a test goes the way that users go: verified, with its permissions, in its own process.
 *
 * The tests need `deno test -A`, or at least `--allow-read`, `--allow-write` and `--allow-run=deno`.
 *
 * @example A test of the plugin in `plugins/word-count`
 * ```ts
 * import assert from "node:assert/strict";
 * import { loadForTest } from "@sallyport/host/testing";
 *
 * await using loaded = await loadForTest("plugins/word-count");
 * assert.equal(loaded.plugin.state, "active");
 * ```
 *
 * @module
 */
export * from "./dist/testing.js";
