// The process that serves a plugin's calls, with what it was started from and what it is busy with.
import type { PluginTracer } from "../../monitor/telemetry/tracing.ts";
import type { PluginProcess } from "../process/plugin_process.ts";
import type { PreparedPlugin } from "../admission/admit.ts";

/** Is replaced as a whole when another process takes over, so that nobody ever sees half of a switch. */
export class ActiveProcess {
  /** The process. */
  readonly process: PluginProcess;
  /** What it was started from. */
  readonly prepared: PreparedPlugin;
  /** Makes the spans of its calls. */
  readonly tracer: PluginTracer;
  #calls = 0;
  #quiet: (() => void) | undefined;

  /** Begins with no call. */
  constructor(process: PluginProcess, prepared: PreparedPlugin, tracer: PluginTracer) {
    this.process = process;
    this.prepared = prepared;
    this.tracer = tracer;
  }

  /** The version in the manifest. */
  get version(): string {
    return this.prepared.verified.manifest.version;
  }

  /** Notes the begin of a call; streams are not counted, as they may last for ever. */
  begin(): void {
    this.#calls++;
  }

  /** Notes the end of a call. */
  end(): void {
    if (--this.#calls === 0) this.#quiet?.();
  }

  /** Waits until no call is under way; who waits for it bounds it. */
  async whenQuiet(): Promise<void> {
    if (this.#calls > 0) await new Promise<void>((resolve) => this.#quiet = resolve);
  }
}
