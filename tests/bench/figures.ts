/**
 * One line of the result: a figure, its floor, their ratio, and the ratio that it must reach.
 *
 * @module
 */
import { median, medianRatio } from "./rounds.ts";

/** Names the unit of a figure and of its floor. */
export type Unit = "µs" | "ms" | "calls/s" | "items/s" | "MiB/s" | "MiB" | "%" | "intervals";

/** Says which ratio a figure must reach. */
export interface Bar {
  /** Whether the ratio is to be at most or at least that. */
  readonly is: "most" | "least";
  /** The ratio. */
  readonly ratio: number;
}

/** Says what is measured. */
export interface FigureSpec {
  /** The bench, as `--only` takes it. */
  readonly bench: string;
  /** What is measured, in words. */
  readonly figure: string;
  /** Who is measured: a lane of Sallyport, a launcher, or a peer. */
  readonly subject: string;
  /** The unit of value and floor. */
  readonly unit: Unit;
  /** What it is compared with, in words. */
  readonly floorName: string;
  /** What it must reach; absent where nothing is said. */
  readonly bar?: Bar;
  /** Anything that a reader must know. */
  readonly note?: string;
}

/** Holds one measured figure, as it is printed and written as JSON. */
export interface Figure extends FigureSpec {
  /** The median of the rounds; `null` where it could not be measured. */
  readonly value: number | null;
  /** The median of the floor's rounds; `null` where it could not be measured. */
  readonly floor: number | null;
  /** The median of the rounds' own ratios; `null` where it could not be measured. */
  readonly ratio: number | null;
  /** Whether the ratio is what it must be; `null` where nothing is said or nothing was measured. */
  readonly reached: boolean | null;
}

/** A ratio that may not be exceeded. */
export function most(ratio: number): Bar {
  return { is: "most", ratio };
}

/** A ratio that is to be exceeded. */
export function least(ratio: number): Bar {
  return { is: "least", ratio };
}

/**
 * Makes a figure of the rounds of a subject and of its floor.
 *
 * @param spec What was measured.
 * @param values Its rounds.
 * @param floors The same rounds of the floor.
 */
export function figure(
  spec: FigureSpec,
  values: readonly number[],
  floors: readonly number[],
): Figure {
  return figureOf(spec, median(values), median(floors), medianRatio(values, floors));
}

/** Makes a figure whose ratio was worked out elsewhere. */
export function figureOf(spec: FigureSpec, value: number, floor: number, ratio: number): Figure {
  const { bar } = spec;
  const reached = bar === undefined
    ? null
    : bar.is === "most"
    ? ratio <= bar.ratio
    : ratio >= bar.ratio;
  return { ...spec, value, floor, ratio, reached };
}

/** Makes a figure that could not be measured, and says why. */
export function missing(spec: FigureSpec, why: string): Figure {
  return { ...spec, note: why, value: null, floor: null, ratio: null, reached: null };
}
