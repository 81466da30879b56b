import assert from "node:assert/strict";
import type { PluginHandle } from "../../src/host/plugin_handle.ts";
import type { PolicyEntry } from "../../src/permissions/policy/policy_schema.ts";
import { done, sallyport } from "../cli/sallyport.ts";
import { assertRejectsWithCode } from "../helpers/assert_code.ts";
import { type HostTest, hostTest } from "../helpers/host.ts";
import { signedExample } from "./kit.ts";

type WordCount = typeof import("../../plugins/word-count/main.ts");

async function load(
  test: HostTest,
  entry: PolicyEntry = {},
): Promise<{ plugin: PluginHandle<WordCount> }> {
  const host = await test.open({ policy: { plugins: { "word-count": entry } } });
  return { plugin: await host.load<WordCount>(await signedExample(test, "word-count")) };
}

for (const [what, options] of [["an empty policy", { policy: {} }], ["no policy", {}]] as const) {
  Deno.test(`word-count loads with ${what}, and gets nothing but its own bundle`, async () => {
    await using test = await hostTest();
    const host = await test.open(options);
    const plugin = await host.load<WordCount>(await signedExample(test, "word-count"));
    assert.deepEqual(plugin.explain(), []);
    assert.deepEqual([...plugin.methods].sort(), ["count", "lines", "words"]);
    assert.deepEqual(await plugin.call("count", { text: "to be" }), {
      words: 2,
      lines: 1,
      characters: 5,
      unique: 2,
    });
  });
}

Deno.test("sallyport run calls word-count with its author's key and nothing else", async () => {
  await using test = await hostTest();
  const dir = await signedExample(test, "word-count");
  const outcome = await sallyport(
    ["run", dir, "--key", test.keys.hex, "--call", "count", "--params", '{"text":"to be"}'],
  );
  assert.deepEqual(JSON.parse(done(outcome)), { words: 2, lines: 1, characters: 5, unique: 2 });
});

Deno.test("count() counts words, lines, characters and different words", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  const text = "To be, or not to be:\nthat is the question.\n";
  assert.deepEqual(await plugin.call("count", { text }), {
    words: 10,
    lines: 2,
    characters: 43,
    unique: 8,
  });
  const { top } = await plugin.call("count", { text, top: 3 });
  assert.deepEqual(top, [
    { word: "be", count: 2 },
    { word: "to", count: 2 },
    { word: "is", count: 1 },
  ]);
  assert.deepEqual(await plugin.call("count", { text: "" }), {
    words: 0,
    lines: 0,
    characters: 0,
    unique: 0,
  });
});

Deno.test("count() follows Unicode: clusters are characters, scripts without spaces have words", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  const cases: [text: string, locale: string, words: number, characters: number][] = [
    ["👨‍👩‍👧‍👦 🇨🇭 👍🏽", "en", 0, 5],
    ["ne\u0301e Née née", "en", 3, 11],
    ["吾輩は猫である。", "ja", 5, 8],
    ["สวัสดีชาวโลก", "th", 3, 10],
    ["l'été, 3.14 et 1,000", "fr", 4, 20],
    ["שלום עולם", "he", 2, 9],
    ["don't e-mail", "en", 3, 12],
  ];
  for (const [text, locale, words, characters] of cases) {
    const counts = await plugin.call("count", { text, locale });
    assert.deepEqual([counts.words, counts.characters], [words, characters], text);
  }
});

Deno.test("count() takes LF, CR LF and CR for one line break each", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  for (
    const [text, lines, characters] of [["a\nb", 2, 3], ["a\r\nb\r\n", 2, 4], [
      "\r\r",
      2,
      2,
    ]] as const
  ) {
    const counts = await plugin.call("count", { text });
    assert.deepEqual([counts.lines, counts.characters], [lines, characters], JSON.stringify(text));
  }
});

Deno.test("count() refuses what is no text, no language and no number, and goes on", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  const wrong = [
    [{ text: 1 }, /text must be a string, got number/],
    [{}, /text must be a string, got undefined/],
    [{ text: "", locale: "not a tag" }, /Invalid language tag/],
    [{ text: "", top: -1 }, /top must be an integer from 0 to 1000, got -1/],
  ] as const;
  for (const [params, pattern] of wrong) {
    await assertRejectsWithCode(plugin.call("count", params as never), "plugin-error", pattern);
  }
  assert.equal((await plugin.call("count", { text: "still here" })).words, 2);
});

Deno.test("lines() streams the counts of each line, and stops when the reader leaves", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  assert.deepEqual(await Array.fromAsync(plugin.stream("lines", { text: "one two\n\nthree" })), [
    { line: 1, words: 2, characters: 7 },
    { line: 2, words: 0, characters: 0 },
    { line: 3, words: 1, characters: 5 },
  ]);
  let seen = 0;
  for await (const { line } of plugin.stream("lines", { text: "word\n".repeat(50_000) })) {
    assert.equal(line, ++seen);
    if (seen === 1_000) break;
  }
  assert.equal((await plugin.call("count", { text: "one" })).words, 1);
});

Deno.test("words() streams the words of a text as they are written", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  const words = await Array.fromAsync(plugin.stream("words", { text: "Ça va?\nOui, 2 fois." }));
  assert.deepEqual(words, ["Ça", "va", "Oui", "2", "fois"]);
});

Deno.test("count() gives up a long text when the caller cancels", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test);
  const controller = new AbortController();
  const text = "so many words here\n".repeat(400_000);
  const counting = plugin.call("count", { text }, { signal: controller.signal });
  controller.abort();
  await assertRejectsWithCode(counting, "cancelled");
  assert.equal((await plugin.call("count", { text: "and yet" })).words, 2);
});

Deno.test("word-count is held to the time that its policy leaves it", async () => {
  await using test = await hostTest();
  const { plugin } = await load(test, { limits: { callTimeoutMs: 150 } });
  const text = "so many words here\n".repeat(300_000);
  await assertRejectsWithCode(plugin.call("count", { text }), "timeout");
  assert.equal(plugin.state, "active");
});
