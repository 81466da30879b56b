// What follows from what a plugin does wrong: a record, a warning, throttling, its end.
import type { SallyportError } from "../../errors.ts";
import type { Clock } from "../../io/clock.ts";
import type { PluginSample } from "../../monitor/samples/sample.ts";
import type { Quarantine } from "../../monitor/violations/quarantine.ts";
import {
  decide,
  isAtLeast,
  standingAction,
  type ViolationDecision,
} from "../../monitor/violations/response.ts";
import { type Violation, violationOfBreach } from "../../monitor/violations/violations.ts";
import { DEFAULT_RATES } from "../../permissions/policy/watch_policy.ts";
import type { EventHub } from "../events/events.ts";
import { downError, errorOf, warningOf } from "./violation_errors.ts";
import type { WatchedPlugin } from "./watched_plugin.ts";

/** What a {@linkcode ViolationResponder} acts with. */
export interface ResponderParts {
  /** Events of the host. */
  readonly hub: EventHub;
  /** Keeps plugins from being loaded. */
  readonly quarantine: Quarantine;
  /** Tells the time. */
  readonly clock: Clock;
  /** Does something that nobody waits for before the host is closed. */
  act(plugin: string, act: () => Promise<void>): void;
}

/** Counts violations, and does what the policy says. */
export class ViolationResponder {
  readonly #parts: ResponderParts;
  /** What is being written of the quarantine. */
  readonly #writing = new Set<Promise<unknown>>();

  /** Has counted none. */
  constructor(parts: ResponderParts) {
    this.#parts = parts;
  }

  /** Compares a sample with the limits. */
  judge(kept: WatchedPlugin, sample: PluginSample, previous: PluginSample | undefined): void {
    const limits = kept.plugin.serving?.prepared.permissions.limits;
    if (limits === undefined) return;
    const {
      messagesPerSecond = DEFAULT_RATES.messagesPerSecond,
      logLinesPerSecond = DEFAULT_RATES.logLinesPerSecond,
      hostPercent = DEFAULT_RATES.hostPercent,
    } = kept.entry.monitor ?? {};
    const all = { ...limits, messagesPerSecond, logLinesPerSecond, hostPercent };
    for (const breach of kept.breaches.check(sample, all, previous)) {
      const violation = violationOfBreach(sample.plugin, breach, new Date());
      const { action } = this.against(kept, violation, errorOf(sample.plugin, violation));
      if (isAtLeast(action, "unload")) return; // its process is gone
    }
  }

  /** Counts a violation of a running plugin, and does what the policy says. */
  against(kept: WatchedPlugin, violation: Violation, error: SallyportError): ViolationDecision {
    const decision = this.record(kept, violation, error);
    const { plugin } = kept;
    const { action, reason } = decision;
    if (plugin.serving === undefined) return decision; // it is on its way out already
    if (action === "warn") plugin.serving.process.notify("violation", warningOf(violation));
    if (action === "throttle") this.throttle(kept);
    if (action === "unload") {
      const down = downError(plugin.name, violation, reason);
      this.#parts.act(plugin.name, () => plugin.takeDown(down, "inactive"));
    }
    if (action === "quarantine") this.quarantine(kept, reason, violation);
    return decision;
  }

  /** Counts a violation, and decides by the policy what follows. */
  record(kept: WatchedPlugin, violation: Violation, error: SallyportError): ViolationDecision {
    kept.log.add(violation, this.#parts.clock.now());
    const decision = decide(kept.log, violation, kept.rules);
    const { action } = decision;
    // a denial is an event already
    if (violation.kind !== "permission" || action !== "record") {
      const { name } = kept.plugin;
      this.#parts.hub.emit({ type: "violation", plugin: name, error, violation, action });
    }
    return decision;
  }

  /** Holds calls back as long as the violations of the window are a reason to. */
  throttle(kept: WatchedPlugin): void {
    const { throttle, log, rules } = kept;
    if (!throttle.isOn) throttle.start(kept.target);
    const look = () => {
      if (isAtLeast(standingAction(log, rules, this.#parts.clock.now()), "throttle")) {
        throttle.lookIn(rules.windowMs / 10, look);
      } else throttle.end();
    };
    throttle.lookIn(rules.windowMs / 10, look);
  }

  /** Takes a plugin down, and keeps it from being loaded. */
  quarantine(kept: WatchedPlugin, reason: string, violation?: Violation): void {
    const { plugin, log } = kept;
    const { name, manifest, bundleHash } = plugin;
    const error = downError(plugin.name, violation ?? log.last, reason, "quarantined");
    this.#parts.act(name, async () => {
      // it holds from the first moment on, whether or not it can be written
      const written = this.#parts.quarantine.add({
        name,
        version: manifest!.version,
        bundleHash: bundleHash!,
        reason,
        violations: log.entries,
      });
      this.#writing.add(written);
      written.catch(() => {}).finally(() => this.#writing.delete(written));
      const down = plugin.takeDown(error, "quarantined");
      this.#parts.hub.emit({ type: "quarantined", plugin: name, reason });
      await Promise.all([written, down]);
    });
  }

  /** Waits until what is put into quarantine is written down: then it can be let out. */
  async written(): Promise<void> {
    await Promise.allSettled(this.#writing);
  }
}
