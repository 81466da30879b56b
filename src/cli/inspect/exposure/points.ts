// One line of the sum that makes an exposure grade.
/** What is looked at, what was found, what that adds and the most that it could add, in tenths of a point. */
export type ExposurePoints = readonly [
  name: string,
  description: string,
  points: number,
  most: number,
];
