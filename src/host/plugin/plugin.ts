// One plugin in the host's hands: its state, and the steps from one state to the next, one at a time.
import type { SallyportError } from "../../errors.ts";
import type { RequestOptions } from "../../rpc/calls/options.ts";
import type { SandboxReport } from "../../sandbox/launch/launcher.ts";
import type { VerifiedPlugin } from "../../trust/verify/verify.ts";
import { Denials } from "../calls/denials.ts";
import { checkHealth, handOver, handsOver } from "./state_transfer.ts";
import type { PluginParts } from "./plugin_parts.ts";
import { KnownPlugin } from "./known_plugin.ts";
import type { PluginProcess, ProcessEnd } from "../process/plugin_process.ts";
import type { Lane } from "../settings/transport_options.ts";
import type { PreparedPlugin } from "../admission/admit.ts";
import type { HeldCalls } from "../calls/call_gate.ts";
import { CallRouter } from "../calls/call_router.ts";
import { replaceHooks } from "./plugin_hooks.ts";
import { loadFailure, notRunningError, reasonOrFailure } from "./load_errors.ts";
import type { PluginUsage } from "../calls/call_counters.ts";
import { PluginProcesses } from "./plugin_processes.ts";
import { CallCounters } from "../calls/call_counters.ts";
import { ActiveProcess } from "../calls/active_process.ts";
import { StepQueue } from "./step_queue.ts";
import type { PluginState } from "../events/plugin_state.ts";
import { VersionsKept } from "../admission/previous_version.ts";

/** Manages one plugin. */
export class ManagedPlugin extends KnownPlugin {
  /** The steps of its life, one at a time. */
  readonly steps: StepQueue = new StepQueue();
  /** The way of its calls. */
  readonly calls: CallRouter;
  /** What ran before. */
  readonly versions: VersionsKept = new VersionsKept();
  /** What it needs before its first start, for plugins loaded lazily. */
  beforeStart: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  #parts: PluginParts;
  /** The running process; what takes calls while the plugin is active. */
  #serving: ActiveProcess | undefined;
  /** What waits for its first use. */
  #prepared: PreparedPlugin | undefined;
  #ended: Promise<void> = Promise.resolve();
  #denials: Denials;
  #processes: PluginProcesses;
  #tally = new CallCounters();

