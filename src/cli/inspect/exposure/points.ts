/**
 * One line of the sum that makes an exposure grade.
 *
 * @module
 */

/** Holds one line of the sum; counted in tenths of a point. */
export interface ExposurePoints {
  /** What is looked at. */
  readonly name: string;
  /** What was found. */
  readonly description: string;
  /** What it adds, in tenths of a point. */
  readonly points: number;
  /** The most that it could add, in tenths of a point. */
  readonly most: number;
}
