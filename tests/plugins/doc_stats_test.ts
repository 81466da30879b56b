import assert from "node:assert/strict";
import { Counter, splitLines } from "../../plugins/word-count/main.ts";
import type { PluginHost } from "../../src/host/host.ts";
import type { PluginHandle } from "../../src/host/plugin_handle.ts";
import type { Policy } from "../../src/permissions/policy/policy_schema.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { signedExample } from "./kit.ts";

const GRANTED: Policy = { plugins: { "doc-stats": { grant: { hooks: ["on_document"] } } } };

async function load(
  test: HostTest,
  policy = GRANTED,
): Promise<{ host: PluginHost; plugin: PluginHandle }> {
  const host = await test.open({ policy });
  return { host, plugin: await host.load(await signedExample(test, "doc-stats")) };
}

Deno.test("doc-stats has a hook and nothing else", async () => {
  await using test = await hostTest();
  const { host, plugin } = await load(test);
  const lines = plugin.explain();
  assert.equal(lines.length, 1, lines.join("\n"));
  assert.match(lines[0]!, /^hooks\s+on_document/);
  assert.deepEqual(plugin.methods, []);
  assert.deepEqual(
    host.hooks.list("on_document").map(({ plugin, priority }) => [plugin, priority]),
    [["doc-stats", 200]],
  );
});

Deno.test("doc-stats is refused without a grant, with the line that would grant its hook", async () => {
  await using test = await hostTest();
  const error = await assertRejectsWithCode(
    load(test, {}),
    "permission-denied",
    /hooks? "on_document" is not granted/,
  );
  assert.match(
    error.hint!,
    /"plugins": \{ "doc-stats": \{ "grant": \{ "hooks": \["on_document"\] \} \} \}/,
  );
});

Deno.test("on_document adds counts to what has a text, and leaves the rest as it is", async () => {
  await using test = await hostTest();
  const { host } = await load(test);
  const document: Record<string, unknown> = { path: "a.md", text: "Tea, tea,\ncoffee" };
  assert.deepEqual(await host.hooks.run("on_document", document), {
    path: "a.md",
    text: "Tea, tea,\ncoffee",
    counts: { words: 3, lines: 2, characters: 16 },
  });
  for (const other of [{ path: "a.png" }, null, 7, "text", ["text"], { text: 5 }]) {
    assert.deepEqual(await host.hooks.run("on_document", other as unknown), other);
  }
});

Deno.test("on_document counts as word-count does", async () => {
  await using test = await hostTest();
  const { host } = await load(test);
  const texts = [
    "",
    "\n",
    "a\r\nb\r\n\r\rc",
    "no end 👨‍👩‍👧‍👦",
    "ne\u0301e\n\u0301 1,000.5 __ _\n",
    "don't\te-mail e.g. x\n",
  ];
  for (const text of texts) {
    const counter = new Counter();
    for (const line of splitLines(text)) counter.add(line);
    const { words, lines, characters } = counter.counts();
    const { counts } = await host.hooks.run<{ text: string; counts?: unknown }>("on_document", {
      text,
    });
    assert.deepEqual(counts, { words, lines, characters }, JSON.stringify(text));
  }
});
