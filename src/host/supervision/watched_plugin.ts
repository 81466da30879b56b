// What a supervisor remembers of one plugin.
import { BreachWatch } from "../../monitor/violations/breach_watch.ts";
import { type ViolationRules, violationRules } from "../../monitor/violations/response.ts";
import { restartRules } from "../../monitor/violations/restart_plan.ts";
import { ViolationLog } from "../../monitor/violations/violations.ts";
import type { MonitorTarget } from "../../monitor/samples/target.ts";
import type { Clock } from "../../io/clock.ts";
import type { PolicyEntry } from "../../permissions/policy/policy_schema.ts";
import type { SupervisedPlugin } from "../plugin/supervision.ts";
import { RestartTimer } from "./restart_timer.ts";
import { Throttle } from "./throttle.ts";

/** What is remembered of one plugin, across its processes. */
export interface WatchedPlugin {
  readonly plugin: SupervisedPlugin;
  readonly entry: PolicyEntry;
  readonly rules: ViolationRules;
  readonly log: ViolationLog;
  readonly restarts: RestartTimer;
  readonly throttle: Throttle;
  readonly breaches: BreachWatch;
  target: MonitorTarget | undefined;
  calls: Disposable | undefined;
}

/** Begins to remember a plugin; one in another folder of the same name does not begin anew. */
export function watchedPlugin(
  plugin: SupervisedPlugin,
  entry: PolicyEntry,
  clock: Clock,
  before: WatchedPlugin | undefined,
): WatchedPlugin {
  before?.restarts.cancel();
  before?.throttle.end();
  const rules = violationRules(entry.violations);
  return {
    plugin,
    entry,
    rules,
    log: before?.log ?? new ViolationLog({ windowMs: rules.windowMs }),
    restarts: new RestartTimer(restartRules(entry.restart), clock),
    throttle: new Throttle(plugin, clock),
    breaches: new BreachWatch(),
    target: undefined,
    calls: undefined,
  };
}
