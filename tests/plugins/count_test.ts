import assert from "node:assert/strict";
import fc from "fast-check";
import { asciiWords, hasPlainWords } from "../../plugins/word-count/main.ts";
import { Counter, splitLines } from "../../plugins/word-count/main.ts";
import wordCount from "../../plugins/word-count/main.ts";

/** Languages with tailorings of their own, now or once, and one that has none. */
const LOCALES = ["en", "en-US-u-va-posix", "fi", "sv", "el", "he", "tr", "lt", "ja", "th"];

/** ASCII, mostly of what Unicode has a rule for. */
const ascii = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(..."abyzABIZ0189_") },
    { weight: 6, arbitrary: fc.constantFrom(..."'.:,;_-@ ") },
    { weight: 1, arbitrary: fc.constantFrom("\r\n", "\n", "\r", "\t", "\v", "\f", "\0", "\x7f") },
    { weight: 1, arbitrary: fc.nat(127).map((code) => String.fromCharCode(code)) },
  ),
  { maxLength: 24, size: "max" },
).map((parts) => parts.join(""));

function segmenters(locale: string) {
  return {
    words: new Intl.Segmenter(locale, { granularity: "word" }),
    characters: new Intl.Segmenter(locale, { granularity: "grapheme" }),
  };
}

function wordsBy(segmenter: Intl.Segmenter, text: string): string[] {
  return [...segmenter.segment(text)].filter((part) => part.isWordLike).map((part) => part.segment);
}

for (const locale of LOCALES) {
  Deno.test(`asciiWords() gives the words that Intl.Segmenter gives, in ${locale}`, () => {
    const { words } = segmenters(locale);
    let compared = 0;
    fc.assert(
      fc.property(ascii, (text) => {
        if (!hasPlainWords(text)) return;
        compared++;
        assert.deepEqual([...asciiWords(text)], wordsBy(words, text));
      }),
      { numRuns: 10_000 },
    );
    assert.ok(compared > 4_000, `only ${compared} texts went the short way`);
  });
}

Deno.test("Counter counts ASCII as Intl.Segmenter does, and lower-cases by the language", () => {
  const byLocale = new Map(LOCALES.map((locale) => [locale, segmenters(locale)]));
  fc.assert(
    fc.property(ascii, fc.constantFrom(...LOCALES), (text, locale) => {
      const { words, characters } = byLocale.get(locale)!;
      const counter = new Counter({ locale });
      for (const line of splitLines(text)) counter.add(line);
      const expected = wordsBy(words, text);
      assert.deepEqual(counter.counts(), {
        words: expected.length,
        lines: [...splitLines(text)].length,
        characters: [...characters.segment(text)].length,
        unique: new Set(expected.map((word) => word.toLocaleLowerCase(locale))).size,
      });
      assert.deepEqual(
        [...splitLines(text)].flatMap((line) => [...counter.wordsOf(line)]),
        expected,
      );
    }),
    { numRuns: 8_000 },
  );
});

Deno.test("Counter knows what joins and what parts ASCII words", () => {
  const cases: [text: string, words: string[]][] = [
    ["don't 'quoted' rock'n'roll dogs'", ["don't", "quoted", "rock'n'roll", "dogs"]],
    ["1,000.5 1'000 3;4 1. 2, 5:30", ["1,000.5", "1'000", "3;4", "1", "2", "5", "30"]],
    ["snake_case _x x_ __ _ a'_ 1_.2", ["snake_case", "_x", "x_", "__", "a", "1_", "2"]],
    ["a1.2 a.1 1.a x,y e-mail me@home a''b", [
      ..."a1.2 a 1 1 a x y e mail me home a b".split(" "),
    ]],
    ["", []],
  ];
  for (const [text, words] of cases) {
    assert.ok(hasPlainWords(text), text);
    assert.deepEqual([...new Counter().wordsOf(text)], words);
  }
});

Deno.test("Counter leaves what is no ASCII, and what languages differ in, to Intl.Segmenter", () => {
  for (const text of ["é", "a\u0301", "it\u2019s", "e.g.", "a:b", "👍"]) {
    assert.ok(!hasPlainWords(text), text);
    assert.deepEqual([...new Counter().wordsOf(text)], wordsBy(segmenters("en").words, text));
  }
});

Deno.test("Counter lower-cases by the language", () => {
  for (const [locale, unique] of [["en", 1], ["tr", 2], ["az", 2]] as const) {
    const counter = new Counter({ locale, top: 2 });
    counter.add("ISI isi");
    assert.equal(counter.counts().unique, unique, locale);
  }
  const turkish = new Counter({ locale: "tr", top: 1 });
  turkish.add("ILIK");
  assert.deepEqual(turkish.counts().top, [{ word: "ılık", count: 1 }]);
});

/** Tells whether an act uses a function or class that is a property of an object. */
async function uses(owner: object, name: string, act: () => unknown): Promise<boolean> {
  const original = Object.getOwnPropertyDescriptor(owner, name)!;
  let used = false;
  const watched = new Proxy(Reflect.get(owner, name), {
    apply: (target, self, args) => (used = true, Reflect.apply(target, self, args)),
    construct: (target, args) => (used = true, Reflect.construct(target, args)),
  });
  Object.defineProperty(owner, name, { value: watched, configurable: true, writable: true });
  try {
    await act();
  } finally {
    Object.defineProperty(owner, name, original);
  }
  return used;
}

Deno.test("a short ASCII text is counted without what is slow to start: segmenters and timers", async () => {
  const { signal } = new AbortController();
  const count = (text: string) => () => wordCount.methods!.count({ text, top: 5 }, { signal });
  const short = "To be, or not to be:\nthat is the question.\n";
  assert.equal(await uses(Intl, "Segmenter", count(short)), false);
  assert.equal(await uses(globalThis, "setTimeout", count(short)), false);
  assert.equal(await uses(globalThis, "setTimeout", count("word ".repeat(10_000))), false);
  // the controls
  assert.equal(await uses(Intl, "Segmenter", count("né")), true);
  assert.equal(await uses(globalThis, "setTimeout", count("word\n".repeat(20_000))), true);
});

Deno.test("new Counter() refuses what is no language tag, as Intl does", () => {
  assert.throws(() => new Counter({ locale: "not a tag" }), RangeError);
  assert.throws(() => new Counter({ locale: "" }), RangeError);
  new Counter({ locale: "gsw-CH" }).add("control");
});
