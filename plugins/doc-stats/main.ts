/**
 * Adds counts to documents on their way through a hook, for the plugins that come after it.
 *
 * @module
 */
import { definePlugin } from "@sallyport/host/plugin";

/** What a document gets as `counts`. */
export interface DocumentCounts {
  /** Words, by Unicode's rules. */
  words: number;
  /** Lines; the end of the last line starts no further one. */
  lines: number;
  /** Characters as people see them; a line break is one. */
  characters: number;
}

export default definePlugin({
  hooks: {
    /** Adds `counts` to a document that has a `text`; leaves any other data as it is. */
    on_document(data: unknown) {
      return hasText(data) ? { ...data, counts: countsOf(data.text) } : undefined;
    },
  },
});

function hasText(data: unknown): data is { text: string } {
  return typeof data === "object" && data !== null && "text" in data &&
    typeof data.text === "string";
}

function countsOf(text: string): DocumentCounts {
  const counts = { words: 0, lines: 0, characters: 0 };
  for (const _ of text.matchAll(/\r\n|\n|\r|[^\r\n]$/g)) counts.lines++;
  for (const { isWordLike } of segments(text, "word")) counts.words += isWordLike ? 1 : 0;
  for (const _ of segments(text, "grapheme")) counts.characters++;
  return counts;
}

function segments(text: string, granularity: "word" | "grapheme"): Intl.Segments {
  return new Intl.Segmenter("en", { granularity }).segment(text);
}
