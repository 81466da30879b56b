/**
 * `sallyport top`: what the plugins of the hosts in a data folder do and use, live.
 *
 * Exit code 0 when it has shown hosts, 1 when none runs there, 130 when a signal ended it.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { escapeText, SallyportError } from "../../errors.ts";
import { type CliContext, withProgram } from "../shared/context.ts";
import { plural } from "../terminal/layout.ts";
import { type TopView, viewHosts } from "./hosts.ts";
import { topDocument, topLines } from "./lines.ts";
import { showLive } from "./live.ts";
import { screenSize } from "./screen.ts";
import { SORT_KEYS, type SortKey } from "./table.ts";

const HELP = `
Only hosts with a dataDir of their own can be seen. On a terminal the table is drawn anew until q or
Ctrl-C is pressed; s changes the order, the arrow keys scroll. Anywhere else, and with --json, it is
printed once. CPU% is of one processor, MEMORY is what is used and the limit, THR counts threads, WAIT
calls without an answer yet, VIOL violations that count now, RST restarts. The highest bar of the
history is the same for all plugins of a host.

  sallyport top --data-dir data
  sallyport top --data-dir data --once --json`;

const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 3_600_000;
const DEFAULT_INTERVAL_MS = 1_000;

interface TopOptions {
  dataDir: string;
  once?: true;
  interval: number;
  sort: SortKey;
}

/** Adds the command. */
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
  const { terminal } = io;
  if (once || output.json || !io.outIsTerminal || terminal === undefined) {
    const width = io.outIsTerminal ? screenSize().columns : Infinity;
    output.result(topDocument(view, sort), () => topLines(view, { sort, width }, output));
    return;
  }
  await showLive({
    io,
    terminal,
    output,
    view: () => viewHosts(dataDir),
    intervalMs: interval,
    sort,
  });
}

function noHost({ dataDir, leftBehind }: TopView): SallyportError {
  const left = leftBehind.length === 0
    ? ""
    : `, only ${plural(leftBehind.length, "run")} left behind by hosts that are gone`;
  return new SallyportError(
    "bad-state",
    `Cannot show plugins of "${escapeText(dataDir, 500)}": no host runs there${left}`,
    {
      hint: "Start a host with this folder as its dataDir, or name another one with --data-dir",
      details: { dataDir, leftBehind },
    },
  );
}

function parseInterval(text: string): number {
  const value = Number(text);
  const fits = value >= MIN_INTERVAL_MS && value <= MAX_INTERVAL_MS;
  if (/^\d{1,7}$/.test(text) && fits) return value;
  throw new InvalidArgumentError(`It must be ${MIN_INTERVAL_MS} to ${MAX_INTERVAL_MS}`);
}
