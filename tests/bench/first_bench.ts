/**
 * The first answer: a fresh process of an application, from its start until a plugin has answered, against
 * a hand-written host and child of the same job, and beside its peers; all as whole processes.
 *
 * @module
 */
import { ECHO, signBundles } from "./bench_host.ts";
import {
  type Bar,
  type Figure,
  figure,
  figureOf,
  type FigureSpec,
  missing,
  most,
} from "./figures.ts";
import { type BenchIsolation, workingModes } from "./isolation.ts";
import { denoArgs } from "./peers/packages.ts";
import { type BenchSettings, interleave, type Measure, median, roundsOf } from "./rounds.ts";
import { runWhole, type WholeRun } from "./whole_process.ts";

const USED_BARS = { plain: most(2.5), unshare: most(4), bwrap: most(3.5) };
const CLOSE_MS = 10;
const MANY = 5;
const PEERS = [["vscode-jsonrpc", "jsonrpc.ts"], ["MCP SDK, stdio", "mcp.ts"]] as const;
const BARE = "hand-written host and child";
const ROOT = new URL("../../", import.meta.url).pathname;
const APPS = new URL("first/", import.meta.url).pathname;
const CONFIG = ["run", "-A", `--config=${ROOT}deno.json`];

/** Measures fresh processes in each isolation, with a data folder that is empty and one that is not. */
export async function benchFirst(settings: BenchSettings): Promise<Figure[]> {
  await using undo = new AsyncDisposableStack();
  const dir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  undo.defer(() => Deno.remove(dir, { recursive: true }));
  const bundles = Array.from({ length: MANY }, (_, n) => ({ ...ECHO, name: `echo-${n}` }));
  const { dirs, publicKey: key } = await signBundles(bundles, undo);
  await Deno.writeTextFile(`${dir}/empty.ts`, "");
  const modes = settings.quick ? ["plain" as const] : await workingModes();
  const best = modes.at(-1)!;
  const deno = (...args: string[]) => () => runWhole(Deno.execPath(), args);
  const app = (data: string, mode: BenchIsolation, count = 1) =>
    deno(...CONFIG, `${APPS}app.ts`, data, mode, key, ...dirs.slice(0, count));
  const bare = (count: number) => deno("run", "-A", "--no-config", `${APPS}bare.ts`, String(count));
  const subjects = new Map<string, Measure<WholeRun>>([
    ["bare", bare(1)],
    ["bare, five", bare(MANY)],
    ["empty", deno("run", "-A", "--no-config", `${dir}/empty.ts`)],
    ["import", deno(...CONFIG, `${APPS}import.ts`)],
    ["five", app(`${dir}/five`, best, MANY)],
    [
      "command",
      deno(
        ...[...CONFIG, `${ROOT}cli.ts`, "run", "--key", key, "--isolation", best],
        ...["--data-dir", `${dir}/command`, "--call", "echo", "--params", "{}", dirs[0]!],
      ),
    ],
  ]);
  let runs = 0;
  for (const mode of modes) {
    subjects.set(`${mode}, used`, app(`${dir}/used-${mode}`, mode));
    subjects.set(`${mode}, empty`, () => app(`${dir}/fresh-${runs++}`, mode)());
  }
  const failed = new Map<string, string>();
  for (const [name, script] of PEERS) {
    if (settings.quick) {
      failed.set(name, "left out by --quick");
      continue;
    }
    try {
      await deno(...denoArgs(script))();
      subjects.set(name, deno(...denoArgs(script)));
    } catch (error) {
      failed.set(name, String(error).slice(0, 200));
    }
  }
  const results = await interleave(subjects, roundsOf(settings, 15), settings.quick ? 0 : 2);
  const firsts = (name: string) => results.get(name)!.map(({ firstMs }) => firstMs);
  const spec = (name: string, subject: string, bar?: Bar, floorName = BARE): FigureSpec => ({
    ...{ bench: "first", figure: name, subject, unit: "ms", floorName },
    bar,
  });
  const bares = firsts("bare");
  const answers = modes.flatMap((mode) => [
    figure(spec("first answer", `${mode}, used`, USED_BARS[mode]), firsts(`${mode}, used`), bares),
    figure(
      spec("first answer", `${mode}, empty`, mode === "bwrap" ? most(5) : undefined),
      firsts(`${mode}, empty`),
      bares,
    ),
  ]);
  const peers = PEERS.map(([name]) => {
    const reason = failed.get(name);
    const whole = spec("first answer", name);
    return reason === undefined ? figure(whole, firsts(name), bares) : missing(whole, reason);
  });
  const outdone = PEERS.map(([name]) => {
    const whole = spec("first answer", `${best}, used`, most(1), name);
    return failed.has(name)
      ? missing(whole, "the peer was not measured")
      : figure(whole, firsts(`${best}, used`), firsts(name));
  });
  const processor = modes.flatMap((mode) =>
    ["used", "empty"].map((data) => {
      const whole = spec("processor time, whole tree", `${mode}, ${data}`);
      const [values, floors] = [`${mode}, ${data}`, "bare"].map((name) =>
        results.get(name)!.flatMap(({ cpuMs }) => cpuMs ?? [])
      ) as [number[], number[]];
      if (floors.length < bares.length) return missing(whole, "the system does not tell it");
      // of one round it is known to 10 ms only
      return figureOf(whole, mean(values), mean(floors), mean(values) / mean(floors));
    })
  );
  const told = (name: string, line: number, field: string) =>
    results.get(name)!.map(({ lines }) => JSON.parse(lines[line]!)[field] as number);
  const closeMs = median(told(`${best}, used`, 1, "closeMs"));
  const wholes = (name: string) => results.get(name)!.map(({ wholeMs }) => wholeMs);
  return [
    ...answers,
    ...peers,
    ...outdone,
    ...processor,
    figure(
      spec("five at once, until all have answered", best, most(3), `${MANY} hand-written children`),
      firsts("five"),
      firsts("bare, five"),
    ),
    figure(spec("sallyport run, whole command", best, most(5)), wholes("command"), wholes("bare")),
    figure(
      spec("import of mod.ts", "host", most(3), "deno run of an empty file"),
      wholes("import"),
      wholes("empty"),
    ),
    figure(
      { ...spec("the host's memory at the answer", best, most(1.6)), unit: "MiB" },
      told(`${best}, used`, 0, "rssMiB"),
      told("bare", 0, "rssMiB"),
    ),
    figureOf(
      spec("close with one idle plugin", best, most(1), "the most that it may take"),
      closeMs,
      CLOSE_MS,
      closeMs / CLOSE_MS,
    ),
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
