// Says whether a part of the cgroup tree is this host's to change.
import { findSystemd, systemdBooted, type SystemdManager, unitProperties } from "./systemctl.ts";

/** The unit whose processes a cgroup path belongs to. */
export interface OwningUnit {
  /** Its name. */
  readonly name: string;
  /** Its own path; what lies below is its inside. */
  readonly path: string;
  /** The user whose systemd runs it; `undefined` for the machine's. */
  readonly uid: number | undefined;
}

const USER_MANAGER = /^user@(\d+)\.service$/;

/** Finds the service or scope that a path belongs to. */
export function owningUnit(path: string): OwningUnit | undefined {
  const parts = path.split("/").slice(1);
  let found: OwningUnit | undefined;
  let uid: number | undefined;
  for (const [index, name] of parts.entries()) {
    if (!/\.(?:service|scope)$/.test(name)) continue;
    found = { name, path: `/${parts.slice(0, index + 1).join("/")}`, uid };
    uid ??= Number(USER_MANAGER.exec(name)?.[1] ?? NaN) || undefined;
  }
  return found;
}

/**
 * Finds the topmost path that was handed to this host, of those that hold a given one.
 *
 * Where systemd manages the tree, that is the unit's path if it has `Delegate=`: whatever else could be
 * written belongs to systemd, which may change or remove it at any time. Elsewhere everything that the
 * system lets this user write is fair.
 */
export async function delegatedTop(path: string): Promise<{ top: string } | { reason: string }> {
  if (!systemdBooted()) return { top: "/" };
  const unit = owningUnit(path);
  const uid = Deno.uid();
  if (unit === undefined) {
    return uid === 0
      ? { reason: `systemd manages this machine and has not delegated ${path}` }
      : { top: "/" }; // given to the user by the administrator's hand: the permissions say so
  }
  // systemd gives files of a service or scope to its user only together with the delegation
  if (uid !== 0 && unit.uid === undefined) return { top: unit.path };
  const manager = managerOf(unit, uid);
  if (manager === undefined) return { reason: `${unit.name} is run by another user's systemd` };
  const delegate = (await unitProperties(manager, unit.name, ["Delegate"])).get("Delegate");
  return delegate === "yes"
    ? { top: unit.path }
    : { reason: `systemd has not delegated ${unit.name} (Delegate=yes would)` };
}

function managerOf(unit: OwningUnit, uid: number | null): SystemdManager | undefined {
  if (unit.uid !== undefined && unit.uid !== uid) return undefined;
  if (unit.uid === undefined) return { option: "--system", env: {} };
  const manager = findSystemd();
  return typeof manager === "string" ? undefined : manager;
}
