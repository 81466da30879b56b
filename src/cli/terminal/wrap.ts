/**
 * Text in columns that fit a terminal of 80.
 *
 * @module
 */

/** How wide a table may be. */
export const TABLE_WIDTH = 80;

/** Breaks a text into lines at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (let word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length <= width) {
      line += ` ${word}`;
      continue;
    }
    if (line !== "") lines.push(line);
    for (; word.length > width; word = word.slice(width)) lines.push(word.slice(0, width));
    line = word;
  }
  return [...lines, line];
}

/** Writes a text beside a head, and its further lines below its first. */
export function hanging(head: string, headWidth: number, text: string): string[] {
  const [first = "", ...rest] = wrap(text, TABLE_WIDTH - headWidth);
  return [head + first, ...rest.map((line) => " ".repeat(headWidth) + line)];
}
