/**
 * Interleaved rounds, and the ratio that they give.
 *
 * @module
 */
import { quantile } from "./call_times.mjs";

/** Says how a run of the benchmarks measures. */
export interface BenchSettings {
  /** How many rounds each bench measures; its own number where nothing is said. */
  readonly rounds: number | undefined;
  /** Whether as little as possible is measured: the figures then say nothing. */
  readonly quick: boolean;
  /** Tells whoever waits how far it is. */
  progress(text: string): void;
}

/** Gives the number of rounds: what was asked for, two where it is to be quick, or the bench's own. */
export function roundsOf({ rounds, quick }: BenchSettings, own: number): number {
  return rounds ?? (quick ? 2 : own);
}

/** Measures once. */
export type Measure<T> = () => Promise<T>;

/**
 * Measures every subject once a round, always in the same order, so that what slows the machine slows
 * all of a round.
 *
 * @param subjects What to measure, by name.
 * @param rounds How many rounds count.
 * @param warmUps How many rounds go before them and do not count.
 * @returns What each subject gave, round by round.
 */
export async function interleave<T>(
  subjects: ReadonlyMap<string, Measure<T>>,
  rounds: number,
  warmUps = 1,
): Promise<Map<string, T[]>> {
  const results = new Map([...subjects.keys()].map((name) => [name, [] as T[]]));
  for (let round = -warmUps; round < rounds; round++) {
    for (const [name, measure] of subjects) {
      const result = await measure();
      if (round >= 0) results.get(name)!.push(result);
    }
  }
  return results;
}

/** Gives the median. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/**
 * Gives the median of the rounds' own ratios, which a slow round moves less than the ratio of medians.
 *
 * @param values The rounds of what is measured.
 * @param floors The same rounds of its floor.
 */
export function medianRatio(values: readonly number[], floors: readonly number[]): number {
  return median(values.map((value, round) => value / floors[round]!));
}
