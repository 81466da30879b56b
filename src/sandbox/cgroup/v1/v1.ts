// Limits processes with groups of cgroup version 1, where each controller has a tree of its own.
import type { CgroupFacts, LaunchOutcome } from "../../launch/launcher.ts";
import type { ProcessLimits } from "../../launch/launch_spec.ts";
import { readV1Facts, type V1Folders } from "../groups/facts.ts";
import { refusedLimit } from "../groups/group_limits.ts";
import {
  type CgroupPaths,
  folderOf,
  type Hierarchy,
  isWithin,
  pathsOf,
} from "../groups/hierarchy.ts";
import { type HostIdentity, hostName } from "../groups/host_name.ts";
import { readKeyedNumber, readNumber } from "../groups/kernel_files.ts";
import { groupName, makeGroup } from "../groups/make.ts";
import type { Cgroup, CgroupManager, CgroupProbe } from "../groups/cgroup_manager.ts";
import { removeEmptyGroup, removeGroup } from "../groups/remove.ts";
import { sweepGroups } from "../groups/sweep.ts";
import { setV1Limits } from "./limits.ts";
import { findV1Places, type V1Place } from "./place.ts";

/** Opens the trees of version 1 in which this host may make groups. */
export async function openV1(
  trees: readonly Hierarchy[],
  paths: CgroupPaths,
  identity: HostIdentity,
): Promise<CgroupProbe> {
  const { places, missing } = await findV1Places(trees, paths, identity);
  if (!places.has("memory")) return { manager: undefined, missing };
  await sweepGroups(new Set([...places.values()].map(({ folder }) => folder)), identity);
  return { manager: new V1Manager(places, identity), missing };
}

class V1Manager implements CgroupManager {
  readonly kind = "v1";
  readonly #places: ReadonlyMap<string, V1Place>;
  readonly #name: string;
  readonly #groups = new Set<V1Group>();
  #prepared: V1Group | undefined;

  constructor(places: ReadonlyMap<string, V1Place>, identity: HostIdentity) {
    this.#places = places;
    this.#name = hostName(identity);
  }

  prepare(): void {
    this.#prepared ??= this.#make();
  }

  async create(limits: ProcessLimits): Promise<Cgroup> {
    const group = this.#prepared ?? this.#make();
    this.#prepared = undefined;
    try {
      setV1Limits(group.folders, limits);
    } catch (error) {
      await group[Symbol.asyncDispose]();
      throw refusedLimit(this.#name, error);
    }
    return group;
  }

  #make(): V1Group {
    const name = groupName();
    const folders = new Map<string, string>();
    const group = new V1Group(this.#places, folders, () => this.#groups.delete(group));
    this.#groups.add(group);
    for (const [controller, place] of this.#places) {
      const hostFolder = `${place.folder}/${this.#name}`;
      const folder = `${hostFolder}/${name}`;
      // controllers that are mounted together share one folder
      const made = [...folders.values()].includes(folder);
      folders.set(controller, made ? folder : makeGroup(hostFolder, name));
    }
    return group;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#groups].map((group) => group[Symbol.asyncDispose]()));
    // another host of this very process may have groups there still: the last one removes the folder
    for (const { folder } of this.#places.values()) removeEmptyGroup(`${folder}/${this.#name}`);
  }
}

class V1Group implements Cgroup {
  readonly prefix: readonly string[] = [];
  readonly prefixEnv: Readonly<Record<string, string>> = {};
  readonly #places: ReadonlyMap<string, V1Place>;
  readonly #folders: V1Folders;
  readonly #onRemoved: () => void;

  constructor(
    places: ReadonlyMap<string, V1Place>,
    folders: V1Folders,
    onRemoved: () => void,
  ) {
    this.#places = places;
    this.#folders = folders;
    this.#onRemoved = onRemoved;
  }

  get folders(): V1Folders {
    return this.#folders;
  }

  get join(): readonly string[] {
    // not cgroup.procs: for a thread that moves itself the kernel needs no lock on all thread groups,
    // which takes a grace period of 8 to 10 ms (since Linux 5.6), and a shell has one thread only
    return this.#distinct().map((folder) => `${folder}/tasks`);
  }

  #distinct(): string[] {
    return [...new Set(this.#folders.values())];
  }

  facts(pid: number): CgroupFacts | undefined {
    const paths = pathsOf(pid);
    const held = new Map<string, string>();
    for (const [controller, folder] of this.#folders) {
      const path = paths?.get(controller);
      const now = path && folderOf(this.#places.get(controller)!.tree, path);
      if (now && isWithin(now, folder)) held.set(controller, folder);
    }
    return held.size === 0 ? undefined : { kind: "v1", ...readV1Facts(held) };
  }

  outcome(): Promise<LaunchOutcome> {
    const memory = this.#folders.get("memory");
    const pids = this.#folders.get("pids");
    return Promise.resolve({
      oomKills: readKeyedNumber(`${memory}/memory.oom_control`, "oom_kill") ?? 0,
      memoryLimitBytes: readNumber(`${memory}/memory.limit_in_bytes`),
      peakMemoryBytes: readNumber(`${memory}/memory.max_usage_in_bytes`),
      refusedTasks: readKeyedNumber(`${pids}/pids.events`, "max") ?? 0,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const removed = await Promise.all(this.#distinct().map((folder) => removeGroup(folder)));
    if (removed.every((done) => done)) this.#onRemoved();
  }
}
