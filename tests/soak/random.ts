/** A source of chance that gives the same again for the same seed. */
export interface Chance {
  /** A number from 0 up to but not including 1. */
  next(): number;
  /** A whole number from 0 up to but not including `end`. */
  below(end: number): number;
  /** One of several. */
  pick<T>(choices: readonly T[]): T;
}

/**
 * Makes a source of chance (the generator is mulberry32).
 *
 * @param seed A whole number; only its lower 32 bits count.
 */
export function chanceFrom(seed: number): Chance {
  let state = seed | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return { next, below, pick: (choices) => choices[below(choices.length)]! };
}
