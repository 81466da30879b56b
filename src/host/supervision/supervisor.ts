// The watch over running plugins: what they use and what they do wrong, and what follows from it.
import { SallyportError } from "../../errors.ts";
import { type Clock, SYSTEM_CLOCK } from "../../io/clock.ts";
import type { Logger } from "../../log.ts";
import { ResourceMonitor } from "../../monitor/samples/monitor.ts";
import type { Quarantine } from "../../monitor/violations/quarantine.ts";
import { type Violation, violationOfError } from "../../monitor/violations/violations.ts";
import { entryFor } from "../../permissions/policy/policy.ts";
import { DEFAULT_RATES } from "../../permissions/policy/watch_policy.ts";
import type { EventHub, HostEvent } from "../events/events.ts";
import type { SupervisedPlugin } from "../plugin/supervision.ts";
import type { HostSettings } from "../settings/host_options.ts";
import { CallWatchdog } from "./call_watchdog.ts";
import { pluginTarget } from "./monitor_target.ts";
import { StatusPublisher } from "./status_publisher.ts";
import { violationOfEnd } from "./violation_errors.ts";
import { ViolationResponder } from "./violation_responder.ts";
import { type WatchedPlugin, watchedPlugin } from "./watched_plugin.ts";

/** Options of {@linkcode Supervisor}. */
export interface SupervisorOptions {
  /** The host's settings. */
  readonly settings: HostSettings;
  /** Events of the host; the supervisor listens, and tells what it finds. */
  readonly hub: EventHub;
  /** Keeps plugins from being loaded. */
  readonly quarantine: Quarantine;
  /** Where the status goes; `undefined` where nobody looks for it. */
  readonly statusDir: string | undefined;
  /** Lists the host's plugins. */
  plugins(): readonly SupervisedPlugin[];
  /** Gets a plugin. */
  find(name: string): SupervisedPlugin | undefined;
  /** Loads a plugin again. */
  load(name: string): Promise<unknown>;
  /** Tells the time; that of the machine by default. */
  readonly clock?: Clock;
}

/** Watches over the plugins of one host. */
export class Supervisor implements AsyncDisposable {
  /** Measures plugins; `undefined` where the application wants none of it. */
  readonly monitor: ResourceMonitor | undefined;
  readonly #options: SupervisorOptions;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #calls: CallWatchdog;
  readonly #kept = new Map<string, WatchedPlugin>();
  readonly #acts = new Set<Promise<void>>();
  readonly #violations: ViolationResponder;
  readonly #status: StatusPublisher | undefined;
  #stopped = false;

