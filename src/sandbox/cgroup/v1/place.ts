// Finds where this host may make groups in the trees of cgroup version 1.
import { delegatedTop } from "../systemd/delegation.ts";
import { type CgroupPaths, folderOf, type Hierarchy } from "../groups/hierarchy.ts";
import { type HostIdentity, hostName } from "../groups/host_name.ts";
import { errorCode } from "../groups/kernel_files.ts";
import { groupName } from "../groups/make.ts";
import { removeEmptyGroup } from "../groups/remove.ts";

/** A group of this host's whose members may be limited by one controller. */
export interface V1Place {
  /** The mount. */
  readonly tree: Hierarchy;
  /** The folder. */
  readonly folder: string;
}

/** What each controller caps, in the words of the reports. */
const CAPS: Readonly<Record<string, string>> = {
  memory: "memory",
  pids: "processes and threads",
  cpu: "cpu time",
};

/** Finds the process's own group in each tree and whether groups can be made below it. */
export async function findV1Places(
  trees: readonly Hierarchy[],
  paths: CgroupPaths,
  identity: HostIdentity,
): Promise<{ places: ReadonlyMap<string, V1Place>; missing: readonly string[] }> {
  const places = new Map<string, V1Place>();
  const missing: string[] = [];
  // named so that the next start removes it if this one is killed in between
  const probe = `${hostName(identity)}-${groupName()}`;
  const delegated = await delegatedTop(paths.get("name=systemd") ?? "/");
  for (const [controller, what] of Object.entries(CAPS)) {
    const place = "reason" in delegated
      ? delegated.reason
      : findPlace(trees, paths, controller, probe);
    if (typeof place === "string") {
      missing.push(`no cap on ${what} made by the host itself: ${place}`);
    } else places.set(controller, place);
  }
  const blkio = places.size > 0 ? findPlace(trees, paths, "blkio", probe, hasWeight) : "";
  if (typeof blkio !== "string") places.set("blkio", blkio);
  return { places, missing };
}

function findPlace(
  trees: readonly Hierarchy[],
  paths: CgroupPaths,
  controller: string,
  probe: string,
  accept: (group: string) => boolean = () => true,
): V1Place | string {
  const mounts = trees.filter((tree) => tree.controllers.includes(controller));
  const path = paths.get(controller);
  if (mounts.length === 0 || path === undefined) {
    return `the ${controller} controller is not mounted`;
  }
  for (const tree of mounts) {
    const folder = folderOf(tree, path);
    if (folder === undefined) continue;
    const problem = tree.readOnly
      ? "is mounted for reading only"
      : tryGroup(`${folder}/${probe}`, accept);
    return problem === undefined ? { tree, folder } : `${folder} ${problem}`;
  }
  return `no mount of the ${controller} controller shows this process's group`;
}

/** Makes a group and removes it: only the kernel knows whether it may be done. */
function tryGroup(group: string, accept: (group: string) => boolean): string | undefined {
  try {
    Deno.mkdirSync(group, { mode: 0o755 });
  } catch (error) {
    return `takes no groups of this user (${errorCode(error)})`;
  }
  try {
    return accept(group) ? undefined : "has no weights";
  } finally {
    removeEmptyGroup(group);
  }
}

function hasWeight(group: string): boolean {
  return [...Deno.readDirSync(group)].some(({ name }) =>
    name === "blkio.bfq.weight" || name === "blkio.weight"
  );
}
