/**
 * Large values there and back: a string against the same string in a hand-written echo, bytes against the
 * same bytes as base64 in it, and against one copy of them in memory; over each lane, and in shared memory.
 *
 * @module
 */
import type { PluginHandle } from "@sallyport/host";
import { LANES, LARGE_ECHO, LARGE_POLICY, loadBench } from "./bench_host.ts";
import { checkBytes, makeBytes, timeMs } from "./call_times.mjs";
import { type Bar, type Figure, figure, type FigureSpec, missing, most } from "./figures.ts";
import { FloorHost } from "./floor_host.ts";
import { type BenchSettings, interleave, type Measure, roundsOf } from "./rounds.ts";

const MIB = 1024 * 1024;
/** What is measured beside the lanes. */
const SHARED = "shared memory";

/** One value that goes there and back. */
interface Value {
  /** What it is called. */
  readonly name: string;
  /** How many rounds, where nothing else is asked for. */
  readonly rounds: number;
  /** What its ratio to the floor must be. */
  readonly bar?: Bar;
  /** The same where it travels in shared memory. */
  readonly sharedBar?: Bar;
  /** The floor's name. */
  readonly floorName: string;
  /** How much smaller the floor's value is; its time is multiplied by that. */
  readonly scale: number;
  /** Echoes it by the floor. */
  floor(floor: FloorHost): Promise<void>;
  /** Echoes it by a plugin. */
  plugin(plugin: PluginHandle): Promise<void>;
  /** Copies it in memory. */
  copy?(): void;
}

/** Measures strings and bytes over each lane, and in shared memory. */
export async function benchValues(settings: BenchSettings): Promise<Figure[]> {
  await using undo = new AsyncDisposableStack();
  const floor = undo.use(new FloorHost());
  const plugins = new Map<string, PluginHandle>();
  for (const lane of LANES) {
    const bench = await loadBench(LARGE_ECHO, { transport: { lane }, policy: LARGE_POLICY });
    if (bench !== undefined) plugins.set(lane, undo.use(bench).plugin);
  }
  // in a sandbox, where the memory has a place; elsewhere it would be a file on a disk
  const shared = await loadBench(LARGE_ECHO, {
    isolation: "auto",
    transport: { sharedMemory: { bytes: 512 * MIB } },
    policy: LARGE_POLICY,
  });
  if (shared !== undefined) {
    undo.use(shared);
    if (shared.plugin.sharedMemory !== undefined) plugins.set(SHARED, shared.plugin);
  }
  const values = settings.quick
    ? [string(1), binary(1, 1)]
    : [string(1), binary(1, 15), binary(16, 7, most(0.4), most(0.1)), binary(256, 3)];
  const figures: Figure[] = [];
  for (const value of values) {
    settings.progress(value.name);
    figures.push(...await measureValue(value, floor, plugins, settings));
  }
  return figures;
}

async function measureValue(
  value: Value,
  floor: FloorHost,
  plugins: ReadonlyMap<string, PluginHandle>,
  settings: BenchSettings,
): Promise<Figure[]> {
  const { copy, scale } = value;
  const subjects = new Map<string, Measure<number>>([
    ["floor", async () => scale * await timeMs(() => value.floor(floor))],
  ]);
  if (copy !== undefined) subjects.set("copy", () => timeMs(copy));
  const broken = new Map<string, string>();
  for (const [subject, plugin] of plugins) {
    try {
      await value.plugin(plugin);
      subjects.set(subject, () => timeMs(() => value.plugin(plugin)));
    } catch (error) {
      broken.set(subject, String(error).slice(0, 200));
    }
  }
  const results = await interleave(subjects, roundsOf(settings, value.rounds));
  return [...LANES, SHARED].flatMap((subject) => {
    const bar = subject === SHARED ? value.sharedBar : value.bar;
    const spec: FigureSpec = {
      bench: "values",
      figure: value.name,
      subject,
      unit: "ms",
      floorName: value.floorName,
      bar,
    };
    const rounds = results.get(subject);
    if (rounds === undefined) {
      return [missing(spec, broken.get(subject) ?? "there is no such lane here")];
    }
    const made = [figure(spec, rounds, results.get("floor")!)];
    const copies = results.get("copy");
    if (copies !== undefined) {
      const { bar: _, ...unbound } = spec;
      made.push(
        figure({ ...unbound, floorName: "one copy of the bytes in memory" }, rounds, copies),
      );
    }
    return made;
  });
}

function string(mib: number): Value {
  const text = "abcdefgh".repeat(mib * MIB / 8);
  const check = (echoed: unknown) => {
    const { text: got } = echoed as { readonly text: string };
    if (got !== text) throw new Error("the echo is not what was sent");
  };
  return {
    name: `${mib} MiB string echo`,
    rounds: 15,
    bar: most(0.8),
    floorName: "the same string, hand-written",
    scale: 1,
    floor: async (floor) => check(await floor.call({ text })),
    plugin: async (plugin) => check(await plugin.call("echo", { text })),
  };
}

function binary(mib: number, rounds: number, bar?: Bar, sharedBar?: Bar): Value {
  const size = mib * MIB;
  const bytes = makeBytes(size);
  // base64 of the largest is more than one string should be
  const scale = mib > 64 ? mib / 16 : 1;
  const floorBytes = bytes.subarray(0, size / scale);
  return {
    name: `${mib} MiB binary echo`,
    rounds,
    bar,
    sharedBar,
    floorName: scale === 1 ? "base64, hand-written" : `base64, hand-written, ${scale} × 16 MiB`,
    scale,
    floor: async (floor) => {
      const { data } = await floor.call({ data: floorBytes.toBase64() }) as { data: string };
      checkBytes(Uint8Array.fromBase64(data), floorBytes.length);
    },
    plugin: async (plugin) => {
      const { data } = await plugin.call("echo", { data: bytes }) as { data: Uint8Array };
      checkBytes(data, size);
    },
    copy: () => checkBytes(bytes.slice(), size),
  };
}
