// The processes of one plugin: the one that serves, one that is being started, those on their way out.
import type { SallyportError } from "../../errors.ts";
import { abortGuarded, guardSignal } from "../../guard.ts";
import { PluginTracer } from "../../monitor/telemetry/tracing.ts";
import { settledWithin } from "../../process/stop.ts";
import type { Denials } from "../calls/denials.ts";
import type { PluginParts } from "./plugin_parts.ts";
import type { PluginProcess } from "../process/plugin_process.ts";
import { requestHandlers } from "./request_handlers.ts";
import type { PreparedPlugin } from "../admission/admit.ts";
import { checkHooks } from "./plugin_hooks.ts";

/** Starts and ends the processes of one plugin. */
export class PluginProcesses {
  #parts: PluginParts;
  #denials: Denials;
  #starting: PreparedPlugin | undefined;
  #living = new Map<PluginProcess, PreparedPlugin>();
  #revoked = new WeakMap<PluginProcess, SallyportError>();
  #tracers = new WeakMap<PluginProcess, PluginTracer>();

  /** Begins with none. */
  constructor(parts: PluginParts, denials: Denials) {
    this.#parts = parts;
    this.#denials = denials;
  }

  /** What is being started. */
  get starting(): PreparedPlugin | undefined {
    return this.#starting;
  }

  /** Starts a process. */
  async launch(
    prepared: PreparedPlugin,
    signal: AbortSignal,
    ready: (process: PluginProcess) => Promise<void> = () => Promise.resolve(),
  ): Promise<PluginProcess> {
    const { admission, starter, trust, settings } = this.#parts;
    const unloaded = new AbortController();
    const { manifest, bundleHash } = prepared.verified;
    // services of the application listen
    const listener = `A service's listener for "${manifest.name}"`;
    guardSignal(settings.logger, listener, unloaded.signal);
    const abort = () => abortGuarded(settings.logger, listener, unloaded);
    const tracer = new PluginTracer({ ...manifest, bundleHash }, settings.logger);
    const links = { denials: this.#denials, tracer, unloaded: unloaded.signal };
    const events = requestHandlers(this.#parts, prepared, links);
    this.#starting = prepared;
    try {
      await admission.confirm(prepared);
      const process = await starter.start(prepared, events, signal).catch((error) => {
        abort(); // there is nobody left whose requests are worth an answer
        throw error;
      });
      this.#living.set(process, prepared);
      this.#tracers.set(process, tracer);
      process.ended.then(() => {
        this.#living.delete(process);
        abort();
      });
      try {
        checkHooks(prepared, process.offers);
        await ready(process);
        // not before: the version that ran must not be kept out by one that never did
        await trust.record(prepared.verified);
        return process;
      } catch (error) {
        await process.kill();
        await starter.settle(prepared);
        throw this.#revoked.get(process) ?? error;
      }
    } finally {
      this.#starting = undefined;
    }
  }

  /** Lets a process finish its calls, then stops it. */
  async retire(process: PluginProcess): Promise<void> {
    const { drainMs, shutdownMs, graceMs } = this.#parts.settings.times;
    if (process.inFlight > 0) {
      const idle = process.whenIdle();
      await settledWithin(Promise.race([idle, process.ended]), drainMs);
    }
    const prepared = this.#living.get(process);
    await process.stop({ shutdownMs, graceMs });
    if (prepared !== undefined) await this.#parts.starter.settle(prepared); // no process of it is left
  }

  /** Judges what every process was started from, and what else may be, by what is trusted now. */
  async judge(
    others: readonly PreparedPlugin[],
  ): Promise<ReadonlyMap<PreparedPlugin, SallyportError>> {
    const { trust } = this.#parts;
    const subjects = new Set([...this.#living.values(), ...others]);
    if (this.#starting !== undefined) subjects.add(this.#starting);
    const refused = new Map<PreparedPlugin, SallyportError>();
    await Promise.all([...subjects].map(async (prepared) => {
      const refusal = await trust.refusalOfRunning(prepared.verified);
      if (refusal !== undefined) refused.set(prepared, refusal);
    }));
    return refused;
  }

  /** Kills at once every process that was started from something refused. */
  async killRefused(refused: ReadonlyMap<PreparedPlugin, SallyportError>): Promise<void> {
    const ends: Promise<void>[] = [];
    for (const [process, prepared] of this.#living) {
      const refusal = refused.get(prepared);
      if (refusal === undefined) continue;
      this.#revoked.set(process, refusal);
      ends.push(process.kill());
    }
    await Promise.all(ends);
  }

  /** Kills every process at once. */
  async killAll(reason: SallyportError): Promise<void> {
    await this.killRefused(new Map([...this.#living.values()].map((of) => [of, reason])));
  }

  /** What makes the spans of a process's calls. */
  tracerOf(process: PluginProcess): PluginTracer {
    return this.#tracers.get(process)!;
  }

  /** Says why a process was killed, if the host did it at once. */
  refusalOf(process: PluginProcess): SallyportError | undefined {
    return this.#revoked.get(process);
  }
}
