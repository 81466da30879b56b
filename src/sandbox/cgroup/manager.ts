// Makes the cgroups that cap what plugin processes use.
import { systemCode } from "../../io/system_error.ts";
import { folderOf, type Hierarchy, parseMounts, parsePaths } from "./groups/hierarchy.ts";
import { ownIdentity } from "./groups/host_name.ts";
import { CannotTell } from "../../io/bounded_command.ts";
import { readKernelFile } from "./groups/kernel_files.ts";
import { systemdBooted } from "./systemd/systemctl.ts";
import { openSystemdRun } from "./systemd/systemd_run.ts";
import { openV1 } from "./v1/v1.ts";
import { openV2 } from "./v2/v2.ts";
import type { CgroupManager, CgroupProbe } from "./groups/cgroup_manager.ts";

/** Options of {@linkcode openCgroups}. */
export interface CgroupOptions {
  /**
   * Whether to try a scope of systemd where this host may not write the tree itself.
   *
   * @default {true}
   */
  probeSystemd?: boolean;
}

/**
 * Finds out how this host may limit processes, by doing it, and removes what killed hosts left.
 *
 * A tree that the host may write comes first, if it was handed to it; then scopes of systemd.
 */
export async function openCgroups(options: CgroupOptions = {}): Promise<CgroupProbe> {
  if (Deno.build.os !== "linux") return none("no cgroup: only Linux has them");
  try {
    Deno.readTextFileSync("/proc/self/cgroup");
  } catch (error) {
    if (isOurShortage(error)) return unsure(error);
    return none("no cgroup: the host may not read /proc and /sys, which takes --allow-all");
  }
  try {
    const probe = await open(options);
    // what cannot be read counts as absent: is there still a descriptor to read anything by?
    if (probe.manager === undefined) Deno.openSync("/proc/self/cgroup").close();
    return probe;
  } catch (error) {
    if (isOurShortage(error)) return unsure(error);
    return none(`no cgroup: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function open({ probeSystemd = true }: CgroupOptions): Promise<CgroupProbe> {
  const identity = ownIdentity();
  const trees = parseMounts(Deno.readTextFileSync("/proc/self/mountinfo"));
  const paths = parsePaths(Deno.readTextFileSync("/proc/self/cgroup"));
  const unified = trees.find((tree) => {
    const folder = tree.version === 2 ? folderOf(tree, paths.get("") ?? "/") : undefined;
    return folder !== undefined &&
      (readKernelFile(`${folder}/cgroup.controllers`) ?? "").split(" ").includes("memory");
  }) ?? (trees.every((tree) => tree.version === 2) ? trees[0] : undefined);
  const direct = unified !== undefined
    ? await openV2(unified, paths.get("") ?? "/", identity)
    : await openV1(trees.filter((tree) => tree.version === 1), paths, identity);
  if (direct.manager !== undefined) {
    return unified === undefined ? direct : { ...direct, warm: warmer(direct.manager, unified) };
  }
  if (!probeSystemd) return direct;
  const scopes = await openSystemdRun(identity);
  if (scopes.manager !== undefined) return scopes;
  // two reasons help only where systemd could have been the second way
  return systemdBooted()
    ? { manager: undefined, missing: [...direct.missing, ...scopes.missing] }
    : direct;
}

function warmer(
  manager: CgroupManager,
  tree: Hierarchy,
): () => Promise<void> {
  // read again: the host may have moved itself when the tree was opened
  const paths = parsePaths(Deno.readTextFileSync("/proc/self/cgroup"));
  const folder = folderOf(tree, paths.get("") ?? "/");
  return async () => {
    try {
      manager.prepare?.(); // making it would have to wait meanwhile
      await Deno.writeTextFile(`${folder}/cgroup.procs`, "0", { create: false });
    } catch {
      // not this user's to write: the join waits, and creating the group tells what is wrong
    }
  };
}

/** The kernel's other shortages, such as ENOSPC, are its way to refuse a group. */
function isOurShortage(error: unknown): boolean {
  return error instanceof CannotTell ||
    ["EMFILE", "ENFILE", "ENOMEM"].includes(systemCode(error) ?? "");
}

function unsure(error: unknown): CgroupProbe {
  return {
    manager: undefined,
    missing: [`no cgroup: ${error instanceof Error ? error.message : String(error)}`],
    unsure: error,
  };
}

function none(reason: string): CgroupProbe {
  return { manager: undefined, missing: [reason] };
}
