/**
 * Calls of a loaded plugin against a hand-written echo.
 *
 * @module
 */
import { FloorHost } from "./floor_host.ts";
import { loadEchoPlugin } from "./echo_bundle.ts";

const ROUND_TRIPS = 2_000;
const WINDOW = 1_000;
const WINDOWS = 50;
const PARAMS = { text: "hello" };

type Call = (params: unknown) => Promise<unknown>;

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Gives the median round trip in microseconds. */
async function roundTrip(call: Call): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const began = performance.now();
    await call(PARAMS);
    times.push((performance.now() - began) * 1_000);
  }
  return median(times);
}

/** Gives calls a second, in windows. */
async function throughput(call: Call): Promise<number> {
  const began = performance.now();
  for (let i = 0; i < WINDOWS; i++) {
    await Promise.all(Array.from({ length: WINDOW }, () => call(PARAMS)));
  }
  return WINDOW * WINDOWS / (performance.now() - began) * 1_000;
}

/** Holds the medians of floor and plugin, and the medians of the rounds' own ratios. */
export interface RpcFigures {
  /** How many rounds were measured. */
  rounds: number;
  /** The hand-written echo between two Deno processes over pipes. */
  floor: { roundTripUs: number; callsPerSecond: number };
  /** `plugin.call` of a loaded plugin. */
  plugin: { roundTripUs: number; callsPerSecond: number };
  /** Round trip of the plugin by that of the floor. */
  roundTripRatio: number;
  /** Throughput of the plugin by that of the floor. */
  throughputRatio: number;
}

/**
 * Compares calls of a loaded plugin with the floor, in interleaved rounds.
 *
 * @param rounds How many; one more warms up.
 */
export async function benchRpc(rounds: number): Promise<RpcFigures> {
  await using floor = new FloorHost();
  await using plugin = await loadEchoPlugin();
  const calls: Record<string, Call> = {
    floor: (params) => floor.call(params),
    plugin: (params) => plugin.call("echo", params),
  };
  const results: Record<string, { roundTripUs: number[]; callsPerSecond: number[] }> = {};
  for (const [name, call] of Object.entries(calls)) {
    results[name] = { roundTripUs: [], callsPerSecond: [] };
    await roundTrip(call);
    await throughput(call);
  }
  for (let round = 0; round < rounds; round++) {
    for (const [name, call] of Object.entries(calls)) {
      results[name]!.roundTripUs.push(await roundTrip(call));
      results[name]!.callsPerSecond.push(await throughput(call));
    }
  }
  // the median of the rounds' own ratios: what slows the machine slows both of a pair
  const ratio = (key: "roundTripUs" | "callsPerSecond") =>
    median(results.plugin![key].map((value, round) => value / results.floor![key][round]!));
  const medians = (name: string) => ({
    roundTripUs: median(results[name]!.roundTripUs),
    callsPerSecond: median(results[name]!.callsPerSecond),
  });
  return {
    rounds,
    floor: medians("floor"),
    plugin: medians("plugin"),
    roundTripRatio: ratio("roundTripUs"),
    throughputRatio: ratio("callsPerSecond"),
  };
}
