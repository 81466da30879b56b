// The findings of `doctor` in lines for people, at most 80 wide but for what is to be copied.
import { escapeText } from "../../errors.ts";
import type { Diagnosis, LayerFinding, LayerStatus } from "../../doctor/types.ts";
import type { Output, Style } from "../terminal/output.ts";
import { hanging } from "../terminal/layout.ts";

const STYLES: Readonly<Record<LayerStatus, Style>> = { ok: "green", warn: "yellow", no: "red" };
const MARK_WIDTH = 4;
const MAX_TEXT = 1_000;

export function doctorLines(diagnosis: Diagnosis, output: Output): string[] {
  return [
    ...tableLines(diagnosis.layers, output),
    "",
    ...verdictLines(diagnosis, output),
    ...remedyLines(diagnosis.layers, output),
  ];
}

function tableLines(layers: readonly LayerFinding[], output: Output): string[] {
  const rows = joined(layers);
  const width = Math.max(...layers.map(({ name }) => name.length));
  return rows.flatMap(({ names, status, detail }) => {
    const [first = "", ...others] = names;
    const mark = output.style(STYLES[status], status.padEnd(MARK_WIDTH));
    const indent = MARK_WIDTH + 2;
    const text = hanging(
      `${mark}  ${first.padEnd(width)}  `,
      indent + width + 2,
      escapeText(detail, MAX_TEXT),
    );
    return [...text, ...others.map((name) => " ".repeat(indent) + name)];
  });
}

/** Puts neighbours with the same finding into one row. */
function joined(layers: readonly LayerFinding[]) {
  const rows: (Pick<LayerFinding, "status" | "detail"> & { names: string[] })[] = [];
  for (const { name, status, detail } of layers) {
    const last = rows.at(-1);
    if (last?.status === status && last.detail === detail && status !== "ok") {
      last.names.push(name);
    } else rows.push({ names: [name], status, detail });
  }
  return rows;
}

function verdictLines({ choice, complete, missing, layers }: Diagnosis, output: Output): string[] {
  const fails = layers.some(({ name, status }) => name === "plugin start" && status === "no");
  const { mode, launcher, require } = choice;
  const under = launcher === undefined
    ? `isolation "${mode}" does not work here: a host with it would not open`
    : mode === "auto"
    ? `isolation "auto" takes ${launcher}`
    : `isolation "${mode}" works here`;
  const answer = require.works
    ? "with require: true a host opens"
    : `with require: true a host would say: ${require.message}`;
  const whole = complete
    ? output.style("green", "plugins run under an operating-system sandbox with every layer")
    : launcher === undefined || fails
    ? output.style("red", "no plugin would run")
    : launcher === "plain"
    ? output.style("red", "plugins would be held by Deno's flags only")
    : undefined;
  return [
    ...[under, answer].flatMap((text) => hanging("", 0, escapeText(text, MAX_TEXT))),
    ...(whole === undefined ? hanging("", 0, `missing: ${missing.join(", ")}`) : [whole]),
  ];
}

function remedyLines(layers: readonly LayerFinding[], output: Output): string[] {
  const open = layers.filter((layer) => layer.remedy !== undefined);
  const groups = Map.groupBy(open, ({ remedy }) => JSON.stringify(remedy));
  return [...groups.values()].flatMap((group, index) => {
    const { what, lines } = group[0]!.remedy!;
    const head = `${index + 1}. `;
    const indent = " ".repeat(head.length);
    const title = hanging(head, head.length, `For ${group.map(({ name }) => name).join(", ")}`);
    return [
      "",
      ...title.map((line) => output.style("bold", line)),
      ...hanging(indent, head.length, escapeText(what, MAX_TEXT)),
      // as it is, to be copied
      ...lines.map((line) => `${indent}  ${escapeText(line, MAX_TEXT)}`.trimEnd()),
    ];
  });
}
