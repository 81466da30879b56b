// What a host tells of itself and its plugins, for its status file.
import type { Logger } from "../../log.ts";
import type { PluginSample } from "../../monitor/samples/sample.ts";
import type { ViolationLog } from "../../monitor/violations/violations.ts";
import { VERSION } from "../../version.ts";
import type { SupervisedPlugin } from "../plugin/supervision.ts";
import { MAX_HISTORY, type PluginStatus, StatusFile } from "./status_file.ts";

/** What is known of a plugin beside what it knows itself. */
export interface WatchFacts {
  /** Its samples, the oldest first. */
  readonly samples: readonly PluginSample[];
  /** How often it was started again after a crash. */
  readonly restarts: number;
  /** Its violations. */
  readonly log: ViolationLog | undefined;
}

/** Options of {@linkcode StatusPublisher}. */
export interface StatusPublisherOptions {
  /** Is told when the file cannot be written. */
  readonly logger: Logger;
  /** How often the host samples its plugins, in milliseconds. */
  readonly intervalMs: number;
  /** Lists the host's plugins. */
  plugins(): readonly SupervisedPlugin[];
  /** Tells what is known of one beside what it knows itself. */
  factsOf(name: string): WatchFacts;
}

/** Publishes the status of a host: when something happens, and once an interval. */
export class StatusPublisher implements AsyncDisposable {
  readonly #options: StatusPublisherOptions;
  readonly #file: StatusFile;
  readonly #startedAt = new Date().toISOString();
  readonly #pulse: ReturnType<typeof setInterval>;

  /** Begins to publish, when the host is whole. */
  constructor(dir: string, options: StatusPublisherOptions) {
    this.#options = options;
    this.#file = new StatusFile(dir, { logger: options.logger });
    this.#pulse = setInterval(() => this.publish(), options.intervalMs);
    Deno.unrefTimer(this.#pulse as unknown as number);
    queueMicrotask(() => this.publish());
  }

  /** Publishes the status of now, soon. */
  publish(): void {
    this.#file.publish(() => ({
      schema: 1,
      host: { pid: Deno.pid, startedAt: this.#startedAt, version: VERSION },
      time: new Date().toISOString(),
      intervalMs: this.#options.intervalMs,
      plugins: this.#options.plugins().map((plugin) =>
        pluginStatus(plugin, this.#options.factsOf(plugin.name))
      ),
    }));
  }

  /** Publishes no more by itself. */
  stop(): void {
    clearInterval(this.#pulse);
  }

  /** Removes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#file[Symbol.asyncDispose]();
  }
}

function pluginStatus(plugin: SupervisedPlugin, facts: WatchFacts): PluginStatus {
  const { name, state, pid, manifest, bundleHash, sandbox, permissions, error, counts } = plugin;
  const sample = facts.samples.at(-1);
  return {
    name,
    state,
    ...(manifest === undefined ? {} : { version: manifest.version }),
    ...(bundleHash === undefined ? {} : { bundleHash }),
    ...(pid === undefined ? {} : { pid }),
    ...(sandbox === undefined ? {} : { sandbox: sandbox.launcher }),
    restarts: facts.restarts,
    violations: facts.log === undefined ? 0 : countRecent(facts.log),
    calls: {
      total: counts.calls,
      failed: counts.failures,
      inFlight: counts.inFlight,
      perSecond: sample?.callsPerSecond ?? 0,
    },
    ...(permissions === undefined ? {} : { memoryLimitBytes: permissions.limits.memoryBytes }),
    ...(sample === undefined ? {} : { sample }),
    ...(facts.samples.length === 0 ? {} : {
      history: facts.samples.slice(-MAX_HISTORY).flatMap(({ cpuPercent }) => cpuPercent ?? []),
    }),
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
  };
}

/** Counts the violations that are in the window, by the clock that they are dated by. */
function countRecent({ entries, windowMs }: ViolationLog): number {
  const start = new Date(Date.now() - windowMs).toISOString();
  return entries.filter(({ time }) => time > start).length;
}
