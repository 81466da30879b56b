// The table of plugins that `sallyport top` shows.
import type { PluginStatus } from "../../host/supervision/status_file.ts";
import type { PluginState } from "../../host/events/plugin_state.ts";
import type { Output, Style } from "../terminal/output.ts";
import { bytesCell, clip, countCell, percentCell, plainText, sparkline, UNKNOWN } from "./cells.ts";

export type SortKey = "cpu" | "memory" | "name" | "calls";

export const SORT_KEYS: readonly SortKey[] = Object.freeze(["cpu", "memory", "calls", "name"]);

interface Column {
  readonly title: string;
  /** Where there is no room, the column with the least is left out first. */
  readonly keep: number;
  readonly left?: true;
  /** How wide it is at least, so that columns do not jump as figures grow and shrink. */
  readonly width?: number;
  cell(plugin: PluginStatus): string;
  style?(plugin: PluginStatus): Style | undefined;
}

const STATE_STYLES: Readonly<Record<PluginState, Style>> = {
  available: "dim",
  untrusted: "red",
  starting: "yellow",
  active: "green",
  draining: "yellow",
  inactive: "dim",
  failed: "red",
  quarantined: "red",
};

const NAME: Column = { title: "PLUGIN", keep: 99, left: true, cell: ({ name }) => plainText(name) };

const MIN_HISTORY = 8;
/** Gets the width that the other columns leave. */
const HISTORY: Column = { title: "HISTORY", keep: 4, width: MIN_HISTORY, cell: () => "" };

const COLUMNS: readonly Column[] = [
  {
    title: "VERSION",
    keep: 1,
    left: true,
    cell: ({ version }) => version === undefined ? UNKNOWN : clip(plainText(version), 16),
  },
  {
    title: "STATE",
    keep: 10,
    left: true,
    cell: ({ state }) => state,
    style: ({ state }) => STATE_STYLES[state],
  },
  {
    title: "CPU%",
    keep: 9,
    cell: ({ sample }) => percentCell(sample?.cpuPercent),
    style: ({ sample }) => (sample?.cpuPercent ?? 0) >= 80 ? "yellow" : undefined,
  },
  { title: "MEMORY", keep: 8, width: 9, cell: memoryCell, style: memoryStyle },
  { title: "THR", keep: 3, cell: ({ sample }) => countCell(sample?.threads) },
  { title: "CALLS/S", keep: 7, cell: ({ calls }) => countCell(calls.perSecond, true) },
  { title: "WAIT", keep: 5, cell: ({ calls }) => countCell(calls.inFlight) },
  {
    title: "VIOL",
    keep: 6,
    cell: ({ violations }) => countCell(violations),
    style: ({ violations }) => violations > 0 ? "yellow" : undefined,
  },
  {
    title: "RST",
    keep: 2,
    cell: ({ restarts }) => countCell(restarts),
    style: ({ restarts }) => restarts > 0 ? "yellow" : undefined,
  },
  HISTORY,
];

const GAP = 2;
const MAX_HISTORY = 60;
/** A history as wide as this fits into a line of a log as well. */
const PRINTED_HISTORY = 30;
/** So much of a name is kept before columns are left out. */
const KEPT_NAME = 16;
const LEAST_SCALE = 10;

/** Sorts plugins; the greatest first, and those of which the figure is not known last. */
export function sortPlugins(plugins: readonly PluginStatus[], by: SortKey): PluginStatus[] {
  const figure = ({ sample, calls }: PluginStatus): number => {
    if (by === "cpu") return sample?.cpuPercent ?? -1;
    if (by === "memory") return sample?.memoryBytes ?? -1;
    return by === "calls" ? calls.perSecond : 0;
  };
  return [...plugins].sort((a, b) =>
    figure(b) - figure(a) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  );
}

/** Lays out a table; columns that matter least are left out where there is no room for them. */
export function pluginTable(
  plugins: readonly PluginStatus[],
  width: number,
  output: Output,
): string[] {
  const widthOf = (column: Column) =>
    plugins.reduce(
      (width, plugin) => Math.max(width, column.cell(plugin).length),
      Math.max(column.title.length, column.width ?? 0),
    );
  const nameWidth = widthOf(NAME);
  let left = width - Math.min(nameWidth, KEPT_NAME);
  const kept = new Map<Column, number>();
  for (const column of COLUMNS.toSorted((a, b) => b.keep - a.keep)) {
    const needed = GAP + widthOf(column);
    if (needed > left) break;
    left -= needed;
    kept.set(column, needed - GAP);
  }
  const withHistory = kept.delete(HISTORY);
  const nameRoom = Math.max(1, Math.min(nameWidth, KEPT_NAME + left));
  left -= nameRoom - Math.min(nameWidth, KEPT_NAME);
  const bars = Number.isFinite(width) ? Math.min(MAX_HISTORY, left + MIN_HISTORY) : PRINTED_HISTORY;
  const most = Math.max(LEAST_SCALE, ...plugins.flatMap(({ history = [] }) => history));
  const longest = Math.min(bars, Math.max(0, ...plugins.map(({ history = [] }) => history.length)));
  const shown = COLUMNS.filter((column) => kept.has(column));
  const gap = " ".repeat(GAP);
  const line = (name: string, cells: readonly string[], history: string) =>
    [clip(name, nameRoom).padEnd(nameRoom), ...cells, ...(withHistory ? [history] : [])]
      .join(gap).trimEnd();
  const pad = (text: string, column: Column) =>
    column.left ? text.padEnd(kept.get(column)!) : text.padStart(kept.get(column)!);
  return [
    output.style("bold", line(NAME.title, shown.map((each) => pad(each.title, each)), "HISTORY")),
    ...plugins.map((plugin) =>
      line(
        NAME.cell(plugin),
        shown.map((column) => {
          const text = pad(column.cell(plugin), column);
          const style = column.style?.(plugin);
          return style === undefined ? text : output.style(style, text);
        }),
        // the present is at the right for all of them
        sparkline(plugin.history ?? [], bars, most).padStart(longest),
      )
    ),
  ];
}

function memoryCell({ sample, memoryLimitBytes }: PluginStatus): string {
  const used = bytesCell(sample?.memoryBytes);
  if (memoryLimitBytes === undefined || sample?.memoryBytes === undefined) return used;
  return `${used}/${bytesCell(memoryLimitBytes)}`;
}

function memoryStyle({ sample, memoryLimitBytes }: PluginStatus): Style | undefined {
  if (sample?.memoryBytes === undefined || !memoryLimitBytes) return undefined;
  const share = sample.memoryBytes / memoryLimitBytes;
  return share >= 0.9 ? "red" : share >= 0.75 ? "yellow" : undefined;
}
