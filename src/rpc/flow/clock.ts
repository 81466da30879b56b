/** Returns the milliseconds of `performance.now()`; captured, because plugin code shares the realm. */
export const now: () => number = performance.now.bind(performance);
