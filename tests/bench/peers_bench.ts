/**
 * Sallyport beside its peers, all in the same rounds: `vscode-jsonrpc`, the MCP SDK over stdio, a Deno
 * Worker, and Node's `child_process.fork`.
 *
 * @module
 */
import type { PluginHandle } from "@sallyport/host";
import { LANES, LARGE_ECHO, LARGE_POLICY, loadBench } from "./bench_host.ts";
import { checkBytes, makeBytes, roundTrips, throughput, timeMs } from "./call_times.mjs";
import { EmptyRun } from "./empty_run.ts";
import { type Bar, type Figure, figure, type FigureSpec, least, missing, most } from "./figures.ts";
import { FloorHost } from "./floor_host.ts";
import { workingModes } from "./isolation.ts";
import { openLoad } from "./load_bench.ts";
import { type PeerMeasure, PeerProcess, type PeerSpec } from "./peer_process.ts";
import { type BenchSettings, interleave, type Measure, roundsOf } from "./rounds.ts";

const MIB = 1024 * 1024;
const PARAMS = { text: "hello" };
const PEERS: readonly PeerSpec[] = [
  { name: "vscode-jsonrpc", script: "jsonrpc.ts" },
  // 16 MiB takes it half a minute
  { name: "MCP SDK, stdio", script: "mcp.ts", binaryRounds: 1 },
  { name: "Deno Worker", script: "worker.ts" },
  { name: "node fork", script: "fork.mjs", node: true },
];
/** Sallyport must do so many times the calls of these. */
const OUTDONE = ["vscode-jsonrpc", "MCP SDK, stdio"];
const OUTDONE_BAR = least(8);
const SOCKET = "Sallyport, socket";
const STDIO = "Sallyport, stdio";
/** What ours must reach, by who they are; as in the benches that measure the same more closely. */
type Bars = Readonly<Record<string, Bar>>;
const START_BARS: Bars = {
  "Sallyport, plain, cold": most(1.3),
  "Sallyport, bwrap, cold": most(1.9),
  "Sallyport, bwrap, pool": most(0.4),
};

type Spec = Pick<FigureSpec, "figure" | "unit" | "floorName">;

interface Comparison {
  readonly measure: PeerMeasure;
  /** Round trips, windows, or bytes. */
  readonly count: number;
  readonly rounds: number;
  readonly spec: Spec;
  readonly bars: Bars;
  floor(): Promise<number>;
  plugin(plugin: PluginHandle): Promise<number>;
}

/** Measures round trip, throughput, 16 MiB there and back, and cold start of all. */
export async function benchPeers(settings: BenchSettings): Promise<Figure[]> {
  await using undo = new AsyncDisposableStack();
  const floor = undo.use(new FloorHost());
  const plugins = new Map<string, PluginHandle>();
  for (const lane of LANES) {
    const bench = await loadBench(LARGE_ECHO, { transport: { lane }, policy: LARGE_POLICY });
    if (bench !== undefined) plugins.set(`Sallyport, ${lane}`, undo.use(bench).plugin);
  }
  const peers = new Map<string, PeerProcess>();
  const failed = new Map<string, string>();
  for (const spec of PEERS) {
    try {
      peers.set(spec.name, undo.use(await PeerProcess.start(spec)));
    } catch (error) {
      failed.set(spec.name, String(error).slice(0, 200));
    }
  }
  const figures: Figure[] = [];
  for (const comparison of comparisons(floor, settings.quick)) {
    settings.progress(comparison.spec.figure);
    figures.push(...await compare(comparison, plugins, peers, failed, settings));
  }
  settings.progress("cold start");
  figures.push(...await compareStarts(peers, failed, settings));
  return figures;
}

function comparisons(floor: FloorHost, quick: boolean): Comparison[] {
  const floorName = "hand-written echo over pipes";
  const trips = quick ? 20 : 500;
  const windows = quick ? 1 : 50;
  const bytes = makeBytes(quick ? MIB / 16 : 16 * MIB);
  return [
    {
      measure: "roundTrip",
      count: trips,
      rounds: 7,
      spec: { figure: "round trip, median", unit: "µs", floorName },
      bars: { [SOCKET]: most(0.75), [STDIO]: most(1.15) },
      floor: async () => (await roundTrips(() => floor.call(PARAMS), trips)).p50,
      plugin: async (plugin) => (await roundTrips(() => plugin.call("echo", PARAMS), trips)).p50,
    },
    {
      measure: "throughput",
      count: windows,
      rounds: 7,
      spec: { figure: "throughput, 1,000 in flight", unit: "calls/s", floorName },
      bars: { [SOCKET]: least(0.8), [STDIO]: least(0.8) },
      floor: () => throughput(() => floor.call(PARAMS), windows),
      plugin: (plugin) => throughput(() => plugin.call("echo", PARAMS), windows),
    },
    {
      measure: "binary",
      count: bytes.length,
      rounds: 3,
      spec: {
        figure: quick ? "64 KiB binary echo" : "16 MiB binary echo",
        unit: "ms",
        floorName: "base64, hand-written",
      },
      bars: { [SOCKET]: most(0.4), [STDIO]: most(0.4) },
      floor: () =>
        timeMs(async () => {
          const { data } = await floor.call({ data: bytes.toBase64() }) as { data: string };
          checkBytes(Uint8Array.fromBase64(data), bytes.length);
        }),
      plugin: (plugin) =>
        timeMs(async () => {
          const { data } = await plugin.call("echo", { data: bytes }) as { data: Uint8Array };
          checkBytes(data, bytes.length);
        }),
    },
  ];
}

