/**
 * `deno task bench`: what a plugin costs, as ratios to a floor measured in the same run.
 *
 * `--json` prints one JSON document instead of the table.
 *
 * @module
 */
import { benchLoad } from "./load_bench.ts";
import { benchMonitor } from "./monitor_bench.ts";
import { benchNeighbours, workingModes } from "./neighbour_bench.ts";
import { benchRpc } from "./rpc_bench.ts";
import { benchTrust } from "./trust_bench.ts";

interface Row {
  figure: string;
  floor: string;
  sallyport: string;
  ratio: number;
  bound: string;
}

const load = await benchLoad(await workingModes());
const rpc = await benchRpc(7);
const trust = await benchTrust();
const monitor = await benchMonitor();
const neighbour = await benchNeighbours();
const loadBounds = { plain: "≤ 1.6", bwrap: "≤ 2", unshare: "≤ 2" };
const rows: Row[] = [
  ...Object.entries(load.loads).map(([mode, { coldMs, ratio }]): Row => ({
    figure: `cold load to first answer, ${mode}`,
    floor: `${load.emptyMs.toFixed(1)} ms  deno run of an empty file`,
    sallyport: `${coldMs.toFixed(1)} ms`,
    ratio,
    bound: loadBounds[mode as keyof typeof loadBounds],
  })),
  ...Object.entries(load.loads).map(([mode, { warmMs, warmRatio }]): Row => ({
    figure: `warm load to first answer, ${mode}`,
    floor: `${load.emptyMs.toFixed(1)} ms  deno run of an empty file`,
    sallyport: `${warmMs.toFixed(1)} ms`,
    ratio: warmRatio,
    bound: "≤ 0.5",
  })),
  {
    figure: "verdict by a list of 10,000 plugins",
    floor: `${trust.emptyMs.toFixed(1)} ms  deno run of an empty file (scrypt apart: ${
      trust.kdfMs.toFixed(0)
    } ms, once)`,
    sallyport: `${trust.verdictMs.toFixed(1)} ms`,
    ratio: trust.ratio,
    bound: "< 1",
  },
  {
    figure: "round trip",
    floor: `${rpc.floor.roundTripUs.toFixed(0)} µs  hand-written echo over pipes`,
    sallyport: `${rpc.plugin.roundTripUs.toFixed(0)} µs`,
    ratio: rpc.roundTripRatio,
    bound: "≤ 1.3",
  },
  {
    figure: "calls a second, 1,000 in flight",
    floor: `${rpc.floor.callsPerSecond.toFixed(0)}  the same echo`,
    sallyport: rpc.plugin.callsPerSecond.toFixed(0),
    ratio: rpc.throughputRatio,
    bound: "",
  },
  ...monitor.map(({ plugins, cgroup, watchingPercent, idlePercent, percent }): Row => ({
    figure: `watching ${plugins} plugins at 1 s, ${cgroup ? "cgroup" : "/proc"}`,
    floor: `${idlePercent.toFixed(2)} %  of a processor for the same process, not watching`,
    sallyport: `${watchingPercent.toFixed(2)} %`,
    ratio: percent,
    bound: "< 1 %",
  })),
  ...neighbour.map(({ attack, quietUs, busyUs, ratio }): Row => ({
    figure: `round trip beside ${attack}`,
    floor: `${quietUs.toFixed(0)} µs  without it`,
    sallyport: `${busyUs.toFixed(0)} µs`,
    ratio,
    bound: "≤ 3",
  })),
];
const lines = Deno.args.includes("--json")
  ? [JSON.stringify({ deno: Deno.version.deno, load, trust, rpc, monitor, neighbour }, null, 2)]
  : rows.map(({ figure, floor, sallyport, ratio, bound }) =>
    `${figure.padEnd(36)} ${ratio.toFixed(2).padStart(5)} ${bound.padEnd(6)} ${
      sallyport.padEnd(10)
    } to ${floor}`
  );
await Deno.stdout.write(new TextEncoder().encode(`${lines.join("\n")}\n`));
