/**
 * Counts words, lines and characters. Needs no permission: it sees only the text that it is given.
 *
 * @module
 */
import { definePlugin } from "@sallyport/host/plugin";
import { Counter, type CountOptions, type Counts, type LineCounts, splitLines } from "./count.ts";

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
