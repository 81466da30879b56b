// What `sallyport top` shows of a data folder, as lines and as a document.
import { escapeText } from "../../errors.ts";
import type { HostStatus } from "../../host/supervision/status_file.ts";
import { plural } from "../terminal/layout.ts";
import type { Output } from "../terminal/output.ts";
import { clip, countCell, plainText, spanCell } from "./cells.ts";
import { ageOf, type HostView, type TopView } from "./hosts.ts";
import { pluginTable, type SortKey, sortPlugins } from "./table.ts";

export interface TopLayout {
  readonly sort: SortKey;
  /** How wide a line may be; `Infinity` where there is no screen. */
  readonly width: number;
}

export function topDocument(view: TopView, sort: SortKey): Record<string, unknown> {
  return {
    dataDir: view.dataDir,
    time: view.time.toISOString(),
    hosts: view.hosts.map(({ run, file, status, problem }) => ({
      run,
      file,
      ...(status === undefined ? { problem } : {
        ...ageOf(status, view.time),
        status: { ...status, plugins: sortPlugins(status.plugins, sort) },
      }),
    })),
    ...(view.more === 0 ? {} : { more: view.more }),
    leftBehind: view.leftBehind,
  };
}

export function topLines(view: TopView, layout: TopLayout, output: Output): string[] {
  const lines = view.hosts.flatMap((host, index) => [
    ...(index === 0 ? [] : [""]),
    ...hostLines(host, view.time, layout, output),
  ]);
  const dim = (text: string): string => output.style("dim", clip(text, layout.width));
  if (view.more > 0) lines.push("", dim(`${plural(view.more, "more host")} not shown`));
  const { length } = view.leftBehind;
  if (length > 0) {
    const what = length === 1
      ? "1 run of a host that is gone is ignored"
      : `${length} runs of hosts that are gone are ignored`;
    lines.push("", dim(`${what}; the next host that starts here removes what they left`));
  }
  return lines;
}

function hostLines(
  { run, status, problem }: HostView,
  now: Date,
  layout: TopLayout,
  output: Output,
): string[] {
  if (status === undefined) {
    const text = clip(`host ${run}: ${problem ?? "unknown"}`, layout.width);
    return [output.style("yellow", text)];
  }
  const { ageMs, stale } = ageOf(status, now);
  const lines = [clip(headOf(status, ageMs, now), layout.width)];
  if (stale) lines.push(output.style("yellow", clip(staleText(status, ageMs), layout.width)));
  const plugins = sortPlugins(status.plugins, layout.sort);
  if (plugins.length === 0) lines.push("No plugins");
  else lines.push(...pluginTable(plugins, layout.width, output));
  for (const { name, error } of plugins) {
    if (error === undefined) continue;
    const text = `${plainText(name)}: ${error.code}: ${escapeText(error.message)}`;
    lines.push(output.style("red", clip(text, layout.width)));
  }
  if (status.omitted) lines.push(`${plural(status.omitted, "more plugin")} left out`);
  return lines;
}

function headOf(status: HostStatus, ageMs: number, now: Date): string {
  const { host, plugins, intervalMs } = status;
  const up = now.getTime() - new Date(host.startedAt).getTime();
  return [
    `host ${host.pid}`,
    `sallyport ${clip(plainText(host.version), 32)}`,
    `up ${spanCell(up)}`,
    plural(plugins.length, "plugin"),
    `${countCell(plugins.reduce((sum, { calls }) => sum + calls.perSecond, 0), true)} calls/s`,
    `every ${spanCell(intervalMs)}`,
    ...(ageMs >= 0 ? [`${spanCell(Math.floor(ageMs / 1_000) * 1_000)} ago`] : []),
  ].join("  ");
}

function staleText({ intervalMs }: HostStatus, ageMs: number): string {
  return ageMs < 0
    ? `stale: its clock is ${spanCell(-ageMs)} ahead of ours`
    : `stale: nothing new for ${spanCell(ageMs)}, although it samples every ${
      spanCell(intervalMs)
    }`;
}
