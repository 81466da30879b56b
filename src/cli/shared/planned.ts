/**
 * Plans a launch for people to look at: nothing is made or started.
 *
 * @module
 */
import { NO_FILES } from "../../host/data/cache_file.ts";
import { laneProblem } from "../../host/settings/lane.ts";
import { type Launchable, plan } from "../../host/admission/plan.ts";
import type { LaunchPlan } from "../../sandbox/launch_plan.ts";
import type { Workbench } from "./workbench.ts";

/**
 * Plans the first start of a plugin as a host would, with nothing of it compiled ahead.
 *
 * @throws {SallyportError} `permission-denied` when a value cannot be expressed as a flag.
 */
export function planInspected(
  prepared: Launchable,
  { data, executable, settings }: Workbench,
): LaunchPlan {
  const run = data.runPlaces(1);
  const hasLane = settings.lane === "socket" && laneProblem(run.laneSocket) === undefined;
  return plan(prepared, {
    executable,
    runtime: data.runtime,
    run,
    laneSocket: hasLane ? run.laneSocket : undefined,
    caches: NO_FILES,
  });
}

/** A permission that only the bootstrap has. */
export interface GivenUp {
  /** Its family. */
  readonly family: "net" | "read" | "write" | "ffi";
  /** What it is for, as in the flag. */
  readonly value: string;
}

/** Lists what is in the command and given up again before anything of the plugin is there. */
export function givenUp({ lane, library }: LaunchPlan): GivenUp[] {
  const families = lane?.revoke ?? [];
  return [
    ...families.map((family) => ({
      family,
      value: family === "net" ? `unix:${lane!.path}` : lane!.path,
    })),
    ...(library === undefined ? [] : [{ family: "ffi" as const, value: library }]),
  ];
}
