/**
 * Words of ASCII text without `Intl.Segmenter`, whose first use in a process takes some 10 ms.
 *
 * @module
 */

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
