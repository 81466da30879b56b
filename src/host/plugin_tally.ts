/**
 * What a plugin has done and used, counted across its processes.
 *
 * @module
 */
import type { SallyportError } from "../errors.ts";
import type { PluginInstance } from "./instance.ts";
import type { PluginUsage, Violation } from "./plugin_facts.ts";

const MAX_VIOLATIONS = 100;

/** Counts for one plugin. */
export class PluginTally {
  /** What it did against the protocol, the latest hundred. */
  readonly violations: Violation[] = [];
  /** Calls and streams begun. */
  calls = 0;
  /** Calls and streams that failed. */
  failures = 0;
  #last: PluginUsage | undefined;

  /** Keeps what a process has used, which is about to be forgotten. */
  async keep(instance: PluginInstance): Promise<void> {
    this.#last = await this.#usageOf(instance);
  }

  /**
   * Counts what the plugin has done and used.
   *
   * @param instance Its process, while there is one.
   */
  async usage(instance: PluginInstance | undefined): Promise<PluginUsage> {
    if (instance !== undefined) return await this.#usageOf(instance);
    return {
      bytesSent: 0,
      bytesReceived: 0,
      peakMemoryBytes: undefined,
      cpuTimeMs: undefined,
      ...this.#last,
      calls: this.calls,
      failures: this.failures,
    };
  }

  /** Notes a breach of the protocol or of a limit. */
  record({ code, message }: SallyportError): void {
    this.violations.push({ code, message, time: new Date().toISOString() });
    if (this.violations.length > MAX_VIOLATIONS) this.violations.shift();
  }

  async #usageOf(instance: PluginInstance): Promise<PluginUsage> {
    return {
      calls: this.calls,
      failures: this.failures,
      ...instance.traffic,
      ...await instance.usage(),
    };
  }
}
