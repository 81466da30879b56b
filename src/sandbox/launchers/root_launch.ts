// What launchers with a root folder of their own share: cgroup, files, report, clean-up.
import { SallyportError } from "../../errors.ts";
import { systemHint } from "../../io/system_error.ts";
import type { Cgroup, CgroupProbe } from "../cgroup/groups/cgroup_manager.ts";
import { readContainment, reportFrom, runsExecutable } from "../launch/containment.ts";
import type { Launch, LaunchCommand, SandboxReport } from "../launch/launcher.ts";
import type { LauncherName, LaunchSpec } from "../launch/launch_spec.ts";
import type { Survey } from "../machine/survey.ts";
import type { Scratch } from "./scratch.ts";

/** What such a launcher needs. */
export interface RootLauncherOptions {
  /** What there is on this machine. */
  readonly survey: Survey;
  /** The libraries of the deno executable. */
  readonly libraries: readonly string[];
  /** What is made on the disk for its starts. */
  readonly scratch: Scratch;
  /** What caps memory, cpu time and tasks. */
  readonly cgroups: CgroupProbe;
  /** Why stronger launchers do not work, one sentence each. */
  readonly missing?: readonly string[];
}

/**
 * Opens a launch.
 *
 * @throws {TypeError} when the spec has no root.
 * @throws {SallyportError} `launch-failed` when its cgroup or its files cannot be made.
 */
export async function openRootLaunch(
  name: LauncherName,
  options: RootLauncherOptions,
  spec: LaunchSpec,
  prepare: (group: Cgroup | undefined, stack: AsyncDisposableStack) => Promise<LaunchCommand>,
  seccompFilter?: Uint8Array,
): Promise<Launch> {
  if (spec.root === undefined) throw new TypeError(`Cannot launch with ${name} without a root`);
  await using undo = new AsyncDisposableStack();
  const manager = options.cgroups.manager;
  const group = manager === undefined ? undefined : undo.use(await manager.create(spec.limits));
  let command: LaunchCommand;
  try {
    command = await prepare(group, undo);
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError(
      "launch-failed",
      `Cannot start plugin "${spec.plugin}" with ${name}: ${message}`,
      { cause, details: { plugin: spec.plugin, launcher: name }, hint: systemHint(cause) },
    );
  }
  const stack = undo.move();
  const inspect = (pid: number): SandboxReport => {
    const asked = rootReport(name, options, spec);
    return reportFrom(asked, readContainment(pid, group?.facts(pid)));
  };
  const executable = spec.root.binds.find(({ target }) => target === spec.executable)?.source;
  return {
    command,
    seccompFilter,
    inspect,
    inspectStarted(pid) {
      if (seccompFilter !== undefined || executable === undefined) return undefined;
      return runsExecutable(pid, executable) ? inspect(pid) : undefined;
    },
    outcome: () => group === undefined ? Promise.resolve(UNKNOWN_OUTCOME) : group.outcome(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** What is known of a process that nobody counts. */
export const UNKNOWN_OUTCOME = Object.freeze({
  oomKills: 0,
  memoryLimitBytes: undefined,
  peakMemoryBytes: undefined,
  refusedTasks: 0,
});

/** Says what a process would be contained by. */
export function rootReport(
  launcher: LauncherName,
  { cgroups, missing = [] }: RootLauncherOptions,
  spec?: LaunchSpec,
): SandboxReport {
  const profile = spec?.seccomp ?? "strict";
  const network = spec?.network ?? "isolated";
  return {
    launcher,
    denoPermissions: true,
    namespaces: true,
    seccomp: profile !== "off",
    seccompProfile: profile,
    network,
    cgroup: cgroups.manager !== undefined,
    rlimits: true,
    diesWithHost: "kernel",
    missing: [
      ...missing,
      ...(profile === "off" ? ["no seccomp filter: the policy turns it off"] : []),
      ...(network === "host"
        ? ["no network namespace: the network is held by Deno's flags only"]
        : []),
      ...cgroups.missing,
    ],
  };
}

/** Stands in a command that is only shown for what a cgroup of its own adds to it. */
export function shownGroup(
  { manager }: CgroupProbe,
): { readonly join: readonly string[]; readonly prefix: readonly string[] } {
  if (manager === undefined) return { join: [], prefix: [] };
  return manager.kind === "systemd-run"
    ? { join: [], prefix: ["<systemd-run scope>"] }
    : { join: ["<cgroup>"], prefix: [] };
}
