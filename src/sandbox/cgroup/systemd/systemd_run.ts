// Limits processes with scopes of systemd, where the tree is systemd's and not the host's to write.
import type { CgroupFacts, LaunchOutcome } from "../../launch/launcher.ts";
import type { ProcessLimits } from "../../launch/launch_spec.ts";
import { readV1Facts, readV2Facts } from "../groups/facts.ts";
import {
  type CgroupPaths,
  folderOf,
  type Hierarchy,
  parseMounts,
  pathsOf,
} from "../groups/hierarchy.ts";
import { type HostIdentity, hostName } from "../groups/host_name.ts";
import { groupName } from "../groups/make.ts";
import type { Cgroup, CgroupManager, CgroupProbe } from "../groups/cgroup_manager.ts";
import { findSystemd, type SystemdManager, unitProperties } from "./systemctl.ts";
import { endScope, sweepScopes } from "./scopes.ts";
import { findSystemdRun, scopeArguments, type ScopeProgram } from "./scope_arguments.ts";
import { tryScope } from "./probe.ts";

/** How long systemd may take to notice that a scope is empty, and why. */
const SETTLE_MS = 5_000;
const PAUSE_MS = 20;

const NOT_CAPPED = {
  memoryBytes: "no cap on memory: the systemd scope has no memory controller",
  tasks: "no cap on processes and threads: the systemd scope has no pids controller",
  cpuPercent: "no cap on cpu time: the systemd scope has no cpu controller",
} as const;

/**
 * Opens the systemd that takes scopes of this user: the machine's for root, else the user's own.
 */
export async function openSystemdRun(identity: HostIdentity): Promise<CgroupProbe> {
  const systemd = findSystemd();
  if (typeof systemd === "string") return none(systemd);
  const program = await findSystemdRun();
  if (program === undefined) return none("there is no systemd-run");
  const trees = parseMounts(Deno.readTextFileSync("/proc/self/mountinfo"));
  let manager = new ScopeManager(systemd, program, trees, identity);
  let facts = await tryScope(manager);
  if (typeof facts === "string" && facts.includes("OOMPolicy")) {
    manager = new ScopeManager(systemd, { ...program, oomPolicy: false }, trees, identity);
    facts = await tryScope(manager);
  }
  if (typeof facts === "string") return none(facts);
  const missing = (["memoryBytes", "tasks", "cpuPercent"] as const)
    .filter((name) => facts[name] === undefined).map((name) => NOT_CAPPED[name]);
  if (facts.memoryBytes === undefined) return { manager: undefined, missing };
  await sweepScopes(systemd, identity);
  return { manager, missing };
}

function none(reason: string): CgroupProbe {
  return { manager: undefined, missing: [`no systemd scope: ${reason}`] };
}

class ScopeManager implements CgroupManager {
  readonly kind = "systemd-run";
  readonly #systemd: SystemdManager;
  readonly #program: ScopeProgram;
  readonly #trees: readonly Hierarchy[];
  readonly #host: string;
  readonly #scopes = new Set<Scope>();

  constructor(
    systemd: SystemdManager,
    program: ScopeProgram,
    trees: readonly Hierarchy[],
    identity: HostIdentity,
  ) {
    this.#systemd = systemd;
    this.#program = program;
    this.#trees = trees;
    this.#host = hostName(identity);
  }

  create(limits: ProcessLimits): Promise<Cgroup> {
    const unit = `${this.#host}-${groupName()}.scope`;
    const prefix = [
      this.#program.path,
      ...scopeArguments(this.#program, this.#systemd, unit, limits),
    ];
    const scope = new Scope(this.#systemd, unit, prefix, limits, {
      read: (paths) => readFacts(this.#trees, paths, unit),
      removed: () => this.#scopes.delete(scope),
    });
    this.#scopes.add(scope);
    return Promise.resolve(scope);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#scopes].map((scope) => scope[Symbol.asyncDispose]()));
  }
}

interface ScopeHooks {
  read(paths: CgroupPaths): CgroupFacts | undefined;
  removed(): void;
}

class Scope implements Cgroup {
  readonly join: readonly string[] = [];
  readonly prefix: readonly string[];
  readonly prefixEnv: Readonly<Record<string, string>>;
  readonly #systemd: SystemdManager;
  readonly #unit: string;
  readonly #limits: ProcessLimits;
  readonly #hooks: ScopeHooks;

  constructor(
    systemd: SystemdManager,
    unit: string,
    prefix: readonly string[],
    limits: ProcessLimits,
    hooks: ScopeHooks,
  ) {
    this.prefix = prefix;
    this.prefixEnv = systemd.env;
    this.#systemd = systemd;
    this.#unit = unit;
    this.#limits = limits;
    this.#hooks = hooks;
  }

  facts(pid: number): CgroupFacts | undefined {
    const paths = pathsOf(pid);
    return paths && this.#hooks.read(paths);
  }

  async outcome(): Promise<LaunchOutcome> {
    const unit = await this.#settled();
    const peak = unit.get("MemoryPeak") ?? "";
    return {
      oomKills: unit.get("Result") === "oom-kill" ? 1 : 0,
      memoryLimitBytes: this.#limits.memoryBytes,
      // since systemd 256, and only of a scope that failed; the number is 2^64-1 where it is not known
      peakMemoryBytes: /^\d{1,16}$/.test(peak) && peak !== "0" ? Number(peak) : undefined,
      refusedTasks: 0,
    };
  }

  /** Waits until systemd has seen the end: only then does it know why. */
  async #settled(): Promise<ReadonlyMap<string, string>> {
    const deadline = performance.now() + SETTLE_MS;
    for (;;) {
      const unit = await unitProperties(this.#systemd, this.#unit, [
        "LoadState",
        "ActiveState",
        "Result",
        "MemoryPeak",
      ]);
      const state = unit.get("ActiveState");
      // a scope that ended well is forgotten at once and then "inactive"
      if (state === "inactive" || state === "failed") return unit;
      if (performance.now() > deadline) return unit;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endScope(this.#systemd, this.#unit);
    this.#hooks.removed();
  }
}

function readFacts(
  trees: readonly Hierarchy[],
  paths: CgroupPaths,
  unit: string,
): CgroupFacts | undefined {
  const folders = new Map<string, string>();
  for (const tree of trees) {
    for (const controller of tree.version === 2 ? [""] : tree.controllers) {
      const path = paths.get(controller);
      if (path === undefined || !path.endsWith(`/${unit}`)) continue;
      const folder = folderOf(tree, path);
      if (folder !== undefined) folders.set(controller, folder);
    }
  }
  const unified = folders.get("");
  folders.delete("");
  const facts = folders.has("memory") || unified === undefined
    ? readV1Facts(folders)
    : readV2Facts(unified);
  return folders.size === 0 && unified === undefined
    ? undefined
    : { kind: "systemd-run", ...facts };
}
