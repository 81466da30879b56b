// The bounds of the proxy.

/** Holds times, rates and counts; all of them are bounds, so smaller is stricter. */
export interface EgressTuning {
  /** How long a plugin may take to send the head of a request, in milliseconds. */
  readonly headMs: number;
  /** How long resolving may take, and how long connecting, in milliseconds. */
  readonly dialMs: number;
  /** How long no byte may move, in milliseconds. */
  readonly idleMs: number;
  /** How long a refused or answered request is read further, in milliseconds. */
  readonly lingerMs: number;
  /** How many lookups run at once. */
  readonly maxLookups: number;
  /** How many connections are taken at once before they are paced. */
  readonly acceptBurst: number;
  /** How many connections a second are taken after that. */
  readonly acceptsPerSecond: number;
  /** How many of these a refused one counts as. */
  readonly refusalCost: number;
  /** How many reports are made one by one before they are combined. */
  readonly reportBurst: number;
  /** How many reports a second are made one by one after that. */
  readonly reportsPerSecond: number;
  /** How long reports are combined, in milliseconds. */
  readonly reportWindowMs: number;
}

/** The bounds that are in force where a test does not ask for others. */
export const DEFAULT_TUNING: EgressTuning = Object.freeze({
  headMs: 10_000,
  dialMs: 10_000,
  idleMs: 5 * 60_000,
  lingerMs: 1_000,
  maxLookups: 16,
  acceptBurst: 1_000,
  acceptsPerSecond: 500,
  refusalCost: 10,
  reportBurst: 64,
  reportsPerSecond: 16,
  reportWindowMs: 1_000,
});
