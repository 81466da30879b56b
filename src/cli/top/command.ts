// `sallyport top`: what the plugins of the hosts in a data folder do and use, live.
//
// Exit code 0 when it has shown hosts, until a signal ends it; 1 when none runs there.
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { escapeText, SallyportError } from "../../errors.ts";
import { type CliContext, withProgram } from "../shared/context.ts";
import { plural } from "../terminal/layout.ts";
import { listenForInterrupt } from "../terminal/interrupt.ts";
import type { Output } from "../terminal/output.ts";
import { clip } from "./cells.ts";
import { type TopView, viewHosts } from "./hosts.ts";
import { topDocument, topLines } from "./lines.ts";
import { SORT_KEYS, type SortKey } from "./table.ts";

const HELP = `
Only hosts with a dataDir of their own can be seen. On a terminal the table is drawn anew until
Ctrl-C is pressed. Anywhere else, and with --json, it is printed once. CPU% is of one processor,
MEMORY is what is used and the limit, THR counts threads, WAIT calls without an answer yet, VIOL
violations that count now, RST restarts. The highest bar of the history is the same for all plugins
of a host.

  sallyport top --data-dir data
  sallyport top --data-dir data --once --json`;

const CLEAR = "\u001b[2J";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 3_600_000;
const DEFAULT_INTERVAL_MS = 1_000;

interface TopOptions {
  dataDir: string;
  once?: true;
  interval: number;
  sort: SortKey;
}

export function addTop(program: Command, context: CliContext): void {
  program.command("top")
    .description("show what the plugins of running hosts do and use, live")
    .option("--data-dir <dir>", "the folder that hosts have as dataDir", ".")
    .option("--once", "print one table and exit")
    .addOption(
      new Option("--interval <ms>", "how often to look, in milliseconds")
        .argParser(parseInterval).default(DEFAULT_INTERVAL_MS),
    )
    .addOption(new Option("--sort <by>", "what comes first").choices(SORT_KEYS).default("cpu"))
    .addHelpText("after", withProgram(HELP))
    .action((options: TopOptions) => top(options, context));
}

async function top(
  { dataDir, once, interval, sort }: TopOptions,
  { io, output }: CliContext,
): Promise<void> {
  const view = await viewHosts(dataDir);
  if (view.hosts.length === 0) throw noHost(view);
  if (!once && !output.json && io.outIsTerminal) {
    return await follow(view, { interval, sort }, { io, output });
  }
  const width = io.outIsTerminal ? screenSize().columns : Infinity;
  output.result(topDocument(view, sort), () => topLines(view, { sort, width }, output));
}

/** Draws each view over the one before, so that nothing flickers, until a signal comes. */
async function follow(
  first: TopView,
  { interval, sort }: Pick<TopOptions, "interval" | "sort">,
  { io, output }: CliContext,
): Promise<void> {
  using interrupt = listenForInterrupt();
  const { signal } = interrupt;
  io.writeOut(CLEAR);
  for (let view = first; !signal.aborted; view = await viewHosts(first.dataDir)) {
    const frame = frameLines(view, sort, screenSize(), output);
    io.writeOut(HOME + frame.map((line) => `${line}${CLEAR_LINE}\n`).join("") + CLEAR_BELOW);
    await sleep(interval, undefined, { signal }).catch(() => {});
  }
}

/** Lays out a view for a screen: a title, what fits, and how much does not. */
export function frameLines(
  view: TopView,
  sort: SortKey,
  { columns, rows }: { columns: number; rows: number },
  output: Output,
): string[] {
  // a line as wide as the screen would lose its last character to the clearing behind it
  const width = Math.max(1, columns - 1);
  const lines = view.hosts.length > 0
    ? topLines(view, { sort, width }, output)
    : [clip("No host runs here any more; waiting for one", width)];
  const room = Math.max(1, rows - 2); // but for the title, and the line that the cursor is in
  const shown = lines.length <= room ? lines : lines.slice(0, room - 1);
  const clock = view.time.toISOString().slice(11, 19);
  const title = `sallyport top  ${clock}Z  by ${sort}  ${escapeText(view.dataDir, 500)}`;
  const more = lines.length - shown.length;
  return [
    output.style("bold", clip(title, width)),
    ...shown,
    ...(more === 0
      ? []
      : [output.style("dim", clip(`${plural(more, "more line")}: see --once`, width))]),
  ];
}

function screenSize(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    if (columns > 0 && rows > 0) return { columns, rows };
  } catch {
    // no terminal, or one that does not say
  }
  return { columns: 80, rows: 24 };
}

function noHost({ dataDir, leftBehind }: TopView): SallyportError {
  const left = leftBehind.length === 0
    ? ""
    : `, only ${plural(leftBehind.length, "run")} left behind by hosts that are gone`;
  const message = `Cannot show plugins of "${escapeText(dataDir, 500)}": no host runs there${left}`;
  return new SallyportError("bad-state", message, {
    hint: "Start a host with this folder as its dataDir, or name another one with --data-dir",
    details: { dataDir, leftBehind },
  });
}

function parseInterval(text: string): number {
  const value = Number(text);
  const fits = value >= MIN_INTERVAL_MS && value <= MAX_INTERVAL_MS;
  if (/^\d{1,7}$/.test(text) && fits) return value;
  throw new InvalidArgumentError(`It must be ${MIN_INTERVAL_MS} to ${MAX_INTERVAL_MS}`);
}
