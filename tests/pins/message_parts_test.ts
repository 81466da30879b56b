// No code matches the text of a message: errors carry code, reason and details. What a runtime or a library
// tells by nothing but its words is read in the files below, and nowhere else.
import assert from "node:assert/strict";
import { sourceFiles } from "../../scripts/rooms.ts";

const READ_HERE: Readonly<Record<string, string>> = {
  "cli/terminal/failure.ts": "commander's messages, brought into the form of ours",
  "host/calls/denials.ts": "Deno names the permission that it refused in words alone",
  "json/schema_issues.ts": "zod tells a schema's message from its own by nothing but the text",
  "plugin/definition.ts": "Deno puts paths of the host behind the first line",
};
const TEXT = /(?:[mM]essage|String\((?:error|cause|thrown|reason)\))/.source;
const METHODS =
  "match|matchAll|replace|replaceAll|includes|startsWith|endsWith|split|search|indexOf";
const MATCHES = [
  new RegExp(`\\b\\w*\\.?${TEXT}\\)?[?!]?\\.(?:${METHODS})\\(`),
  new RegExp(`\\.(?:test|exec)\\([^()]*${TEXT}`),
  new RegExp(`\\.match\\([^()]*${TEXT}`),
];

Deno.test("no code matches text of a message", async () => {
  const found = new Set<string>();
  for (const file of await sourceFiles()) {
    const text = await Deno.readTextFile(new URL(`../../src/${file}`, import.meta.url));
    if (MATCHES.some((pattern) => pattern.test(text))) found.add(file);
  }
  assert.deepEqual([...found].sort(), Object.keys(READ_HERE));
});

Deno.test("a line that matches text of a message is seen", () => {
  for (
    const line of [
      'if (error.message.includes("x")) throw error;',
      'const why = message.replace(/^C/, "c");',
      "/^Cannot/.test(error.message)",
      "/lock/.exec(String(error))",
      'String(cause).startsWith("x")',
    ]
  ) assert.ok(MATCHES.some((pattern) => pattern.test(line)), line);
});
