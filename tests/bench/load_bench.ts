/**
 * Cold and warm load of a plugin, from its folder to the first answered call, against `deno run` on an
 * empty file; cold also against a hand-written start with the same guarantees.
 *
 * @module
 */
import { PluginHost, silentLogger } from "@sallyport/host";
import { signForTest } from "@sallyport/host/testing";
import { timeMs } from "./call_times.mjs";
import { type Figure, figure, type FigureSpec, most } from "./figures.ts";
import { EmptyRun } from "./empty_run.ts";
import { GuardedFloor, type GuardedPlugin } from "./guarded_floor.ts";
import { type BenchIsolation, workingModes } from "./isolation.ts";
import { type BenchSettings, interleave, type Measure, roundsOf } from "./rounds.ts";

const COLD_BARS = { plain: most(1.3), unshare: most(1.5), bwrap: most(1.9) };
const WARM_BAR = most(0.4);
const EMPTY = "deno run of an empty file";
const PLUGIN = new URL("../../plugins/word-count", import.meta.url).pathname;
const DATA = { text: "to be or not to be" };

/** Measures with everything that can contain a plugin here. */
export async function benchLoad(settings: BenchSettings): Promise<Figure[]> {
  await using undo = new AsyncDisposableStack();
  const empty = undo.use(await EmptyRun.make());
  const modes = settings.quick ? ["plain" as const] : await workingModes();
  const subjects = new Map<string, Measure<number>>([["floor", () => timeMs(() => empty.run())]]);
  const specs = new Map<string, FigureSpec>();
  for (const size of [0, 1]) {
    for (const mode of modes) {
      const load = undo.use(await openLoad(mode, size));
      const name = `${mode}-${size}`;
      subjects.set(name, () => load.time());
      specs.set(name, specOf(mode, size > 0));
    }
  }
  const guarded = modes.filter((mode) => mode !== "bwrap").filter(GuardedFloor.works);
  for (const mode of guarded) {
    const floor = undo.use(await GuardedFloor.make(mode, await handWritten()));
    subjects.set(`guarded-${mode}`, () => timeGuarded(floor));
  }
  // the first loads compile, here and in the plugin
  const results = await interleave(subjects, roundsOf(settings, 25), settings.quick ? 1 : 3);
  const floors = results.get("floor")!;
  return [
    ...[...specs].map(([name, spec]) => figure(spec, results.get(name)!, floors)),
    ...guarded.flatMap((mode) => {
      const { bar, ...spec } = specOf(mode, false);
      const guards = results.get(`guarded-${mode}`)!;
      const floorName = `hand-written, same guarantees, ${mode}`;
      return [
        figure({ ...spec, subject: `hand-written, ${mode}` }, guards, floors),
        figure({ ...spec, floorName, bar }, results.get(`${mode}-0`)!, guards),
      ];
    }),
  ];
}

/** Gives the same plugin without the package. */
async function handWritten(): Promise<GuardedPlugin> {
  const source = await Deno.readTextFile(`${PLUGIN}/main.ts`);
  return {
    source: source.replace(/^import .*;$/m, "const definePlugin = <T>(plugin: T): T => plugin;"),
    method: "count",
    params: DATA,
  };
}

/** Starts the hand-written one and ends it; only up to the answer is timed. */
async function timeGuarded(floor: GuardedFloor): Promise<number> {
  await using undo = new AsyncDisposableStack();
  return await timeMs(async () => {
    undo.use(await floor.start());
  });
}

/** A host that loads the same plugin again and again. */
export interface Load extends AsyncDisposable {
  /** Loads it, calls it and unloads it; gives the milliseconds until it had answered. */
  time(): Promise<number>;
}

/**
 * Opens a host that loads `word-count`.
 *
 * @param isolation What contains it.
 * @param size How many processes wait for it.
 */
export async function openLoad(isolation: BenchIsolation, size: number): Promise<Load> {
  await using undo = new AsyncDisposableStack();
  const dataDir = await Deno.makeTempDir({ prefix: "sallyport-bench-" });
  undo.defer(() => Deno.remove(dataDir, { recursive: true }));
  const signed = undo.use(await signForTest(PLUGIN));
  const host = undo.use(
    await PluginHost.open({
      dataDir,
      keys: [signed.publicKey],
      isolation,
      logger: silentLogger,
      pool: { size },
    }),
  );
  const kept = undo.move();
  return {
    time: () => timeLoad(host, signed.dir),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function specOf(mode: BenchIsolation, warm: boolean): FigureSpec {
  const bar = !warm ? COLD_BARS[mode] : mode === "bwrap" ? WARM_BAR : undefined;
  return {
    bench: "load",
    figure: `${warm ? "warm" : "cold"} load to first answer`,
    subject: mode,
    unit: "ms",
    floorName: EMPTY,
    bar,
  };
}

/** Loads the plugin, calls it and unloads it; only up to the answer is timed. */
async function timeLoad(host: PluginHost, dir: string): Promise<number> {
  const loadMs = await timeMs(async () => {
    const plugin = await host.load(dir);
    await plugin.call("count", DATA);
  });
  await host.unload("word-count");
  await host.filled(); // not while another is measured
  return loadMs;
}
