/**
 * What a plugin could reach, in plain words and as a grade.
 *
 * @module
 */
import { hostIsRoot } from "../../../doctor/system.ts";
import type { InspectedLaunch, Inspection } from "../inspection.ts";
import { type ExposureGrade, type ExposureInput, gradeExposure } from "./grade.ts";

/** Lists what a plugin could reach; an empty list is nothing. */
export interface Exposure {
  /** Hosts that it can send to: everything it knows can leave by them. */
  readonly network: readonly string[];
  /** Paths that it can read besides its own bundle. */
  readonly reads: readonly string[];
  /** Paths that it can change. */
  readonly writes: readonly string[];
  /** What it can learn of the machine. */
  readonly system: readonly string[];
  /** Services of the host that it can use, with how far. */
  readonly services: readonly string[];
  /** Hooks whose data it sees and may change. */
  readonly hooks: readonly string[];
  /** What nothing here holds it back from. */
  readonly notContained: readonly string[];
}

/** Lists what a plugin could reach, and grades it. */
export function exposureOf(input: ExposureInput): Exposure & ExposureGrade {
  const { permissions, hooks, sandbox } = input;
  const { net, read, write, sys, context } = permissions;
  const priorities = new Map(hooks.map(({ name, priority }) => [name, priority]));
  return {
    ...gradeExposure(input),
    network: net,
    reads: read,
    writes: write,
    system: sys,
    services: [...context].map(([key, access]) => `${key} (${access})`),
    hooks: permissions.hooks.map((name) => {
      const priority = priorities.get(name);
      return priority === undefined ? name : `${name} (priority ${priority})`;
    }),
    notContained: sandbox.missing,
  };
}

/** Gives the exposure of an inspected plugin. */
export function inspectedExposure(
  { manifest, entry, refusal, statement, dataDirKnown }: Inspection,
  { permissions, sandbox }: InspectedLaunch,
): Exposure & ExposureGrade {
  return exposureOf({
    permissions,
    hooks: manifest.hooks ?? [],
    sandbox,
    entry,
    signer: { trusted: refusal === undefined, expires: statement?.expiresAt !== undefined },
    hostFilesKnown: dataDirKnown,
    hostIsRoot: hostIsRoot(),
  });
}
