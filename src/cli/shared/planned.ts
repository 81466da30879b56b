/**
 * What a launch is given for its beginning alone.
 *
 * @module
 */
import type { LaunchPlan } from "../../sandbox/launch_plan.ts";

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
