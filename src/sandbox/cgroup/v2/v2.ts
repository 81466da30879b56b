// Limits processes with groups of the unified tree, cgroup version 2.
import type { CgroupFacts, LaunchOutcome } from "../../launch/launcher.ts";
import type { ProcessLimits } from "../../launch/launch_spec.ts";
import { readV2Facts } from "../groups/facts.ts";
import {
  CPU_PERIOD_US,
  cpuQuota,
  IO_WEIGHT,
  refusedLimit,
  taskLimit,
} from "../groups/group_limits.ts";
import { folderOf, type Hierarchy, isWithin, pathsOf } from "../groups/hierarchy.ts";
import { type HostIdentity, hostName } from "../groups/host_name.ts";
import {
  readKeyedNumber,
  readNumber,
  tryWriteKernelFile,
  writeKernelFile,
} from "../groups/kernel_files.ts";
import { groupName, makeGroup } from "../groups/make.ts";
import type { Cgroup, CgroupManager, CgroupProbe } from "../groups/cgroup_manager.ts";
import { removeEmptyGroup, removeGroup } from "../groups/remove.ts";
import { sweepGroups } from "../groups/sweep.ts";
import { findV2Place, type V2Place } from "./place.ts";

/** Opens the unified tree, if a part of it is this host's. */
export async function openV2(
  tree: Hierarchy,
  path: string,
  identity: HostIdentity,
): Promise<CgroupProbe> {
  const place = await findV2Place(tree, path);
  if (typeof place === "string") {
    return { manager: undefined, missing: [`no cgroup made by the host itself: ${place}`] };
  }
  await sweepGroups([place.folder], identity);
  const missing = place.controllers.has("cpu")
    ? []
    : [`no cap on cpu time: ${place.folder} lacks the cpu controller`];
  return { manager: new V2Manager(tree, place, identity), missing };
}

class V2Manager implements CgroupManager {
  readonly kind = "v2";
  readonly #tree: Hierarchy;
  readonly #place: V2Place;
  readonly #folder: string;
  readonly #groups = new Set<V2Group>();
  #prepared: V2Group | undefined;

  constructor(tree: Hierarchy, place: V2Place, identity: HostIdentity) {
    this.#tree = tree;
    this.#place = place;
    this.#folder = `${place.folder}/${hostName(identity)}`;
  }

  prepare(): void {
    this.#prepared ??= this.#make();
  }

  async create(limits: ProcessLimits): Promise<Cgroup> {
    const group = this.#prepared ?? this.#make();
    this.#prepared = undefined;
    try {
      setLimits(group.folder, limits, this.#place.controllers);
    } catch (error) {
      await group[Symbol.asyncDispose]();
      throw refusedLimit(group.folder, error);
    }
    return group;
  }

  #make(): V2Group {
    const folder = makeGroup(this.#folder, groupName(), () => this.#handDown());
    const group = new V2Group(this.#tree, folder, () => this.#groups.delete(group));
    this.#groups.add(group);
    return group;
  }

  /** Lets groups in the host's folder have the controllers. */
  #handDown(): void {
    const names = [...this.#place.controllers].map((name) => `+${name}`).join(" ");
    tryWriteKernelFile(`${this.#folder}/cgroup.subtree_control`, names);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#groups].map((group) => group[Symbol.asyncDispose]()));
    // another host of this very process may have groups there still: the last one removes the folder
    if (removeEmptyGroup(this.#folder)) this.#place.release();
  }
}

function setLimits(
  folder: string,
  limits: ProcessLimits,
  controllers: ReadonlySet<string>,
): void {
  writeKernelFile(`${folder}/memory.max`, String(limits.memoryBytes));
  // absent in a kernel that does not account for swap; facts() then says so where there is swap
  tryWriteKernelFile(`${folder}/memory.swap.max`, "0");
  tryWriteKernelFile(`${folder}/memory.oom.group`, "1"); // all or nothing, since Linux 4.19
  writeKernelFile(`${folder}/pids.max`, String(taskLimit(limits)));
  if (controllers.has("cpu")) {
    writeKernelFile(`${folder}/cpu.max`, `${cpuQuota(limits)} ${CPU_PERIOD_US}`);
  }
  if (!tryWriteKernelFile(`${folder}/io.weight`, `default ${IO_WEIGHT}`)) {
    tryWriteKernelFile(`${folder}/io.bfq.weight`, `default ${IO_WEIGHT}`);
  }
}

class V2Group implements Cgroup {
  readonly join: readonly string[];
  readonly prefix: readonly string[] = [];
  readonly prefixEnv: Readonly<Record<string, string>> = {};
  readonly #tree: Hierarchy;
  readonly #folder: string;
  readonly #onRemoved: () => void;

  constructor(tree: Hierarchy, folder: string, onRemoved: () => void) {
    this.join = [`${folder}/cgroup.procs`];
    this.#tree = tree;
    this.#folder = folder;
    this.#onRemoved = onRemoved;
  }

  get folder(): string {
    return this.#folder;
  }

  facts(pid: number): CgroupFacts | undefined {
    const path = pathsOf(pid)?.get("");
    const now = path === undefined ? undefined : folderOf(this.#tree, path);
    if (now === undefined || !isWithin(now, this.#folder)) return undefined;
    return { kind: "v2", ...readV2Facts(this.#folder) };
  }

  outcome(): Promise<LaunchOutcome> {
    const folder = this.#folder;
    return Promise.resolve({
      oomKills: readKeyedNumber(`${folder}/memory.events`, "oom_kill") ?? 0,
      memoryLimitBytes: readNumber(`${folder}/memory.max`),
      peakMemoryBytes: readNumber(`${folder}/memory.peak`), // since Linux 5.19
      refusedTasks: readKeyedNumber(`${folder}/pids.events`, "max") ?? 0,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (await removeGroup(this.#folder)) this.#onRemoved();
  }
}
