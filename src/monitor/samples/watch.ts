// Hands samples to readers, each at its own pace.
import { LaggingQueue } from "../../io/lagging_queue.ts";
import type { PluginSample } from "./sample.ts";

/**
 * Is what a reader of samples gets: a sample, or word that it was too slow and lost some.
 *
 * @category Monitoring
 */
export type MonitorEvent =
  | { readonly type: "sample"; readonly sample: PluginSample }
  | { readonly type: "lagged"; readonly dropped: number };

/** Options of {@linkcode ResourceMonitor.watch}. */
export interface WatchOptions {
  /** Ends the iteration. */
  signal?: AbortSignal;
  /** Returns the samples of this plugin alone. */
  plugin?: string;
  /** Samples that wait to be read, 1,024 by default; more push out the oldest. */
  maxQueued?: number;
}

/** What one reader of samples has not yet taken. */
export type SampleReader = LaggingQueue<MonitorEvent>;

/**
 * Makes a reader.
 *
 * @throws {RangeError} When `maxQueued` is not a whole number from 1 to 65,536.
 */
export function sampleReader(options: WatchOptions, onEnd: () => void): SampleReader {
  const { signal, maxQueued = 1_024 } = options;
  if (!Number.isSafeInteger(maxQueued) || maxQueued < 1 || maxQueued > 65_536) {
    throw new RangeError(`"maxQueued" must be a whole number from 1 to 65536: ${maxQueued}`);
  }
  const lagged = (dropped: number) => ({ type: "lagged", dropped }) as const;
  return new LaggingQueue<MonitorEvent>({ max: maxQueued, lagged, onEnd, signal });
}