  /** Begins to listen. */
  constructor(options: SupervisorOptions) {
    const { settings: { monitor, logger }, hub, statusDir } = options;
    this.#options = options;
    this.#logger = logger;
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    const act = (name: string, act: () => Promise<void>) => this.#act(name, act);
    this.#violations = new ViolationResponder({
      hub,
      quarantine: options.quarantine,
      clock: this.#clock,
      act,
    });
    this.#calls = new CallWatchdog({
      against: (plugin, violation, error) =>
        this.#violations.against(this.#of(plugin), violation, error).action,
      act,
    });
    hub.listen((event) => this.#take(event));
    if (monitor === undefined) return;
    this.monitor = new ResourceMonitor({
      ...monitor,
      logger,
      onSample: (sample, previous) => {
        this.#status?.publish();
        const kept = this.#kept.get(sample.plugin);
        if (kept !== undefined) this.#violations.judge(kept, sample, previous);
      },
    });
    if (statusDir === undefined) return;
    this.#status = new StatusPublisher(statusDir, {
      logger,
      intervalMs: monitor.intervalMs,
      plugins: options.plugins,
      factsOf: (name) => {
        const { restarts, log } = this.#kept.get(name) ?? {};
        return { samples: this.monitor!.samples(name), restarts: restarts?.count ?? 0, log };
      },
    });
  }

  /** Lists the violations of a plugin, the latest hundred. */
  violations(plugin: SupervisedPlugin): readonly Violation[] {
    return this.#kept.get(plugin.name)?.log.entries ?? [];
  }

  /** Forgets the violations and crashes of a plugin, and no longer holds it back for them. */
  reset(plugin: SupervisedPlugin): void {
    const kept = this.#kept.get(plugin.name);
    kept?.log.reset();
    kept?.restarts.reset();
    kept?.throttle.end();
  }

  /** Gives up a restart that is waited for, as somebody else decides about the plugin. */
  cancelRestart(name: string): void {
    this.#kept.get(name)?.restarts.cancel();
  }

  /** Tells whether a plugin that crashed is about to be started again. */
  isRestarting(name: string): boolean {
    return this.#kept.get(name)?.restarts.isWaiting ?? false;
  }

  /** Gives up all restarts that are waited for. */
  cancelRestarts(): void {
    for (const { restarts } of this.#kept.values()) restarts.cancel();
  }

  /**
   * Takes the end of a process that the host did not want, when the plugin has taken note of it.
   */
  ended(plugin: SupervisedPlugin, error: SallyportError): void {
    const kept = this.#of(plugin);
    const memoryBytes = this.monitor?.samples(plugin.name).at(-1)?.peakMemoryBytes;
    this.#unwatch(kept);
    if (error.code === "crashed") {
      this.#options.hub.emit({ type: "crashed", plugin: plugin.name, error });
    } else {
      const violation = violationOfEnd(error, memoryBytes);
      const { action, reason } = this.#violations.record(kept, violation, error);
      if (action === "quarantine") return this.#violations.quarantine(kept, reason);
      if (action === "unload") return;
    }
    this.#planRestart(kept);
  }

  /** Takes a call that was not answered in time. */
  overdue(plugin: SupervisedPlugin, error: SallyportError): void {
    this.#calls.overdue(plugin, error);
  }

  /** Waits until what is put into quarantine is written down: then it can be let out. */
  async written(): Promise<void> {
    await this.#violations.written();
  }

  /** Ends what is under way: nothing is restarted any more. */
  stop(): void {
    this.#stopped = true;
    this.#status?.stop();
    for (const { restarts, throttle, calls } of this.#kept.values()) {
      restarts.cancel();
      throttle.end();
      calls?.[Symbol.dispose]();
    }
  }

  /** Stops watching. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    this.monitor?.[Symbol.dispose]();
    await Promise.all(this.#acts);
    await this.#status?.[Symbol.asyncDispose]();
  }

  #take(event: HostEvent): void {
    if (event.type === "loaded" || event.type === "reloaded") this.#watch(event.plugin);
    if (event.type === "unloaded") {
      const kept = this.#kept.get(event.plugin);
      // told when the process is gone, and by then another may serve
      if (kept !== undefined && kept.plugin.serving === undefined) {
        this.#unwatch(kept);
        kept.throttle.pause();
      }
    }
    // what follows is told after the event that it follows from
    if (event.type === "denied") queueMicrotask(() => this.#denied(event.plugin, event.error));
    if (event.type !== "emitted" && event.type !== "connection") this.#status?.publish();
  }

  #watch(name: string): void {
    const plugin = this.#options.find(name);
    const serving = plugin?.serving;
    if (plugin === undefined || serving === undefined || this.#stopped) return;
    const kept = this.#of(plugin);
    kept.restarts.cancel();
    kept.calls?.[Symbol.dispose]();
    kept.calls = this.#calls.watch(plugin, serving);
    const { hostPercent = DEFAULT_RATES.hostPercent } = kept.entry.monitor ?? {};
    serving.process.setHostShare(hostPercent);
    kept.target = pluginTarget(serving, kept.entry.monitor);
    this.monitor?.add(kept.target);
    if (!kept.throttle.isOn) return;
    kept.throttle.start(kept.target);
    this.#violations.throttle(kept);
  }

  #unwatch(kept: WatchedPlugin): void {
    if (kept.target !== undefined) this.monitor?.remove(kept.plugin.name, kept.target);
    kept.target = undefined;
    kept.calls?.[Symbol.dispose]();
    kept.calls = undefined;
  }

  #denied(name: string, error: SallyportError): void {
    const plugin = this.#options.find(name);
    // what is refused before it runs is nothing that it did
    if (plugin?.serving === undefined) return;
    this.#violations.against(this.#of(plugin), violationOfError(error, new Date()), error);
  }

  #planRestart(kept: WatchedPlugin): void {
    if (this.#stopped) return;
    const { plugin, restarts } = kept;
    const step = restarts.plan();
    if (step.action === "quarantine") this.#violations.quarantine(kept, step.reason);
    if (step.action !== "restart") return;
    const { attempt, delayMs } = step;
    this.#options.hub.emit({ type: "restarting", plugin: plugin.name, attempt, delayMs });
    restarts.wait(delayMs, () => this.#act(plugin.name, () => this.#restart(kept)));
  }

  async #restart(kept: WatchedPlugin): Promise<void> {
    const { plugin, restarts } = kept;
    await plugin.steps.run(() => Promise.resolve()); // somebody else may be about it, and fail
    if (this.#stopped || !restarts.isWaiting) return;
    if (this.#options.find(plugin.name) !== plugin || plugin.state !== "failed") return;
    restarts.count++;
    try {
      await this.#options.load(plugin.name);
    } catch (error) {
      if (plugin.serving !== undefined) return; // a reload came first
      plugin.logger.error(`Cannot start plugin "${plugin.name}" again: ${String(error)}`);
      // one that was refused is not started again, and one that was unloaded meanwhile neither
      const again = error instanceof SallyportError && error.code === "launch-failed";
      if (again && plugin.state === "failed") this.#planRestart(kept);
    }
  }

  /** Does something that nobody waits for before the host is closed. */
  #act(name: string, act: () => Promise<void>): Promise<void> {
    const done = act().catch((error) => {
      const logger = this.#options.find(name)?.logger ?? this.#logger;
      logger.error(`Cannot act on plugin "${name}": ${String(error)}`, { plugin: name });
    }).finally(() => this.#acts.delete(done));
    this.#acts.add(done);
    return done;
  }

  #of(plugin: SupervisedPlugin): WatchedPlugin {
    const { name } = plugin;
    const known = this.#kept.get(name);
    if (known?.plugin === plugin) return known;
    const entry = entryFor(this.#options.settings.policy, name);
    const kept = watchedPlugin(plugin, entry, this.#clock, known);
    this.#kept.set(name, kept);
    return kept;
  }
}
