// What a plugin has done and used, counted across its processes.
import type { PluginProcess } from "../process/plugin_process.ts";

/** Counts for one plugin. */
export class CallCounters {
  /** Calls and streams begun. */
  calls = 0;
  /** Calls and streams that failed. */
  failures = 0;
  #last: PluginUsage | undefined;

  /** Keeps what a process has used, which is about to be forgotten. */
  async keep(process: PluginProcess): Promise<void> {
    this.#last = await this.#usageOf(process);
  }

  /** How many calls and streams were begun, and how many failed. */
  get counts(): { readonly calls: number; readonly failures: number } {
    return { calls: this.calls, failures: this.failures };
  }

  /** Counts what the plugin has done and used. */
  async usage(process: PluginProcess | undefined): Promise<PluginUsage> {
    if (process !== undefined) return await this.#usageOf(process);
    return {
      bytesSent: 0,
      bytesReceived: 0,
      hostTimeMs: 0,
      peakMemoryBytes: undefined,
      cpuTimeMs: undefined,
      ...this.#last,
      calls: this.calls,
      failures: this.failures,
    };
  }

  async #usageOf(process: PluginProcess): Promise<PluginUsage> {
    return {
      calls: this.calls,
      failures: this.failures,
      ...process.traffic,
      ...await process.usage(),
    };
  }
}

/**
 * Counts what a plugin has done and used since the host knows it.
 *
 * @category Host
 */
export interface PluginUsage {
  /** Calls and streams begun. */
  readonly calls: number;
  /** Calls and streams that failed. */
  readonly failures: number;
  /** Bytes sent to the running process. */
  readonly bytesSent: number;
  /** Bytes that came from it. */
  readonly bytesReceived: number;
  /** Milliseconds of work that its requests and notifications took of the host's thread. */
  readonly hostTimeMs: number;
  /** The most memory the process held at once, in bytes; `undefined` where the host may not read it. */
  readonly peakMemoryBytes: number | undefined;
  /** The processor time it used, in milliseconds; `undefined` where the host may not read it. */
  readonly cpuTimeMs: number | undefined;
}
