// Holds back a plugin that has done too much, until that is long enough ago.
import { type Clock, SYSTEM_CLOCK } from "../../io/clock.ts";
import type { MonitorTarget } from "../../monitor/samples/target.ts";
import { capProcessor } from "../../sandbox/cgroup/groups/throttle.ts";
import type { SupervisedPlugin } from "../plugin/supervision.ts";

/** The part of its processor time that is left to a throttled plugin. */
const SHARE = 0.25;
/** How long each of its calls waits where nothing caps its processor time. */
const DELAY_MS = 250;

/** Throttles one plugin, across its processes. */
export class Throttle {
  #plugin: SupervisedPlugin;
  #on = false;
  #capped: MonitorTarget | undefined;
  #clock: Clock;
  #cancel: () => void = () => {};

  /** Begins with the plugin not held back. */
  constructor(plugin: SupervisedPlugin, clock: Clock = SYSTEM_CLOCK) {
    this.#plugin = plugin;
    this.#clock = clock;
  }

  /** Whether it is held back. */
  get isOn(): boolean {
    return this.#on;
  }

  /**
   * Holds the plugin back: with a control group, to a quarter of its processor time; else each new call
   * waits 250 ms.
   */
  start(target: MonitorTarget | undefined): void {
    this.#on = true;
    const { limits } = this.#plugin.permissions ?? {};
    const capped = target?.cgroup !== undefined && limits !== undefined &&
      capProcessor(target.cgroup, limits.cpuPercent * SHARE);
    this.#capped = capped ? target : undefined;
    this.#plugin.calls.delayMs = capped ? 0 : DELAY_MS;
  }

  /** Looks again in a while whether it is to be held back still. */
  lookIn(delayMs: number, look: () => void): void {
    this.#cancel();
    this.#cancel = this.#clock.after(delayMs, look);
  }

  /** Looks no more for now, as nothing runs that is held back; it holds for the next process. */
  pause(): void {
    this.#cancel();
  }

  /** Lets the plugin go. */
  end(): void {
    this.#cancel();
    if (!this.#on) return;
    this.#on = false;
    const { limits } = this.#plugin.permissions ?? {};
    const cgroup = this.#capped?.cgroup;
    // the groups of a process that has ended are gone, and a group's name is never used again
    if (cgroup !== undefined && limits !== undefined) capProcessor(cgroup, limits.cpuPercent);
    this.#capped = undefined;
    this.#plugin.calls.delayMs = 0;
  }
}
