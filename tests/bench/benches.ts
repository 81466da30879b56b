/**
 * Every bench by its name, in the order in which they are run.
 *
 * @module
 */
import { type Figure, figureOf, type FigureSpec, most } from "./figures.ts";
import { benchFirst } from "./first_bench.ts";
import { benchHooks } from "./hooks_bench.ts";
import { benchLoad } from "./load_bench.ts";
import { benchMany } from "./many_bench.ts";
import { benchMonitor } from "./monitor_bench.ts";
import { benchNeighbours } from "./neighbour_bench.ts";
import { benchPeers } from "./peers_bench.ts";
import type { BenchSettings } from "./rounds.ts";
import { benchReload } from "./reload_bench.ts";
import { benchRpc } from "./rpc_bench.ts";
import { benchStops } from "./stop_bench.ts";
import { benchStreams } from "./streams_bench.ts";
import { benchTrust } from "./trust_bench.ts";
import { benchValues } from "./values_bench.ts";

/** Measures and gives its figures. */
export type Bench = (settings: BenchSettings) => Promise<Figure[]>;

/** Holds every bench by the name that `--only` takes. */
export const BENCHES: ReadonlyMap<string, Bench> = new Map<string, Bench>([
  ["first", benchFirst],
  ["load", benchLoad],
  ["reload", benchReload],
  ["rpc", benchRpc],
  ["values", benchValues],
  ["streams", benchStreams],
  ["hooks", benchHooks],
  ["many", benchMany],
  ["peers", benchPeers],
  ["trust", benchTrust],
  ["monitor", monitor],
  ["neighbour", benchNeighbours],
  ["stop", stops],
]);

/** Its ratio is percent of a processor, so that it must be below 1. */
async function monitor(): Promise<Figure[]> {
  const figures = await benchMonitor();
  return figures.map(({ plugins, cgroup, watchingPercent, idlePercent, percent }) => {
    const spec: FigureSpec = {
      bench: "monitor",
      figure: `watching ${plugins} plugins at 1 s`,
      subject: cgroup ? "cgroup" : "/proc",
      unit: "%",
      floorName: "of a processor, not watching; the ratio is the difference",
      bar: most(1),
    };
    return figureOf(spec, watchingPercent, idlePercent, percent);
  });
}

/** Its floor is the monitor's interval. */
async function stops(): Promise<Figure[]> {
  const figures = await benchStops();
  return figures.map(({ kind, mode, intervals }) => {
    const spec: FigureSpec = {
      bench: "stop",
      figure: `greed: ${kind}`,
      subject: mode,
      unit: "intervals",
      floorName: "interval of the monitor, until its process is gone",
      bar: most(2.1), // two intervals, and the end of a process
    };
    return figureOf(spec, intervals, 1, intervals);
  });
}