  /** Makes an entry for a folder. */
  constructor(parts: PluginParts, name: string, path: string, state: PluginState) {
    super(parts, name, path, state);
    this.#parts = parts;
    this.#denials = new Denials(name, (error) => {
      parts.hub.emit({ type: "denied", plugin: name, error });
    });
    this.#processes = new PluginProcesses(parts, this.#denials);
    this.calls = new CallRouter(this, this.#tally, this.#denials, parts.telemetry);
  }

  /** How messages travel to its process and back; `undefined` without one. */
  get lane(): Lane | undefined {
    return this.#serving?.process.lane;
  }

  /** How many bytes of large values may be under way in files, in each direction. */
  get sharedMemory(): number | undefined {
    return this.#serving?.process.sharedMemory;
  }

  /** What contains the process; `undefined` without one. */
  get sandbox(): SandboxReport | undefined {
    return this.#serving?.process.sandbox;
  }

  /** The id of its process, while there is one. */
  get pid(): number | undefined {
    return this.#serving?.process.pid;
  }

  /** How many calls it was sent, how many failed, and how many are under way. */
  get counts(): { readonly calls: number; readonly failures: number; readonly inFlight: number } {
    return { ...this.#tally.counts, inFlight: this.#serving?.process.inFlight ?? 0 };
  }

  /** The methods that it offers, while it runs. */
  get methods(): readonly string[] {
    return this.#serving?.process.offers.methods ?? [];
  }

  /** Whether it was loaded to start on first use. */
  get isLazy(): boolean {
    return this.#prepared !== undefined && this.state === "available";
  }

  /** Whether it is loaded, or a step of its life is under way. */
  get isTaken(): boolean {
    return this.steps.isBusy || this.isLazy || this.state === "active" ||
      this.state === "starting" || this.state === "draining";
  }

  /** Settles permissions and keeps the plugin ready to start on first use. */
  async prepare(verified: VerifiedPlugin): Promise<PreparedPlugin> {
    this.describe(verified);
    try {
      const prepared = await this.#parts.admission.admit(verified);
      this.permissions = prepared.permissions;
      return prepared;
    } catch (error) {
      throw this.fail(error);
    }
  }

  /** Keeps a prepared plugin for its first use and registers its hooks. */
  async park(prepared: PreparedPlugin): Promise<void> {
    const { trust } = this.#parts;
    try {
      while (!trust.isCurrent(prepared.verified)) await trust.confirm(prepared.verified);
      this.#setHooks(prepared, undefined);
    } catch (error) {
      // what was parked before stays
      throw this.isLazy ? loadFailure(this.name, error) : this.fail(error);
    }
    trust.expire(prepared.verified);
    this.describeWhole(prepared);
    this.#prepared = prepared;
    this.error = undefined;
    this.move("available");
  }

  /** Starts a prepared plugin. */
  async start(prepared: PreparedPlugin, signal: AbortSignal): Promise<void> {
    this.move("starting");
    try {
      const process = await this.#processes.launch(prepared, signal);
      await this.#admit(process, prepared, signal, { type: "loaded" });
    } catch (failure) {
      const error = reasonOrFailure(signal, failure);
      this.#parts.hooks.removePlugin(this.name);
      this.#prepared = undefined;
      await this.#release(); // its init may have used services
      throw this.fail(error, signal);
    }
  }

  /**
   * Starts another bundle beside the running one, and lets it take its place when all is well; else the
   * running one serves on. At no moment is a call without a process to go to: while state is handed
   * over calls wait, and the switch is one step.
   */
  async replace(
    prepared: PreparedPlugin,
    signal: AbortSignal,
    { rollback = false, withoutState = false }: { rollback?: boolean; withoutState?: boolean } = {},
  ): Promise<void> {
    const { name } = this;
    const { logger } = this; // of the old one, whose state it is
    const { trust, settings: { times } } = this.#parts;
    const old = this.#serving;
    let hold: HeldCalls | undefined;
    try {
      const process = await this.#processes.launch(prepared, signal, async (next) => {
        await checkHealth(name, next, signal);
        if (old === undefined || withoutState || !handsOver(old.process, next)) return;
        if (await trust.refusalOfRunning(old.prepared.verified) !== undefined) {
          logger.warn(
            `Plugin "${name}" is not asked for its state: version ${old.version} is revoked`,
          );
          return;
        }
        hold = this.calls.hold();
        const either = AbortSignal.any([signal, hold.full]);
        await handOver(name, old, next, { logger, timeoutMs: times.handOverMs, signal: either });
      });
      const how = { type: "reloaded", from: old?.version, rollback } as const;
      await this.#admit(process, prepared, signal, how);
    } catch (failure) {
      const error = reasonOrFailure(hold?.full.aborted ? hold.full : signal, failure);
      // what was to be replaced may have gone meanwhile: then nothing else says that this did not come
      const isDown = this.state === "failed" || this.state === "untrusted";
      if (isDown && error !== this.error) throw this.fail(error, signal);
      throw loadFailure(name, error, { verb: "reload", signal });
    } finally {
      hold?.release();
    }
    if (old !== undefined) await this.#processes.retire(old.process);
  }

  /** Finishes the calls in flight, stops the process and lets go of everything. */
  async unload(reason: string): Promise<void> {
    const serving = this.#serving;
    this.#parts.hooks.removePlugin(this.name);
    if (serving !== undefined) {
      this.move("draining");
      await this.#processes.retire(serving.process);
      if (this.#serving !== serving) return; // it was revoked meanwhile, and that was told
      await this.#tally.keep(serving.process);
      this.#serving = undefined;
    }
    const wasLoaded = serving !== undefined || this.#prepared !== undefined;
    this.#prepared = undefined;
    await this.#release();
    if (!wasLoaded) return;
    this.move("inactive");
    this.#parts.hub.emit({ type: "unloaded", plugin: this.name, reason });
  }

  /**
   * Judges what runs, is being started or waits for its first use by what is trusted now, and takes
   * down at once what is not any more: calls are not waited for, but settled with `revoked`.
   */
  async enforceTrust(): Promise<void> {
    const parked = this.#prepared;
    const refused = await this.#processes.judge(parked === undefined ? [] : [parked]);
    if (refused.size === 0) return;
    // judging took a moment: what counts is what it is by now
    const refusalOf = (prepared: PreparedPlugin | undefined) => prepared && refused.get(prepared);
    const start = refusalOf(this.#processes.starting);
    if (start !== undefined) this.steps.cancelLoad(start);
    const killed = this.#processes.killRefused(refused);
    const refusal = refusalOf(this.#serving?.prepared) ?? refusalOf(this.#prepared);
    if (refusal !== undefined) await this.#drop(refusal, "untrusted", killed);
    await killed;
  }

  /** Ends every process of it at once; calls under way fail with the error. */
  async takeDown(error: SallyportError, to: "inactive" | "quarantined"): Promise<void> {
    this.steps.cancelLoad(error);
    await this.#drop(error, to, this.#processes.killAll(error));
  }

  async #drop(error: SallyportError, to: PluginState, killed: Promise<void>): Promise<void> {
    const process = this.#serving?.process;
    const wasLoaded = process !== undefined || this.#prepared !== undefined;
    this.#serving = undefined;
    this.#prepared = undefined;
    this.#parts.hooks.removePlugin(this.name);
    this.error = error;
    this.move(to);
    const { name } = this;
    const { reason } = error;
    this.logger.error(`Plugin "${name}" is unloaded: ${reason}`, { code: error.code });
    const refusal = to === "untrusted" ? { refusal: error } : {};
    const tell = () => {
      if (wasLoaded) this.#parts.hub.emit({ type: "unloaded", plugin: name, reason, ...refusal });
    };
    // where another version is on its way this is told, and let go of, before that one is there
    const isReplaced = to === "untrusted" && this.#processes.starting !== undefined;
    if (isReplaced) tell();
    await killed;
    if (process !== undefined) await this.#tally.keep(process);
    if (this.#serving === undefined) await this.#release();
    if (!isReplaced) tell();
  }

  /** Sends a request to the process that serves, starting it first where it was loaded lazily. */
  request(method: string, params: unknown, options?: RequestOptions): Promise<unknown> {
    return this.calls.request(method, params, options);
  }

  /** Streams from the process that serves, starting it first where it was loaded lazily. */
  stream(method: string, params: unknown, options?: RequestOptions): AsyncGenerator<unknown> {
    return this.calls.stream(method, params, options);
  }

  /** Counts what it has done and used. */
  usage(): Promise<PluginUsage> {
    return this.#tally.usage(this.#serving?.process);
  }

  #identity(process: PluginProcess) {
    return {
      plugin: this.name,
      version: this.manifest!.version,
      bundleHash: this.bundleHash!,
      pid: process.pid,
    };
  }

  /** What takes calls now. */
  get serving(): ActiveProcess | undefined {
    return this.state === "active" ? this.#serving : undefined;
  }

  /** Starts a plugin that was loaded lazily; does nothing for any other. */
  async wake(): Promise<void> {
    if (!this.isLazy) return;
    await this.steps.load(undefined, async (signal) => {
      const prepared = this.#prepared;
      if (this.state !== "available" || prepared === undefined) return;
      await this.beforeStart(signal);
      await this.start(prepared, signal);
    });
  }

  /** Starts a plugin that was loaded lazily, and throws where there is nothing that takes calls. */
  async wakeForCall(): Promise<void> {
    await this.wake();
    if (this.serving === undefined) throw notRunningError(this.name, this.state, this.error);
  }

  /** Is told of a call that took longer than the plugin's limit. */
  overdue(process: PluginProcess, error: SallyportError): void {
    if (this.serving?.process === process) this.#parts.supervisor.overdue(this, error);
  }

  /** Says why a process was killed, if the host did it at once. */
  refusalOf(process: PluginProcess): SallyportError | undefined {
    return this.#processes.refusalOf(process);
  }

  /** Waits until the end of the running process is told. */
  async settled(process: PluginProcess): Promise<void> {
    if (this.#serving?.process === process) await this.#ended;
  }

  /**
   * Takes a started process into service if its bundle is trusted still. Between the last look at
   * that and the plugin's place among those that are judged when it changes, nothing else runs.
   */
  async #admit(
    process: PluginProcess,
    prepared: PreparedPlugin,
    signal: AbortSignal,
    how: { type: "loaded" } | { type: "reloaded"; from: string | undefined; rollback: boolean },
  ): Promise<void> {
    const { trust, hub, admission } = this.#parts;
    try {
      while (!trust.isCurrent(prepared.verified)) await trust.confirm(prepared.verified);
      signal.throwIfAborted(); // it was taken down in the last step, and its process ended
      this.#setHooks(prepared, process);
    } catch (error) {
      await process.kill();
      throw error;
    }
    this.describeWhole(prepared);
    this.#serving = new ActiveProcess(process, prepared, this.#processes.tracerOf(process));
    this.#prepared = undefined;
    this.error = undefined;
    this.versions.note(admission.keep(prepared.verified));
    this.move("active");
    this.#ended = process.ended.then((end) => this.#onEnd(process, end));
    hub.emit({ ...how, ...this.#identity(process) });
  }

  #setHooks(prepared: PreparedPlugin, process: PluginProcess | undefined): void {
    const before = this.#serving ?? (this.#prepared && { prepared: this.#prepared });
    replaceHooks(this.#parts.hooks, { prepared, process }, before, this.calls);
  }

  async #onEnd(process: PluginProcess, end: ProcessEnd): Promise<void> {
    const isServing = () => this.#serving?.process === process;
    if (!isServing() || end.error === undefined) return;
    await this.#tally.keep(process);
    if (!isServing()) return;
    this.#serving = undefined;
    this.#parts.hooks.removePlugin(this.name);
    this.error = end.error;
    this.move("failed");
    this.logger.error(end.error.message, { code: end.error.code });
    this.#parts.supervisor.ended(this, end.error);
    void this.#release();
  }

  async #release(): Promise<void> {
    try {
      await this.#parts.services.release(this.name);
    } catch (error) {
      this.logger.error(`Cannot clean up after plugin "${this.name}"`, { error: String(error) });
    }
  }
}
