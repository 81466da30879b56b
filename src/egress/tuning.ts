// The bounds of the proxy: times, rates and counts; smaller is stricter.

/** The bounds that are in force where a test does not ask for others. */
export const DEFAULT_TUNING = Object.freeze({
  /** How long a plugin may take to send the head of a request, in milliseconds. */
  headMs: 10_000,
  /** How long resolving may take, and how long connecting, in milliseconds. */
  dialMs: 10_000,
  /** How long no byte may move, in milliseconds. */
  idleMs: 5 * 60_000,
  /** How long a refused or answered request is read further, in milliseconds. */
  lingerMs: 1_000,
  /** How many lookups run at once. */
  maxLookups: 16,
  /** How many connections are taken at once before they are paced, and how many a second after that. */
  acceptBurst: 1_000,
  acceptsPerSecond: 500,
  /** How many connections a refused one counts as. */
  refusalCost: 10,
  /** How many reports are made one by one before they are combined, and how many a second after that. */
  reportBurst: 64,
  reportsPerSecond: 16,
  /** How long reports are combined, in milliseconds. */
  reportWindowMs: 1_000,
});

export type EgressTuning = Readonly<Record<keyof typeof DEFAULT_TUNING, number>>;
