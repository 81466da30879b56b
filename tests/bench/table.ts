/**
 * The figures as a table of at most 100 columns.
 *
 * @module
 */
import type { Figure, Unit } from "./figures.ts";

const FIGURE_COLUMNS = 40;
const SUBJECT_COLUMNS = 22;
const BAR_COLUMNS = 7;

/**
 * Gives the table, with a heading for each bench and each floor.
 *
 * @param figures What was measured.
 */
export function formatTable(figures: readonly Figure[]): string[] {
  const reached = figures.filter((each) => each.reached === true).length;
  const bars = figures.filter((each) => each.reached !== null).length;
  const unknown = figures.filter(({ bar, value }) => bar !== undefined && value === null).length;
  const lines = [line("figure", "subject", "measured", "ratio", "to reach", "")];
  let bench = "";
  let above = "";
  for (const [index, each] of figures.entries()) {
    const { figure, subject, value, ratio, note } = each;
    if (each.bench !== bench) {
      lines.push("", each.bench);
      above = "";
    }
    bench = each.bench;
    const previous = figures[index - 1];
    const heading = floorLine(each);
    if (heading !== undefined && heading !== above) lines.push(heading);
    above = heading ?? above;
    lines.push(
      line(
        `  ${figure}`,
        subject,
        value === null ? "n/a" : formatValue(value, each.unit),
        ratio === null ? "" : formatRatio(ratio),
        formatBar(each),
        each.reached === null ? "" : each.reached ? "✓" : "✗",
      ),
    );
    const told = note !== undefined && !(value === null && previous?.note === note);
    if (told) lines.push(...wrap(note, 94).map((part) => `    (${part})`));
  }
  return [
    ...lines,
    "",
    `${reached} of ${bars} ratios are what they must be; ${unknown} could not be measured`,
  ];
}

/** Gives a value with its unit, to three digits. */
export function formatValue(value: number, unit: Unit): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const text = value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return `${text} ${unit === "intervals" ? "" : unit}`.trim();
}

/** Gives a ratio to three digits, where it has so many. */
export function formatRatio(ratio: number): string {
  return ratio.toFixed(ratio >= 100 ? 0 : ratio >= 10 ? 1 : ratio >= 0.095 ? 2 : 3);
}

function formatBar({ bar }: Figure): string {
  return bar === undefined ? "" : `${bar.is === "most" ? "≤" : "≥"} ${bar.ratio}`;
}

function floorLine({ floor, floorName, unit }: Figure): string | undefined {
  return floor === null ? undefined : `  to ${formatValue(floor, unit)}, ${floorName}:`;
}

function line(
  figure: string,
  subject: string,
  measured: string,
  ratio: string,
  bar: string,
  mark: string,
): string {
  return [
    figure.padEnd(FIGURE_COLUMNS),
    subject.padEnd(SUBJECT_COLUMNS),
    measured.padStart(15),
    ratio.padStart(8),
    bar.padStart(BAR_COLUMNS + 1),
    mark.padStart(2),
  ].join(" ").trimEnd();
}

function wrap(text: string, columns: number): string[] {
  return text.match(new RegExp(`.{1,${columns}}(?: |$)`, "g"))?.map((part) => part.trim()) ?? [];
}
