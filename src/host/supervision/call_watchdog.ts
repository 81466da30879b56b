// The watch over calls: what takes too long or too much processor time, and whether the plugin is stuck.
import { SallyportError } from "../../errors.ts";
import { isAtLeast, type ViolationAction } from "../../monitor/violations/response.ts";
import { mayReadProc, readStat } from "../../monitor/sources/proc.ts";
import { createViolation, type Violation } from "../../monitor/violations/violations.ts";
import { settledWithin } from "../../process/stop.ts";
import { CallCpuTime, type CallExcess } from "./call_cpu_time.ts";
import type { PluginProcess } from "../process/plugin_process.ts";
import { downError, errorOf } from "./violation_errors.ts";
import type { SupervisedPlugin } from "../plugin/supervision.ts";
import type { ActiveProcess } from "../calls/active_process.ts";

/** What the watch over calls needs of the supervisor. */
export interface CallWatchdogParts {
  /** Counts a violation of a running plugin and does what the policy says; returns what that was. */
  against(plugin: SupervisedPlugin, violation: Violation, error: SallyportError): ViolationAction;
  /** Does something that nobody waits for before the host is closed. */
  act(plugin: string, act: () => Promise<void>): Promise<void>;
}

type Content = Omit<Violation, "time" | "severity">;

/** How long a plugin whose call is overdue has to show that it is not stuck. */
const SIGN_OF_LIFE_MS = 250;
/** The same after too much processor time, when the call may have a while to go, and how it is waited for. */
const CPU_SIGNS = 8;

/** Ends calls that take too much, and plugins that are stuck in one. */
export class CallWatchdog {
  readonly #parts: CallWatchdogParts;

  /** Takes what it needs. */
  constructor(parts: CallWatchdogParts) {
    this.#parts = parts;
  }

  /**
   * Measures the processor time of a process's calls, where `/proc` can be read. A call that took more
   * than `cpuTimeMs` fails with `limit-exceeded`; a plugin that is stuck by then is ended.
   */
  watch(plugin: SupervisedPlugin, { process, prepared }: ActiveProcess): Disposable | undefined {
    if (!mayReadProc()) return undefined;
    const { cpuTimeMs } = prepared.permissions.limits;
    return new CallCpuTime(process, {
      limitMs: cpuTimeMs,
      read: () => readStat(process.pid)?.cpuTimeMs,
      onExcess: (excess) =>
        this.#parts.act(plugin.name, () => this.#exceeded(plugin, process, cpuTimeMs, excess)),
    });
  }

  /**
   * Takes a call that was not answered in time. One that took the plugin's own limit counts against
   * it; a plugin that gives no sign of life then is stuck in a loop, and ended.
   */
  overdue(plugin: SupervisedPlugin, error: SallyportError): void {
    const limit = plugin.permissions?.limits.callTimeoutMs;
    const process = plugin.serving?.process;
    // a caller may have less patience than the plugin has time
    if (process === undefined || error.details.timeoutMs !== limit) return;
    const unit = "ms";
    const { code, message } = error;
    const content = { kind: "call-duration", code, message, measured: limit, limit, unit } as const;
    this.#parts.against(
      plugin,
      createViolation({ ...content, severity: "medium" }, new Date()),
      error,
    );
    void this.#parts.act(plugin.name, async () => {
      const answered = await settledWithin(process.heap(), SIGN_OF_LIFE_MS);
      if (answered || plugin.serving?.process !== process) return;
      await this.#endStuck(plugin, content, `took ${limit} ms`);
    });
  }

  async #exceeded(
    plugin: SupervisedPlugin,
    process: PluginProcess,
    limit: number,
    { measuredMs, calls }: CallExcess,
  ): Promise<void> {
    const measured = Math.round(measuredMs);
    const message = `A call of plugin "${plugin.name}" took ${measured} ms of processor time ` +
      `where ${limit} ms are allowed`;
    const code = "limit-exceeded";
    const content = { kind: "cpu", code, message, measured, limit, unit: "ms" } as const;
    const alive = await showsLife(process);
    if (plugin.serving?.process !== process) return;
    if (!alive) {
      return await this.#endStuck(plugin, content, `took ${measured} ms of processor time`);
    }
    if (calls.length === 0) return; // it does answer: which of several took the time is not known
    const violation = createViolation({ ...content, severity: "medium" }, new Date());
    for (const id of calls) process.giveUp(id, (label) => tooMuch(plugin.name, label, violation));
    this.#parts.against(plugin, violation, errorOf(plugin.name, violation));
  }

  async #endStuck(plugin: SupervisedPlugin, content: Content, what: string): Promise<void> {
    const { name } = plugin;
    const message = `Plugin "${name}" is stuck: a call of it ${what}, and it answers nothing`;
    const violation = createViolation({ ...content, message, severity: "critical" }, new Date());
    const action = this.#parts.against(plugin, violation, errorOf(name, violation));
    // whatever the policy says of violations: it would take no other call either
    if (!isAtLeast(action, "unload")) {
      await plugin.takeDown(downError(name, violation, message), "inactive");
    }
  }
}

/** Waits for an answer in steps: a moment in which this host itself stood still is one of them only. */
async function showsLife(process: PluginProcess): Promise<boolean> {
  const answer = process.heap();
  for (let step = 0; step < CPU_SIGNS; step++) {
    if (await settledWithin(answer, SIGN_OF_LIFE_MS)) return true;
  }
  return false;
}

function tooMuch(plugin: string, label: string, { measured, limit }: Violation): SallyportError {
  return new SallyportError(
    "limit-exceeded",
    `Cannot finish ${label}: it took ${measured} ms of processor time where ${limit} ms are allowed`,
    {
      hint: "Let it do less in one call, or raise limits.cpuTimeMs in the manifest and the policy",
      details: { plugin, limit: "cpuTimeMs", value: limit, measured },
    },
  );
}
