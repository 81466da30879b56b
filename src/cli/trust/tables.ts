/**
 * Tables of a trust list.
 *
 * @module
 */
import type { Output, Style } from "../terminal/output.ts";
import type { TrustState } from "./states.ts";

const STYLES: Readonly<Record<TrustState, Style>> = {
  valid: "green",
  "not yet": "yellow",
  expired: "red",
  revoked: "red",
  "too old": "red",
};

/** Writes a state in its colour. */
export function stateCell(state: TrustState, output: Output): string {
  return output.style(STYLES[state], state);
}

/** Lays out cells in columns. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, width(cell));
    }
  }
  return rows.map((row) =>
    `  ${row.map((cell, index) => cell + " ".repeat(widths[index]! - width(cell))).join("  ")}`
      .trimEnd()
  );
}

/** Puts a title over lines. */
export function section(title: string, lines: readonly string[], output: Output): string[] {
  return lines.length === 0 ? [] : ["", output.style("bold", title), ...lines];
}

function width(cell: string): number {
  // deno-lint-ignore no-control-regex
  return [...cell.replace(/\u001b\[\d+m/g, "")].length;
}
