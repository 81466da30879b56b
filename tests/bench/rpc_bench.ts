/**
 * Calls of a loaded plugin against a hand-written echo, over each lane.
 *
 * @module
 */
import { ECHO, type Lane, LANES, loadBench } from "./bench_host.ts";
import { roundTrips, throughput } from "./call_times.mjs";
import { type Bar, type Figure, figure, type FigureSpec, least, missing, most } from "./figures.ts";
import { FloorHost } from "./floor_host.ts";
import { type BenchSettings, interleave, type Measure, roundsOf } from "./rounds.ts";

const PARAMS = { text: "hello" };
const FLOOR = "echo between two hand-written processes over pipes";
const ROUND_TRIP_BARS = { socket: most(0.75), stdio: most(1.15) };

interface Calls {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

type Kind = Pick<FigureSpec, "figure" | "unit"> & {
  readonly key: keyof Calls;
  readonly bars?: Readonly<Record<Lane, Bar>>;
};

/** Measures round trip and throughput over each lane. */
export async function benchRpc(settings: BenchSettings): Promise<Figure[]> {
  const trips = settings.quick ? 50 : 2_000;
  const windows = settings.quick ? 2 : 50;
  const measure = (call: () => Promise<unknown>): Measure<Calls> => async () => ({
    ...await roundTrips(call, trips),
    perSecond: await throughput(call, windows),
  });
  await using undo = new AsyncDisposableStack();
  const floor = undo.use(new FloorHost());
  const subjects = new Map([["floor", measure(() => floor.call(PARAMS))]]);
  for (const lane of LANES) {
    const bench = await loadBench(ECHO, { transport: { lane } });
    if (bench === undefined) continue;
    const { plugin } = undo.use(bench);
    subjects.set(lane, measure(() => plugin.call("echo", PARAMS)));
  }
  const results = await interleave(subjects, roundsOf(settings, 7));
  const floors = results.get("floor")!;
  const kinds: readonly Kind[] = [
    { key: "p50", figure: "round trip, median", unit: "µs", bars: ROUND_TRIP_BARS },
    { key: "p99", figure: "round trip, 99th of 100", unit: "µs" },
    {
      key: "perSecond",
      figure: "throughput, 1,000 in flight",
      unit: "calls/s",
      bars: { socket: least(0.8), stdio: least(0.8) },
    },
  ];
  return kinds.flatMap(({ key, bars, ...kind }) =>
    LANES.map((lane) => {
      const bar = bars?.[lane];
      const spec: FigureSpec = {
        ...kind,
        bench: "rpc",
        subject: lane,
        floorName: FLOOR,
        bar,
      };
      const rounds = results.get(lane);
      if (rounds === undefined) return missing(spec, "there is no such lane here");
      return figure(spec, rounds.map((each) => each[key]), floors.map((each) => each[key]));
    })
  );
}
