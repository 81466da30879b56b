import assert from "node:assert/strict";
import type { Logger } from "../../src/log.ts";
import { PluginContext } from "../../src/services/context.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { caller } from "./kit.ts";

Deno.test("config returns a plugin its own settings, and own properties only", async () => {
  const config = { notes: { limit: 3, deep: { a: [1] } }, other: { secret: "x" } };
  await using services = new PluginContext({ config });
  const get = (plugin: string, ...args: unknown[]) =>
    services.call(caller(plugin, { request: { config: "read" } }), "config", "get", args);
  assert.deepEqual(await get("notes"), config.notes);
  assert.equal(await get("notes", "limit"), 3);
  assert.equal(await get("notes", "secret"), null);
  for (const key of ["constructor", "__proto__", "toString"]) {
    assert.equal(await get("notes", key), null);
  }
  assert.deepEqual(await get("nobody"), {});
  assert.deepEqual(await get("constructor"), {});
  await assertRejectsWithCode(get("notes", 1), "plugin-error", /key must be a string/);
});

Deno.test("log writes under the plugin's name, escaped, bounded, and at a bounded rate", async () => {
  const lines: { level: string; message: string; fields: unknown }[] = [];
  const take = (level: string) => (message: string, fields?: unknown) =>
    void lines.push({ level, message, fields });
  const logger = {
    debug: take("debug"),
    info: take("info"),
    warn: take("warn"),
    error: take("error"),
  } satisfies Logger;
  await using services = new PluginContext({ logger });
  const who = caller("noisy", { request: { log: "read" } });
  const identity = { plugin: "noisy", version: "1.0.0", bundleHash: "ab" };
  const write = (...args: unknown[]) =>
    services.call({ ...who, bundleHash: "ab" }, "log", "info", args, { traceId: "cd" });
  await write("a\u001b[31m\nb", { n: 1 });
  assert.deepEqual(lines, [{
    level: "info",
    message: "a\\u001b[31m\\nb",
    fields: { ...identity, traceId: "cd", fields: { n: 1 } },
  }]);
  await write("big", { text: "x".repeat(5_000) });
  assert.deepEqual(lines[1]?.fields, {
    ...identity,
    traceId: "cd",
    fields: "(left out: too large)",
  });
  await write("y".repeat(9_000));
  assert.equal(lines[2]?.message.length, 2_001);
  await assertRejectsWithCode(write({ no: "text" }), "plugin-error", /message must be a string/);
  for (let i = 0; i < 1_000; i++) await write(`${i}`);
  const written = lines.length;
  assert.equal(written < 400, true, `${written} lines`);
  await services.release("noisy");
  assert.equal(lines.at(-1)?.level, "warn");
  assert.match(lines.at(-1)?.message ?? "", /^Dropped \d+ log messages of plugin "noisy"$/);
  const last: unknown = lines.at(-1)?.fields;
  assert.deepEqual(last, { ...identity, dropped: (last as { dropped: number }).dropped });
});
