/**
 * Counts words, lines and characters by Unicode's rules (UAX #29), as `Intl.Segmenter` has them. Needs
 * no permission: it sees only the text that it is given. One file, because every module costs a start
 * of the plugin a little.
 *
 * @module
 */
import { definePlugin } from "@sallyport/host/plugin";

/** A text to count, with how. */
export interface CountParams extends CountOptions {
  /** The text. */
  text: string;
}

/** How many characters of text to work through before looking whether the caller still waits. */
const BREATH = 65_536;

async function count(params: CountParams, call: { signal: AbortSignal }): Promise<Counts> {
  const counter = new Counter(params);
  for await (const line of unhurried(textOf(params), call.signal)) counter.add(line);
  return counter.counts();
}

/** Gives the lines of a text, and now and then lets a cancellation in. */
async function* unhurried(text: string, signal: AbortSignal): AsyncGenerator<string> {
  let sinceBreath = 0;
  for (const line of splitLines(text)) {
    sinceBreath += line.length;
    if (sinceBreath > BREATH) {
      sinceBreath = 0;
      // only here: the first timer of a process costs several ms, which a short text can do without
      await new Promise((done) => setTimeout(done));
      signal.throwIfAborted();
    }
    yield line;
  }
}

function textOf({ text }: CountParams): string {
  if (typeof text !== "string") throw new TypeError(`text must be a string, got ${typeof text}`);
  return text;
}

export default definePlugin({
  methods: {
    /** Counts a whole text. */
    count,

    /** Streams the counts of each line. */
    async *lines(params: CountParams, call): AsyncGenerator<LineCounts> {
      const counter = new Counter(params);
      for await (const line of unhurried(textOf(params), call.signal)) yield counter.add(line);
    },

    /** Streams the words of a text in order, as they are written. */
    async *words(params: CountParams, call): AsyncGenerator<string> {
      const counter = new Counter(params);
      for await (const line of unhurried(textOf(params), call.signal)) {
        yield* counter.wordsOf(line);
      }
    },
  },
});

/** Chooses what to count, and how. */
export interface CountOptions {
  /**
   * The language of the text, as a BCP 47 tag: it decides where words end in some scripts.
   *
   * @default {"en"}
   */
  locale?: string;
  /**
   * How many of the most frequent words to list; 0 to 1000.
   *
   * @default {0}
   */
  top?: number;
}

/** Holds the counts of one text. */
export interface Counts {
  /** Words; numbers are words, punctuation is not. */
  words: number;
  /** Lines; the end of the last line starts no further one. */
  lines: number;
  /** Characters as people see them: a flag, or a letter with its accents, is one. */
  characters: number;
  /** Different words, without regard to case. */
  unique: number;
  /** The most frequent words in lower case, then by alphabet; where `top` asks for any. */
  top?: { word: string; count: number }[];
}

/** Holds the counts of one line. */
export interface LineCounts {
  /** The number of the line, from 1. */
  line: number;
  /** Its words. */
  words: number;
  /** Its characters without the line break. */
  characters: number;
}

const MAX_TOP = 1_000;

/** Adds up counts line by line, so that a long text never has to be segmented as a whole. */
export class Counter {
  // both are made when a text first needs them
  #words: Intl.Segmenter | undefined;
  #characters: Intl.Segmenter | undefined;
  readonly #locale: string;
  readonly #top: number;
  readonly #seen = new Map<string, number>();
  #totals = { words: 0, lines: 0, characters: 0 };

  /**
   * Makes a counter at zero.
   *
   * @param options Language, and how many frequent words to list.
   * @throws {RangeError} when the language is no BCP 47 tag, or `top` is out of range.
   */
  constructor(options: CountOptions = {}) {
    const { locale = "en", top = 0 } = options;
    if (!Number.isInteger(top) || top < 0 || top > MAX_TOP) {
      throw new RangeError(`top must be an integer from 0 to ${MAX_TOP}, got ${top}`);
    }
    Intl.getCanonicalLocales(locale); // throws
    this.#locale = locale;
    this.#top = top;
  }

  /**
   * Counts one line.
   *
   * @param line The line with its line break; neither a word nor a character goes across one.
   * @returns What the line has.
   */
  add(line: string): LineCounts {
    const text = line.replace(/(?:\r\n|\n|\r)$/, "");
    let words = 0;
    for (const word of this.wordsOf(text)) {
      words++;
      const key = word.toLocaleLowerCase(this.#locale);
      this.#seen.set(key, (this.#seen.get(key) ?? 0) + 1);
    }
    const characters = this.#charactersIn(text);
    this.#totals.lines++;
    this.#totals.words += words;
    this.#totals.characters += characters + (text.length < line.length ? 1 : 0);
    return { line: this.#totals.lines, words, characters };
  }

  /**
   * Gives the words of a text in order.
   *
   * @param text The text.
   */
  *wordsOf(text: string): Generator<string> {
    if (hasPlainWords(text)) return yield* asciiWords(text);
    this.#words ??= new Intl.Segmenter(this.#locale, { granularity: "word" });
    for (const { segment, isWordLike } of this.#words.segment(text)) {
      if (isWordLike) yield segment;
    }
  }

  /** Counts the characters of a text without line breaks. */
  #charactersIn(text: string): number {
    if (isAscii(text)) return text.length;
    this.#characters ??= new Intl.Segmenter(this.#locale, { granularity: "grapheme" });
    let characters = 0;
    for (const _ of this.#characters.segment(text)) characters++;
    return characters;
  }

  /** Gives the counts of all lines so far. */
  counts(): Counts {
    const counts: Counts = { ...this.#totals, unique: this.#seen.size };
    if (this.#top > 0) {
      counts.top = [...this.#seen]
        .map(([word, count]) => ({ word, count }))
        .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1))
        .slice(0, this.#top);
    }
    return counts;
  }
}

/**
 * Splits a text into lines, each with its line break: LF, CR LF or CR.
 *
 * @param text The text.
 */
export function* splitLines(text: string): Generator<string> {
  const breaks = /\r\n|\n|\r/g;
  let start = 0;
  while (breaks.exec(text) !== null) {
    yield text.slice(start, breaks.lastIndex);
    start = breaks.lastIndex;
  }
  if (start < text.length) yield text.slice(start);
}

// deno-lint-ignore no-control-regex -- ASCII has control characters too
const ASCII = /^[\x00-\x7f]*$/;

/** Whether these join letters, as in `e.g`, differs between languages and versions of Unicode. */
const DISPUTED = /[A-Za-z][.:][A-Za-z]/;

/** Joins letters by `'` (UAX #29, WB6 and WB7) and digits by `'` `.` `,` `;` (WB11 and WB12). */
const WORD = /\w+(?:(?:(?<=[A-Za-z])'(?=[A-Za-z])|(?<=\d)['.,;](?=\d))\w+)*/g;

/**
 * Tells whether a text is ASCII; each of its characters is then one unit, but for CR LF.
 *
 * @param text The text.
 */
export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/**
 * Tells whether {@linkcode asciiWords} finds the words of a text in any language.
 *
 * @param text The text.
 */
export function hasPlainWords(text: string): boolean {
  return isAscii(text) && !DISPUTED.test(text);
}

/**
 * Gives the words of a text in order, as `Intl.Segmenter` would.
 *
 * @param text The text; {@linkcode hasPlainWords} is true of it.
 */
export function* asciiWords(text: string): Generator<string> {
  for (const [word] of text.matchAll(WORD)) {
    if (word !== "_") yield word; // to Unicode, one alone is punctuation and more are a word
  }
}
