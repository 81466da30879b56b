/**
 * Plans a launch for people to look at: nothing is made or started.
 *
 * @module
 */
import type { ContainmentChoice } from "../host/containment_choice.ts";
import type { ResolvedPermissions } from "../permissions/resolve.ts";
import { type LaunchPlan, planLaunch } from "../sandbox/launch_plan.ts";
import type { Workbench } from "./workbench.ts";

/** Holds what is planned from. */
export interface Planned {
  /** What the plugin may do. */
  readonly permissions: ResolvedPermissions;
  /** What would contain it. */
  readonly containment: ContainmentChoice;
  /** Where its copy would be. */
  readonly bundleDir: string;
  /** Its own folder, where it asked for one. */
  readonly storageDir: string | undefined;
}

/**
 * Plans the launch of a plugin as a host would.
 *
 * @param planned The permissions and the containment.
 * @param bench The host's parts.
 * @returns The plan; its folders of the run do not exist.
 * @throws {SallyportError} `permission-denied` when a value cannot be expressed as a flag.
 */
export function planInspected(planned: Planned, { data, executable }: Workbench): LaunchPlan {
  const run = `${data.scratch}/1`;
  return planLaunch({
    ...planned,
    ...planned.containment,
    executable,
    runtime: data.runtime,
    run: { denoDir: `${run}/deno`, cwd: `${run}/cwd`, cached: [] },
    egressSocket: `${run}/io/egress`,
    // no lane: what that takes is given up before the plugin is there
  });
}
