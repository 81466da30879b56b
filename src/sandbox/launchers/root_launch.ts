// What launchers with a root folder of their own share: cgroup, files, report, clean-up.
import { SallyportError } from "../../errors.ts";
import { systemHint } from "../../io/system_error.ts";
import type { Cgroup, CgroupProbe } from "../cgroup/groups/cgroup_manager.ts";
import { readContainment, reportFrom, runsExecutable } from "../launch/containment.ts";
import type { Launch, LaunchCommand, SandboxReport } from "../launch/launcher.ts";
import type { LauncherName, LaunchSpec } from "../launch/launch_spec.ts";
import { compileSeccomp, type SeccompArch } from "../seccomp/filter.ts";
import { MadeOnce } from "../launch/made_once.ts";
import type { Survey } from "../machine/survey.ts";

/** What such a launcher needs. */
export interface RootLauncherOptions {
  /** What there is on this machine. */
  readonly survey: Survey;
  /** The libraries of the deno executable. */
  readonly libraries: readonly string[];
  /** A folder for its files: private, and removed by whoever made it. */
  readonly scratchDir: string;
  /** What caps memory, cpu time and tasks. */
  readonly cgroups: CgroupProbe;
  /** Why stronger launchers do not work, one sentence each. */
  readonly missing?: readonly string[];
}

/** Files of one launcher in the host's private folder. */
export class Scratch {
  #dir: string;
  #prefix = crypto.randomUUID();
  #next = 1;
  #filters = new MadeOnce<string>((path) => path);

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Returns a path in the folder that no other launcher uses. */
  path(name: string): string {
    return `${this.#dir}/${this.#prefix}-${name}`;
  }

  /** Writes a file of one launch, readable for this user only, to be removed with it. */
  write(name: string, text: string, stack: AsyncDisposableStack): string {
    const path = this.path(`${this.#next++}.${name}`);
    stack.defer(() => remove(path));
    // a few KiB into the page cache: handing it to another thread takes longer than writing it
    Deno.writeTextFileSync(path, text, { mode: 0o600, createNew: true });
    return path;
  }

  /**
   * Returns the file with the filter of a spec, for a filter that is loaded before the runtime is executed.
   */
  filter(spec: LaunchSpec): Promise<string> {
    const reach = networked(spec) ? "net" : spec.lane ? "lane" : "no-net";
    const key = `${spec.seccomp}-${reach}`;
    return this.#filters.get(key, () => this.#writeFilter(this.path(`${key}.filter`), spec));
  }

  async #writeFilter(path: string, spec: LaunchSpec): Promise<string> {
    const filter = compileFilter(spec, true);
    if (filter !== undefined) {
      await Deno.writeFile(path, filter, { mode: 0o600, createNew: true });
    }
    return path;
  }
}

/** Compiles the filter of a spec. */
export function compileFilter(spec: LaunchSpec, exec: boolean): Uint8Array | undefined {
  if (spec.seccomp === "off") return undefined;
  const arch = Deno.build.arch as SeccompArch;
  // what loads its own filter has its lane by then
  const lane = exec && spec.lane;
  return compileSeccomp({ profile: spec.seccomp, arch, network: networked(spec), exec, lane });
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

function networked(spec: LaunchSpec): boolean {
  return spec.network !== "isolated";
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch {
    // never written, or gone with its folder
  }
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