async function compare(
  { measure, count, rounds, spec, bars, floor, plugin }: Comparison,
  plugins: ReadonlyMap<string, PluginHandle>,
  peers: ReadonlyMap<string, PeerProcess>,
  failed: Map<string, string>,
  settings: BenchSettings,
): Promise<Figure[]> {
  const subjects = new Map<string, Measure<number>>([["floor", floor]]);
  for (const [name, handle] of plugins) subjects.set(name, () => plugin(handle));
  for (const { name, binaryRounds } of PEERS) {
    const peer = peers.get(name);
    if (peer === undefined) continue;
    const ask = guarded(name, failed, () => peer.ask(measure, count));
    subjects.set(name, binaryRounds === undefined || measure !== "binary" ? ask : once(ask));
  }
  const results = await interleave(subjects, roundsOf(settings, rounds));
  const figures = figuresOf(spec, results, failed, bars, [SOCKET, STDIO]);
  return measure === "throughput" ? [...figures, ...outdone(spec, results, plugins)] : figures;
}

async function compareStarts(
  peers: ReadonlyMap<string, PeerProcess>,
  failed: Map<string, string>,
  settings: BenchSettings,
): Promise<Figure[]> {
  await using undo = new AsyncDisposableStack();
  const empty = undo.use(await EmptyRun.make());
  const subjects = new Map<string, Measure<number>>([["floor", () => timeMs(() => empty.run())]]);
  const modes = await workingModes();
  const sandbox = modes.includes("bwrap") ? "bwrap" : "plain";
  for (const mode of new Set(["plain", sandbox] as const)) {
    const load = undo.use(await openLoad(mode, 0));
    subjects.set(`Sallyport, ${mode}, cold`, () => load.time());
  }
  const warm = undo.use(await openLoad(sandbox, 1));
  subjects.set(`Sallyport, ${sandbox}, pool`, () => warm.time());
  const ours = [...subjects.keys()].slice(1);
  for (const [name, peer] of peers) {
    subjects.set(name, guarded(name, failed, () => peer.ask("cold")));
  }
  const results = await interleave(subjects, roundsOf(settings, 9), 2);
  return figuresOf(
    { figure: "start to first answer", unit: "ms", floorName: "deno run of an empty file" },
    results,
    failed,
    START_BARS,
    ours,
  );
}

/** A peer that fails is left out of the results, with the reason; the others go on. */
function guarded(
  name: string,
  failed: Map<string, string>,
  ask: Measure<number>,
): Measure<number> {
  return async () => {
    if (failed.has(name)) return NaN;
    try {
      return await ask();
    } catch (error) {
      failed.set(name, String(error).slice(0, 200));
      return NaN;
    }
  };
}

/** Measures in the first round, the one that warms the others up, and gives that in every round. */
function once(measure: Measure<number>): Measure<number> {
  let result: Promise<number> | undefined;
  return () => result ??= measure();
}

function figuresOf(
  spec: Spec,
  results: ReadonlyMap<string, number[]>,
  failed: ReadonlyMap<string, string>,
  bars: Bars,
  ours: readonly string[],
): Figure[] {
  const floors = results.get("floor")!;
  return [...ours, ...PEERS.map(({ name }) => name)].map((subject) => {
    const bar = bars[subject];
    const whole = { ...spec, bench: "peers", subject, bar };
    const rounds = results.get(subject);
    const reason = failed.get(subject);
    return rounds === undefined || reason !== undefined
      ? missing(whole, reason ?? "there is no such lane here")
      : figure(whole, rounds, floors);
  });
}

/** Compares the throughput of each lane with that of the peers that it must outdo. */
function outdone(
  spec: Spec,
  results: ReadonlyMap<string, number[]>,
  plugins: ReadonlyMap<string, PluginHandle>,
): Figure[] {
  return [...plugins.keys()].flatMap((subject) =>
    OUTDONE.map((peer) => {
      const whole: FigureSpec = {
        ...spec,
        bench: "peers",
        subject,
        floorName: peer,
        bar: OUTDONE_BAR,
      };
      const floors = results.get(peer);
      return floors === undefined || floors.some(Number.isNaN)
        ? missing(whole, "the peer was not measured")
        : figure(whole, results.get(subject)!, floors);
    })
  );
}
