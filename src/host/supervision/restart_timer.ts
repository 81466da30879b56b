// Restarts of a plugin that has crashed: waits, and keeps count.
import { type Clock, SYSTEM_CLOCK } from "../../io/clock.ts";
import {
  type CrashHistory,
  NO_CRASHES,
  planRestart,
  type RestartRules,
  type RestartStep,
} from "../../monitor/violations/restart_plan.ts";

/** Plans the restarts of one plugin. */
export class RestartTimer {
  /** How often it was started again. */
  count = 0;
  #rules: RestartRules;
  #history: CrashHistory = NO_CRASHES;
  #isWaiting = false;
  #clock: Clock;
  #cancel: (() => void) | undefined;

  /** Begins without a crash. */
  constructor(rules: RestartRules, clock: Clock = SYSTEM_CLOCK) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Plans what follows a crash. */
  plan(): RestartStep {
    const { step, history } = planRestart(this.#history, this.#clock.now(), this.#rules);
    this.#history = history;
    return step;
  }

  /** Starts the plugin again in a while. */
  wait(delayMs: number, start: () => Promise<void>): void {
    this.cancel();
    this.#isWaiting = true;
    const cancel = this.#cancel = this.#clock.after(delayMs, async () => {
      await start();
      if (this.#cancel === cancel) this.cancel();
    });
  }

  /** Whether a restart is waited for or under way. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Gives up a restart that is waited for. */
  cancel(): void {
    this.#isWaiting = false;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Forgets the crashes. */
  reset(): void {
    this.#history = NO_CRASHES;
  }
}
