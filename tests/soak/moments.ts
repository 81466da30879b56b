import type { Chance } from "./random.ts";
import { PLUGIN_NAMES } from "./plugins.ts";
import type { Moment, Victim } from "./rounds.ts";
import type { HostOptions } from "./scene.ts";

/** One round: a host that is killed, or a process of one of its plugins. */
export type Round =
  | { readonly kill: "host"; readonly moment: Moment; readonly options: HostOptions }
  | { readonly kill: "launcher"; readonly victim: Victim; readonly options: HostOptions };

/** How often what is killed when, and within how many milliseconds after. */
const KINDS: readonly (readonly [weight: number, after: string | undefined, withinMs: number])[] = [
  [2, undefined, 150], // the runtime starts
  [5, "opening", 250], // launchers are probed, groups tried, folders made
  [8, "loading", 80],
  [3, "ready", 100],
  [3, "calling", 20],
  [5, "reloading", 80],
  [5, "unloading", 120],
  [3, "closing", 150],
];

/**
 * Chooses a round.
 *
 * @param chance The source of chance.
 */
export function chooseRound(chance: Chance): Round {
  const plugins = [...PLUGIN_NAMES].sort(() => chance.next() - 0.5);
  const options = { plugins, temporary: chance.below(4) === 0, atOnce: chance.below(3) === 0 };
  if (chance.below(8) === 0) {
    const victim = {
      plugin: chance.pick(plugins),
      depth: chance.below(4),
      ...(chance.below(2) === 0 ? { startedMs: chance.below(60) } : {}),
    };
    return { kill: "launcher", victim, options: { ...options, act: "hold", atOnce: false } };
  }
  let ticket = chance.below(KINDS.reduce((sum, [weight]) => sum + weight, 0));
  const [, after, withinMs] = KINDS.find(([weight]) => (ticket -= weight) < 0)!;
  const line = after === "loading" ? `${after} ${chance.pick(plugins)}` : after;
  return {
    kill: "host",
    moment: { after: line, delayMs: Math.round(chance.next() * withinMs) },
    options: { ...options, act: after === "closing" ? "close" : "live" },
  };
}
