/**
 * Many plugins at once, and what each takes of memory, against as many hand-written children; of 20
 * also their start, against as many that are started with the same guarantees.
 *
 * @module
 */
import type { PluginHost } from "@sallyport/host";
import { ECHO, openBench } from "./bench_host.ts";
import { timeMs } from "./call_times.mjs";
import { type Figure, figure, type FigureSpec, missing, most } from "./figures.ts";
import { FloorHost } from "./floor_host.ts";
import { GuardedFloor, type GuardedPlugin } from "./guarded_floor.ts";
import { type BenchSettings, interleave, type Measure, median, roundsOf } from "./rounds.ts";

const COUNTS = [1, 10, 20, 50, 100];
/** With this many there is a floor of the same guarantees, too. */
const GUARDED_COUNT = 20;
const DATA = { text: "hello" };
/** An idle process gives back what starting took. */
const SETTLE_MS = 200;

interface Crowd {
  readonly startMs: number;
  /** The median of their private memory, in MiB; absent where it cannot be read. */
  readonly privateMiB: number | undefined;
}

/** Measures how long it takes until all have answered, and their memory when they are idle. */
export async function benchMany(settings: BenchSettings): Promise<Figure[]> {
  const counts = settings.quick ? COUNTS.slice(0, 2) : COUNTS;
  const bundles = Array.from(
    { length: Math.max(...counts) },
    (_, index) => ({ ...ECHO, name: `echo-${index}` }),
  );
  await using bench = await openBench(bundles);
  const settleMs = settings.quick ? 0 : SETTLE_MS;
  const figures: Figure[] = [];
  for (const count of counts) {
    settings.progress(`${count} at once`);
    await using undo = new AsyncDisposableStack();
    const guarded = count === GUARDED_COUNT ? await makeGuarded(count, undo) : [];
    const subjects = new Map<string, Measure<Crowd>>([
      ["floor", () => startFloors(count, settleMs)],
      ["plugin", async () => {
        const { host } = bench;
        const crowd = await startPlugins(host, bench.dirs.slice(0, count), settleMs);
        await host.unloadAll();
        return crowd;
      }],
    ]);
    if (guarded.length > 0) subjects.set("guarded", () => startGuarded(guarded));
    const results = await interleave(
      subjects,
      roundsOf(settings, count > 20 ? 3 : 5),
      // from the third start on, what Deno compiles for a bundle is there; unloading waits for it
      settings.quick ? 0 : 2,
    );
    figures.push(...figuresOf(count, results.get("plugin")!, results.get("floor")!));
    const guards = results.get("guarded");
    if (guards === undefined) continue;
    const floorName = `${count} hand-written, same guarantees, plain`;
    const times = (crowds: readonly Crowd[]) => crowds.map(({ startMs }) => startMs);
    figures.push(
      figure({ ...timeSpec(count), floorName }, times(results.get("plugin")!), times(guards)),
    );
  }
  return figures;
}

function figuresOf(count: number, plugins: readonly Crowd[], floors: readonly Crowd[]): Figure[] {
  const time = timeSpec(count);
  const { bench, subject, floorName: children } = time;
  const common = { bench, subject };
  const memory: FigureSpec = {
    ...common,
    figure: `private memory of one of ${count}`,
    unit: "MiB",
    floorName: count === 1 ? "of an idle one" : `of one of ${children}`,
    bar: count === 20 ? most(1.25) : undefined,
  };
  const privates = [plugins, floors].map((crowds) =>
    crowds.flatMap(({ privateMiB }) => privateMiB ?? [])
  ) as [number[], number[]];
  return [
    figure(time, plugins.map(({ startMs }) => startMs), floors.map(({ startMs }) => startMs)),
    privates.some((values) => values.length < plugins.length)
      ? missing(memory, "the system does not tell private memory")
      : figure(memory, ...privates),
  ];
}

function timeSpec(count: number): FigureSpec {
  return {
    bench: "many",
    subject: "plain",
    figure: `${count} at once, until all have answered`,
    unit: "ms",
    floorName: count === 1 ? "one hand-written child" : `${count} hand-written children`,
    bar: count === GUARDED_COUNT ? most(1.4) : undefined,
  };
}

async function makeGuarded(count: number, undo: AsyncDisposableStack): Promise<GuardedFloor[]> {
  const floors: GuardedFloor[] = [];
  for (let n = 0; n < count; n++) {
    // one bundle is not another
    const plugin: GuardedPlugin = {
      source: `// ${n}\n${ECHO.source}`,
      method: "echo",
      params: DATA,
    };
    floors.push(undo.use(await GuardedFloor.make("plain", plugin)));
  }
  return floors;
}

async function startGuarded(floors: readonly GuardedFloor[]): Promise<Crowd> {
  await using undo = new AsyncDisposableStack();
  // all of them settle before any is ended
  const startMs = await timeMs(async () => {
    const starts = await Promise.allSettled(floors.map((floor) => floor.start()));
    for (const start of starts) if (start.status === "fulfilled") undo.use(start.value);
    for (const start of starts) if (start.status === "rejected") throw start.reason;
  });
  return { startMs, privateMiB: undefined };
}

async function startFloors(count: number, settleMs: number): Promise<Crowd> {
  await using undo = new AsyncDisposableStack();
  const pids: number[] = [];
  const startMs = await timeMs(() =>
    Promise.all(Array.from({ length: count }, async () => {
      const floor = undo.use(new FloorHost());
      pids.push(floor.pid);
      await floor.call(DATA);
    }))
  );
  return { startMs, privateMiB: await privateMemory(pids, settleMs) };
}

async function startPlugins(
  host: PluginHost,
  dirs: readonly string[],
  settleMs: number,
): Promise<Crowd> {
  const pids: number[] = [];
  const startMs = await timeMs(() =>
    Promise.all(dirs.map(async (dir) => {
      const plugin = await host.load(dir);
      await plugin.call("echo", DATA);
      pids.push(plugin.pid!);
    }))
  );
  return { startMs, privateMiB: await privateMemory(pids, settleMs) };
}

/** What processes have for themselves alone: the rest is shared by all that run the same runtime. */
async function privateMemory(
  pids: readonly number[],
  settleMs: number,
): Promise<number | undefined> {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const found: number[] = [];
  for (const pid of pids) {
    const text = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`).catch(() => undefined);
    if (text === undefined) return undefined;
    let kib = 0;
    for (const [, size] of text.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB$/gm)) {
      kib += Number(size);
    }
    found.push(kib / 1_024);
  }
  return median(found);
}
