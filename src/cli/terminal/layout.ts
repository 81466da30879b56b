// Text in lines, columns and tables.
import { escapeText } from "../../errors.ts";
import type { Output } from "./output.ts";

const TABLE_WIDTH = 80;

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

export function columns(
  rows: readonly (readonly [name: string, value: string | undefined])[],
): string[] {
  const shown = rows.filter((row): row is readonly [string, string] => row[1] !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}

/** Lays out what a plugin asks for or gets, escaped. */
export function askColumns(rows: readonly (readonly [name: string, value: string])[]): string[] {
  if (rows.length === 0) return ["  nothing but its own bundle"];
  return columns(rows.map(([name, value]) => [name, escapeText(value)]));
}

export function plural(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

export function table(rows: readonly (readonly string[])[]): string[] {
  const widthOf = (column: number) => Math.max(...rows.map((row) => shownWidth(row[column] ?? "")));
  const widths = rows[0]?.map((_, column) => widthOf(column)) ?? [];
  const pad = (cell: string, index: number) => cell + " ".repeat(widths[index]! - shownWidth(cell));
  return rows.map((row) => `  ${row.map(pad).join("  ")}`.trimEnd());
}

/** Puts a title over lines, where there are any. */
export function section(title: string, lines: readonly string[], output: Output): string[] {
  return lines.length === 0 ? [] : ["", output.style("bold", title), ...lines];
}

function shownWidth(cell: string): number {
  // deno-lint-ignore no-control-regex
  return [...cell.replace(/\u001b\[\d+m/g, "")].length;
}
