// The limits that a plugin runs under: their names, defaults and bounds.

/**
 * Caps what one plugin may use; every value is a whole number.
 *
 * @category Bundles
 */
export interface Limits {
  /** Memory of the plugin's processes together, in bytes. */
  readonly memoryBytes: number;
  /** CPU time of one call, in milliseconds. */
  readonly cpuTimeMs: number;
  /** Share of one CPU, in percent; 200 is two CPUs. */
  readonly cpuPercent: number;
  /** Threads, those of the runtime included. */
  readonly threads: number;
  /** Open file descriptors, those of the runtime included. */
  readonly fileDescriptors: number;
  /** Network connections at a time. */
  readonly connections: number;
  /** Time from a call to its answer, in milliseconds. */
  readonly callTimeoutMs: number;
  /** Size of one message, in bytes. */
  readonly messageBytes: number;
  /** Size of the plugin's storage, in bytes. */
  readonly storageBytes: number;
}

/** The name of a limit. */
export type LimitName = keyof Limits;

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** The limits of a plugin that asks for nothing else. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  memoryBytes: 128 * MIB,
  cpuTimeMs: 5_000,
  cpuPercent: 100,
  threads: 32,
  fileDescriptors: 256,
  connections: 50,
  callTimeoutMs: 30_000,
  messageBytes: 16 * MIB,
  storageBytes: 64 * MIB,
});

/** The minima of memory, threads and descriptors are what an empty Deno process needs to start at all. */
export const LIMIT_BOUNDS: Readonly<
  Record<LimitName, { readonly min: number; readonly max: number }>
> = Object.freeze({
  memoryBytes: Object.freeze({ min: 32 * MIB, max: 1024 * GIB }),
  cpuTimeMs: Object.freeze({ min: 1, max: 86_400_000 }),
  cpuPercent: Object.freeze({ min: 1, max: 102_400 }),
  threads: Object.freeze({ min: 16, max: 4_096 }),
  fileDescriptors: Object.freeze({ min: 32, max: 65_536 }),
  connections: Object.freeze({ min: 0, max: 65_536 }),
  callTimeoutMs: Object.freeze({ min: 1, max: 86_400_000 }),
  messageBytes: Object.freeze({ min: 1_024, max: 256 * MIB }),
  storageBytes: Object.freeze({ min: 0, max: 1024 * GIB }),
});
