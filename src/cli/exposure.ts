/**
 * What a plugin could reach, in plain words and without a score.
 *
 * @module
 */
import type { HookRequest } from "../bundle/manifest.ts";
import type { ResolvedPermissions } from "../permissions/resolve.ts";
import type { SandboxReport } from "../sandbox/launcher.ts";

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

/**
 * Lists what a plugin could reach.
 *
 * @param permissions What it may do.
 * @param hooks The hooks of its manifest, for their places.
 * @param sandbox What contains it.
 * @returns The lists.
 */
export function exposureOf(
  permissions: ResolvedPermissions,
  hooks: readonly HookRequest[],
  sandbox: SandboxReport,
): Exposure {
  const { net, read, write, sys, context } = permissions;
  const priorities = new Map(hooks.map(({ name, priority }) => [name, priority]));
  return {
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
