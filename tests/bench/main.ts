/**
 * `deno task bench`: what a plugin costs, as ratios to floors measured in the same run.
 *
 * It prints a table, or with `--json` one JSON document; progress goes to stderr.
 *
 * @module
 */
import { BENCHES } from "./benches.ts";
import { drawChart } from "./chart.ts";
import type { Figure } from "./figures.ts";
import { type Options, parseOptions, USAGE } from "./options.ts";
import { formatTable } from "./table.ts";

const encoder = new TextEncoder();
const QUICK = "measured with --quick, which shows that it works: the figures say nothing";

async function main({ json, quick, rounds, only, svg }: Options): Promise<void> {
  const began = performance.now();
  const figures: Figure[] = [];
  for (const [name, bench] of BENCHES) {
    if (!only.has(name)) continue;
    const progress = (text: string) => report(`${name}: ${text}`, began);
    progress("begins");
    figures.push(...await bench({ rounds, quick, progress }));
  }
  const seconds = Math.round((performance.now() - began) / 1_000);
  report("done", began);
  if (svg !== undefined) await writeChart(svg, figures);
  const machine = {
    deno: Deno.version.deno,
    os: Deno.build.os,
    arch: Deno.build.arch,
    processors: navigator.hardwareConcurrency,
  };
  const lines = json
    ? [JSON.stringify({ machine, quick, rounds: rounds ?? null, seconds, figures }, null, 2)]
    : [...formatTable(figures), ...(quick ? ["", QUICK] : [])];
  await writeAll(encoder.encode(`${lines.join("\n")}\n`));
}

/** Writes the chart as `deno fmt` has it, because it is kept in a checkout. */
async function writeChart(path: string, figures: readonly Figure[]): Promise<void> {
  await Deno.writeTextFile(path, drawChart(figures));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", path] }).output();
}

function report(text: string, began: number): void {
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  Deno.stderr.writeSync(encoder.encode(`bench ${seconds.padStart(4)} s  ${text}\n`));
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

function optionsOrExit(): Options {
  if (Deno.args.includes("--help")) {
    Deno.stdout.writeSync(encoder.encode(`${USAGE}\n`));
    return Deno.exit(0);
  }
  try {
    return parseOptions(Deno.args, [...BENCHES.keys()]);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    Deno.stderr.writeSync(encoder.encode(`bench: ${error.message}\n\n${USAGE}\n`));
    return Deno.exit(2);
  }
}

if (import.meta.main) await main(optionsOrExit());
