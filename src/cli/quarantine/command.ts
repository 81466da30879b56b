// `sallyport quarantine`: shows and lifts what keeps plugins from being loaded again.
import type { Command } from "commander";
import { PLUGIN_NAME } from "../../bundle/manifest/manifest_schema.ts";
import { commandLine } from "../../command_line.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { Quarantine, type QuarantineEntry } from "../../monitor/violations/quarantine.ts";
import { type CliContext, withProgram } from "../shared/context.ts";
import { withoutSlash } from "../shared/files.ts";
import { shortDate } from "../shared/dates.ts";
import { UsageError } from "../terminal/failure.ts";
import { columns, plural } from "../terminal/layout.ts";
import type { Output } from "../terminal/output.ts";

const HELP = `
DIR is the data folder of a host. Both commands can be used while hosts run: a plugin that was lifted
can be loaded at once.

  sallyport quarantine list data
  sallyport quarantine lift data word-count`;

const HASH_DIGITS = 16;

export function addQuarantine(program: Command, context: CliContext): void {
  const quarantine = program.command("quarantine")
    .description("plugins that are not loaded until you say so: list, lift")
    .addHelpText("after", withProgram(HELP));
  quarantine.command("list")
    .description("show which plugins are in quarantine, since when and why")
    .argument("<dir>", "the data folder of a host")
    .action((dir: string) => list(dir, context));
  quarantine.command("lift")
    .description("let plugins be loaded again")
    .argument("<dir>", "the data folder of a host")
    .argument("<name...>", "the plugins")
    .action((dir: string, names: string[]) => lift(dir, names, context));
}

async function list(dir: string, { output }: CliContext): Promise<void> {
  const quarantine = await openQuarantine(dir);
  const entries = await quarantine.list();
  output.result(
    { dir: quarantine.dir, plugins: entries.map(entryDocument) },
    () =>
      entries.length === 0
        ? ["No plugin is in quarantine"]
        : entries.flatMap((entry) => ["", ...entryLines(entry, output)]).slice(1),
  );
}

async function lift(dir: string, given: string[], { output }: CliContext): Promise<void> {
  const names = [...new Set(given)];
  for (const name of names) {
    if (PLUGIN_NAME.test(name)) continue;
    throw new UsageError(
      `Cannot lift the quarantine of "${name}": it is no name of a plugin`,
      `See which plugins there are: ${commandLine(["quarantine", "list", dir])}`,
    );
  }
  const quarantine = await openQuarantine(dir);
  const missing: string[] = [];
  for (const name of names) if (!await quarantine.find(name)) missing.push(name);
  // all or none, so that a mistyped name does not leave half of it done
  if (missing.length > 0) {
    const listed = missing.map((name) => `"${name}"`).join(", ");
    const are = missing.length === 1 ? "it is" : "they are";
    const message =
      `Cannot lift the quarantine of ${listed}: ${are} not in quarantine, nothing was lifted`;
    throw new SallyportError("bad-state", message, {
      hint: `See which plugins are: ${commandLine(["quarantine", "list", dir])}`,
      details: { plugins: missing },
    });
  }
  const lifted: QuarantineEntry[] = [];
  for (const name of names) {
    const entry = await quarantine.lift(name);
    if (entry !== undefined) lifted.push(entry); // else another command was faster
  }
  output.result(
    { dir: quarantine.dir, lifted: lifted.map(entryDocument) },
    () => names.map((name) => `${output.style("green", "lifted")} ${name}`),
  );
}

async function openQuarantine(dir: string): Promise<Quarantine> {
  const path = withoutSlash(dir);
  // a mistyped folder must not look like one without any plugin in quarantine
  for (const known of ["quarantine", "store"]) {
    if (await Deno.stat(`${path}/${known}`).then((stat) => stat.isDirectory, () => false)) {
      return new Quarantine(path);
    }
  }
  const shown = escapeText(dir, 500);
  const message = `Cannot look into "${shown}": it is no data folder of a host, or may not be read`;
  throw new SallyportError("bad-config", message, {
    hint: "Name the folder that the host was given as dataDir",
  });
}

function entryDocument({ name, path, record, problem }: QuarantineEntry): unknown {
  return { file: path, name, ...record, ...(problem === undefined ? {} : { problem }) };
}

function entryLines({ name, path, record, problem }: QuarantineEntry, output: Output): string[] {
  const title = output.style("bold", name);
  if (record === undefined) {
    const why = `cannot be read: ${escapeText(problem ?? "unknown")}`;
    return [title, ...columns([["file", escapeText(path)], ["problem", output.style("red", why)]])];
  }
  const { version, bundleHash, since, reason, violations } = record;
  const last = violations.at(-1);
  return [
    `${title} ${escapeText(version)}`,
    ...columns([
      ["since", shortDate(since)],
      ["reason", output.style("red", escapeText(reason))],
      ["bundle", `${bundleHash.slice(0, HASH_DIGITS)}…`],
      [
        "last",
        last &&
        `${plural(violations.length, "violation")}, the last at ${shortDate(last.time)}: ` +
          escapeText(`${last.kind}, ${last.severity}: ${last.message}`),
      ],
    ]),
  ];
}
