// Figures and texts as short as a table needs them.
import { escapeText } from "../../errors.ts";

const BARS = "▁▂▃▄▅▆▇█";
const UNITS = ["B", "K", "M", "G", "T", "P"];
/** Units of time with their milliseconds. */
const SPANS = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1_000]] as const;

export const UNKNOWN = "-";

export function bytesCell(bytes: number | undefined): string {
  if (bytes === undefined) return UNKNOWN;
  let value = bytes;
  let unit = 0;
  // 999.5 and up would be written with four digits
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1_024;
  const decimals = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(decimals)}${UNITS[unit]}`;
}

export function percentCell(percent: number | undefined): string {
  if (percent === undefined) return UNKNOWN;
  return percent < 99.95 ? percent.toFixed(1) : percent.toFixed(0);
}

export function countCell(value: number | undefined, decimals: boolean = false): string {
  if (value === undefined) return UNKNOWN;
  if (value < 999.5) return value.toFixed(decimals && value < 99.95 && value !== 0 ? 1 : 0);
  for (const [unit, size] of [["k", 1e3], ["M", 1e6], ["G", 1e9]] as const) {
    const scaled = value / size;
    if (scaled < 999.5 || unit === "G") return `${scaled.toFixed(scaled < 9.95 ? 1 : 0)}${unit}`;
  }
  return UNKNOWN;
}

/** Writes a span of time in its two greatest units. */
export function spanCell(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 10_000) return `${Number((span / 1_000).toFixed(1))}s`;
  const index = SPANS.findIndex(([, size]) => span >= size);
  const [unit, size] = SPANS[index]!;
  const [lesser, part] = SPANS[index + 1] ?? ["", Infinity];
  const rest = Math.floor(span % size / part);
  return `${Math.floor(span / size)}${unit}${rest === 0 ? "" : ` ${rest}${lesser}`}`;
}

export function sparkline(values: readonly number[], width: number, most: number): string {
  return values.slice(-width).map((value) => {
    const step = Math.floor(value / most * BARS.length);
    return BARS[Math.max(0, Math.min(BARS.length - 1, step))];
  }).join("");
}

/** Makes text from outside safe, and each of its characters one column wide. */
export function plainText(text: string): string {
  // what is wide, has no width or joins others would move all that stands behind it
  return escapeText(text).replace(
    /[^\u0020-\u007e]/gu,
    (character) =>
      character === "…" ? "..." : `\\u{${character.codePointAt(0)!.toString(16).padStart(4, "0")}}`,
  );
}

export function clip(text: string, width: number): string {
  if (text.length <= width) return text;
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, width - 1).join("")}…`;
}
