/**
 * The chart of Sallyport and its peers, as SVG.
 *
 * @module
 */
import type { Figure } from "./figures.ts";
import { formatRatio, formatValue } from "./table.ts";

const WIDTH = 760;
const PLOT_LEFT = 200;
const PLOT_RIGHT = 560;
const RATIO_RIGHT = 626;
const ROW = 24;
const BAR_HEIGHT = 14;
const TITLE = 50;
const PANEL_GAP = 26;
const CUT_BEYOND = 4;

/** One panel: a figure whose ratios are drawn to one scale. */
interface Panel {
  readonly title: string;
  readonly floorName: string;
  readonly better: "lower" | "higher";
  readonly rows: readonly Figure[];
}

const PANELS: readonly (Pick<Panel, "title" | "better"> & { readonly figure: RegExp })[] = [
  { title: "Round trip", better: "lower", figure: /^round trip/ },
  { title: "Calls a second, 1,000 in flight", better: "higher", figure: /^throughput/ },
  { title: "16 MiB of bytes there and back", better: "lower", figure: /binary echo$/ },
  { title: "Start to first answer", better: "lower", figure: /^start/ },
];

const STYLE = `
  text { font: 13px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 14px; }
  .dim { fill: #59636e; font-size: 12px; }
  .back { fill: #ffffff; }
  .ours { fill: #0a7d6c; }
  .peer { fill: #a3acb6; }
  .floor { stroke: #59636e; stroke-width: 1; stroke-dasharray: 3 3; }
  .bar { stroke: #cf222e; stroke-width: 2; }
  .cut { stroke: #ffffff; stroke-width: 4; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .dim { fill: #9198a1; }
    .back { fill: #0d1117; }
    .ours { fill: #2bb39c; }
    .peer { fill: #59636e; }
    .floor { stroke: #9198a1; }
    .cut { stroke: #0d1117; }
    .bar { stroke: #ff7b72; }
  }`;

/**
 * Draws a panel for each figure of the bench `peers`.
 *
 * @param figures What was measured, of all benches.
 * @returns The document.
 */
export function drawChart(figures: readonly Figure[]): string {
  const parts: string[] = [];
  let y = 16;
  for (const panel of panelsOf(figures)) {
    parts.push(drawPanel(panel, y));
    y += TITLE + panel.rows.length * ROW + PANEL_GAP;
  }
  const legend = [
    "Dashed: the floor, 1. Red: what Sallyport must reach.",
    "Only Sallyport verifies and contains what it runs; a Worker is not even another process.",
  ];
  const height = y + legend.length * 18;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img"
  aria-label="Sallyport and its peers, as ratios to a floor measured in the same run">
<style>${STYLE}
</style>
<rect class="back" width="${WIDTH}" height="${height}" rx="6"/>
${parts.join("\n")}
${
    legend.map((text, index) => `<text class="dim" x="16" y="${y + index * 18}">${text}</text>`)
      .join("\n")
  }
</svg>
`;
}

function panelsOf(figures: readonly Figure[]): Panel[] {
  return PANELS.flatMap(({ title, better, figure }) => {
    const named = figures.filter((each) => each.bench === "peers" && figure.test(each.figure));
    // "so many times as much as a peer" is no ratio to the floor
    const rows = named.filter(({ value, floorName }) =>
      value !== null && floorName === named[0]?.floorName
    );
    return rows.length === 0 ? [] : [{ title, better, floorName: rows[0]!.floorName, rows }];
  });
}

function drawPanel({ title, better, floorName, rows }: Panel, top: number): string {
  const limit = scaleOf(rows);
  const x = (ratio: number) =>
    round(PLOT_LEFT + Math.min(1, ratio / limit) * (PLOT_RIGHT - PLOT_LEFT));
  const bottom = top + TITLE - 8 + rows.length * ROW;
  const floor = `${floorName} (${formatValue(rows[0]!.floor!, rows[0]!.unit)})`;
  return [
    `<text class="title" x="16" y="${top + 14}">${escape(title)}</text>`,
    `<text class="dim" x="16" y="${top + 32}">${
      escape(`as a multiple of: ${floor}; ${better} is better`)
    }</text>`,
    ...rows.map((row, index) => drawRow(row, top + TITLE - 6 + index * ROW, x)),
    `<line class="floor" x1="${x(1)}" x2="${x(1)}" y1="${top + TITLE - 10}" y2="${bottom}"/>`,
  ].join("\n");
}

/** Where the plot ends: one that is far beyond all others is cut off. */
function scaleOf(rows: readonly Figure[]): number {
  const [first = 1, second = 1] = rows.map(({ ratio }) => ratio!).sort((a, b) => b - a);
  return first > CUT_BEYOND * Math.max(1, second) ? Math.max(1, second) * 1.5 : Math.max(1, first);
}

function drawRow(row: Figure, y: number, x: (ratio: number) => number): string {
  const { subject, ratio, value, unit, bar } = row;
  const ours = subject.startsWith("Sallyport");
  const text = y + BAR_HEIGHT - 2;
  return [
    `<text x="16" y="${text}">${escape(subject)}</text>`,
    `<rect class="${ours ? "ours" : "peer"}" x="${PLOT_LEFT}" y="${y}" width="${
      round(Math.max(1, x(ratio!) - PLOT_LEFT))
    }" height="${BAR_HEIGHT}" rx="2"/>`,
    ...(bar === undefined ? [] : [
      `<line class="bar" x1="${x(bar.ratio)}" x2="${x(bar.ratio)}" y1="${y - 3}" y2="${
        y + BAR_HEIGHT + 3
      }"/>`,
    ]),
    ...(x(ratio!) < PLOT_RIGHT || x(ratio! / 1.01) < PLOT_RIGHT ? [] : [
      `<path class="cut" d="M${PLOT_RIGHT - 30} ${y + BAR_HEIGHT + 2}l8 -${BAR_HEIGHT + 4}"/>`,
    ]),
    `<text x="${RATIO_RIGHT}" y="${text}" text-anchor="end">${formatRatio(ratio!)} ×</text>`,
    `<text class="dim" x="${WIDTH - 16}" y="${text}" text-anchor="end">${
      formatValue(value!, unit)
    }</text>`,
  ].join("\n");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
