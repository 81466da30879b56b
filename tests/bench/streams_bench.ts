/**
 * Streams of a plugin against a hand-written child that writes one JSON line an item.
 *
 * @module
 */
import type { PluginHandle } from "@sallyport/host";
import { type BenchBundle, LANES, loadBench } from "./bench_host.ts";
import { timeMs } from "./call_times.mjs";
import { type Figure, figure, type FigureSpec, missing } from "./figures.ts";
import { FloorHost } from "./floor_host.ts";
import { type BenchSettings, interleave, type Measure, roundsOf } from "./rounds.ts";

const MIB = 1024 * 1024;
const STREAMS: BenchBundle = {
  name: "streams",
  source: `export default {
  methods: {
    async *items({ count }: { count: number }) {
      for (let i = 0; i < count; i++) yield { i, text: "item" };
    },
    async *chunks({ count, bytes }: { count: number; bytes: number }) {
      const chunk = new Uint8Array(bytes).fill(7);
      for (let i = 0; i < count; i++) yield chunk;
    },
  },
};
`,
};

/** Measures small items a second, and bytes a second in chunks of 64 KiB. */
export async function benchStreams(settings: BenchSettings): Promise<Figure[]> {
  await using undo = new AsyncDisposableStack();
  const floor = undo.use(new FloorHost("floor_stream_child.ts"));
  const plugins = new Map<string, PluginHandle>();
  for (const lane of LANES) {
    const bench = await loadBench(STREAMS, { transport: { lane } });
    if (bench !== undefined) plugins.set(lane, undo.use(bench).plugin);
  }
  const items = { count: settings.quick ? 500 : 50_000 };
  const chunks = { count: settings.quick ? 16 : 512, bytes: 64 * 1024 };
  return [
    ...await measureStream(settings, floor, plugins, {
      spec: { figure: "stream of small items", unit: "items/s" },
      method: "items",
      params: items,
      amount: items.count,
    }),
    ...await measureStream(settings, floor, plugins, {
      spec: { figure: "stream of 64 KiB chunks", unit: "MiB/s" },
      method: "chunks",
      params: chunks,
      amount: chunks.count * chunks.bytes / MIB,
    }),
  ];
}

interface Stream {
  readonly spec: Pick<FigureSpec, "figure" | "unit">;
  readonly method: "items" | "chunks";
  readonly params: { readonly count: number };
  /** Items, or MiB, that it gives. */
  readonly amount: number;
}

async function measureStream(
  settings: BenchSettings,
  floor: FloorHost,
  plugins: ReadonlyMap<string, PluginHandle>,
  { spec, method, params, amount }: Stream,
): Promise<Figure[]> {
  const perSecond = (act: () => Promise<void>): Measure<number> => async () =>
    amount / await timeMs(act) * 1_000;
  const subjects = new Map([["floor", perSecond(() => readFloor(floor, method, params))]]);
  for (const [lane, plugin] of plugins) {
    subjects.set(lane, perSecond(() => readPlugin(plugin, method, params)));
  }
  const results = await interleave(subjects, roundsOf(settings, 7));
  return LANES.map((lane) => {
    const whole: FigureSpec = {
      ...spec,
      bench: "streams",
      subject: lane,
      floorName: method === "items"
        ? "a JSON line an item, hand-written"
        : "a base64 line a chunk, hand-written",
    };
    const rounds = results.get(lane);
    return rounds === undefined
      ? missing(whole, "there is no such lane here")
      : figure(whole, rounds, results.get("floor")!);
  });
}

async function readFloor(
  floor: FloorHost,
  method: Stream["method"],
  params: Stream["params"],
): Promise<void> {
  let seen = 0;
  await floor.stream(method, params, (item) => {
    // who reads chunks wants bytes
    if (method === "chunks") Uint8Array.fromBase64(item as string);
    seen++;
  });
  if (seen !== params.count) throw new Error(`${seen} of ${params.count} items`);
}

async function readPlugin(
  plugin: PluginHandle,
  method: Stream["method"],
  params: Stream["params"],
): Promise<void> {
  let seen = 0;
  for await (const _ of plugin.stream(method, params)) seen++;
  if (seen !== params.count) throw new Error(`${seen} of ${params.count} items`);
}
