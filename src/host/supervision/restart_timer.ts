// RestartTimer of plugins that have crashed: waits, and keeps count.
import {
  type CrashHistory,
  NO_CRASHES,
  planRestart,
  type RestartRules,
  type RestartStep,
} from "../../monitor/violations/restart_plan.ts";

/** Plans the restarts of one plugin. Its timer keeps no process alive. */
export class RestartTimer {
  /** How often it was started again. */
  count = 0;
  #rules: RestartRules;
  #history: CrashHistory = NO_CRASHES;
  #isWaiting = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins without a crash. */
  constructor(rules: RestartRules) {
    this.#rules = rules;
  }

  /** Plans what follows a crash. */
  plan(): RestartStep {
    const { step, history } = planRestart(this.#history, performance.now(), this.#rules);
    this.#history = history;
    return step;
  }

  /** Starts the plugin again in a while. */
  wait(delayMs: number, start: () => Promise<void>): void {
    this.cancel();
    this.#isWaiting = true;
    const timer = this.#timer = setTimeout(async () => {
      await start();
      if (this.#timer === timer) this.cancel();
    }, delayMs);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** Whether a restart is waited for or under way. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Gives up a restart that is waited for. */
  cancel(): void {
    this.#isWaiting = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Forgets the crashes. */
  reset(): void {
    this.#history = NO_CRASHES;
  }
}
