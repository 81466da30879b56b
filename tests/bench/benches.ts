/**
 * Every bench by its name, in the order in which they are run.
 *
 * @module
 */
import type { Figure } from "./figures.ts";
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
  ["monitor", benchMonitor],
  ["neighbour", benchNeighbours],
  ["stop", benchStops],
]);
