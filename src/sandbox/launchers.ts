// The launchers that work on this machine, found out by starting something with each.
import { isAbsolute } from "node:path";
import { commandLine } from "../command_line.ts";
import { SallyportError } from "../errors.ts";
import { systemHint } from "../io/system_error.ts";
import { openCgroups } from "./cgroup/manager.ts";
import type { CgroupProbe } from "./cgroup/groups/cgroup_manager.ts";
import {
  checkIsolation,
  checkMode,
  findSetpriv,
  type IsolationMode,
  type IsolationOptions,
} from "./machine/choose.ts";
import { closeInheritedOnExec } from "./machine/descriptors.ts";
import type { Launch, LaunchCommand, Launcher, SandboxReport } from "./launch/launcher.ts";
import type { LauncherName, LaunchSpec } from "./launch/launch_spec.ts";
import type { MachineMemory } from "./machine/memory.ts";
import { plainLauncher } from "./launchers/plain.ts";
import { Scratch } from "./launchers/scratch.ts";
import { Machine } from "./known_machine.ts";
import { type LauncherProbe, makeLauncher } from "./probe.ts";

/** Options of {@linkcode openLaunchers}. */
export interface OpenLaunchersOptions {
  /**
   * The mode, alone or with `require`.
   *
   * @default {"auto"}
   */
  isolation?: IsolationMode | IsolationOptions;
  /** The deno executable: its path, or `deno` where the host may run only that name. */
  executable: string;
  /** A private folder for files of single starts; whoever made it removes it. */
  scratchDir: string;
  /**
   * What an earlier host has found out about this machine.
   *
   * @default {nothing}
   */
  memory?: MachineMemory;
  /**
   * Where devices stay for the next host.
   *
   * @default {in the private folder}
   */
  devicesDir?: string;
}

/** Holds what may start plugins here; disposing it removes the groups that cgroups were made in. */
export interface Launchers extends AsyncDisposable {
  /**
   * Returns the launcher for an isolation mode, tried by now.
   *
   * @throws {SallyportError} `bad-config` when it does not work here, or is less than is required.
   */
  select(mode?: IsolationMode): Promise<Launcher>;
  /** The launcher of the host's own mode. */
  readonly strongest: Launcher;
  /** Whether every layer must be in force. */
  readonly require: boolean;
  /** What was found out about cgroups. */
  readonly cgroups: Promise<CgroupProbe>;
  /**
   * Looks at the machine anew where what is known of it was remembered and a start has failed.
   *
   * @returns Whether a launcher works that may have failed for what was remembered.
   */
  relearn(launcher: Launcher): Promise<boolean>;
}

/** The launchers with a root folder of their own, strongest first. */
const STRONG = ["bwrap", "unshare"] as const;

/**
 * Opens the launcher of a mode, tried on this machine; the others when they are asked for.
 *
 * @throws {SallyportError} `bad-config` when the mode is unknown or does not work, when a layer is
 * required that cannot be had, or when this cannot be found out now.
 * @throws {TypeError} when an option is unknown or of the wrong type.
 */
export async function openLaunchers(options: OpenLaunchersOptions): Promise<Launchers> {
  const { mode, require } = checkIsolation(options.isolation);
  const { executable, scratchDir, memory, devicesDir } = options;
  closeInheritedOnExec();
  await using undo = new AsyncDisposableStack();
  const cgroups = openCgroups();
  undo.defer(async () => await (await cgroups).manager?.[Symbol.asyncDispose]());
  const machine = undo.use(new Machine(executable, new Scratch(scratchDir, devicesDir), memory));
  const launchers = new Map<LauncherName, Launcher>();
  const make = async (name: LauncherName, tried: readonly LauncherProbe[]): Promise<Launcher> => {
    const missing = tried.map(({ name, reason }) => `no ${name}: ${reason}`);
    if (name === "plain") return plain(executable, missing);
    const parts = async () => ({ ...await machine.parts(), cgroups: await cgroups, missing });
    return await RenewableLauncher.make(async () => makeLauncher(name, await parts()));
  };
  const select = async (wanted: IsolationMode): Promise<Launcher> => {
    const failed: LauncherProbe[] = [];
    let name: LauncherName = "plain";
    for (const strong of STRONG) {
      if (wanted !== "auto" && wanted !== strong) continue;
      const probe = await machine.probe(strong);
      // the strongest that works, if it is known of each that is stronger that it does not
      if (probe.unsure !== undefined) throw cannotTell(`whether "${strong}"`, probe.unsure);
      if (probe.works) {
        name = strong;
        break;
      }
      if (wanted === strong) throw notWorking(wanted, probe, require);
      failed.push(probe);
    }
    let launcher = launchers.get(name);
    if (launcher === undefined) launchers.set(name, launcher = await make(name, failed));
    if (launcher.privateRoot) {
      const { unsure } = await cgroups;
      if (unsure !== undefined) throw cannotTell("which cgroup", unsure);
    }
    if (require) checkRequired(launcher, wanted, failed, await cgroups);
    return launcher;
  };
  const strongest = await select(mode);
  const stack = undo.move();
  return {
    select: async (wanted) => wanted === undefined ? strongest : await select(checkMode(wanted)),
    strongest,
    require,
    cgroups,
    relearn: async (launcher) => {
      if (!(launcher instanceof RenewableLauncher)) return false;
      const { name } = launcher;
      if (name === "plain" || !await machine.relearn(name)) return false;
      await launcher.renew();
      return true;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A launcher that can be made again of what is known by then, for those who hold it already. */
class RenewableLauncher implements Launcher {
  readonly #make: () => Promise<Launcher>;
  #now: Launcher;

  private constructor(make: () => Promise<Launcher>, now: Launcher) {
    this.#make = make;
    this.#now = now;
  }

  static async make(make: () => Promise<Launcher>): Promise<RenewableLauncher> {
    return new RenewableLauncher(make, await make());
  }

  get name(): LauncherName {
    return this.#now.name;
  }

  get privateRoot(): boolean {
    return this.#now.privateRoot;
  }

  get libraries(): readonly string[] {
    return this.#now.libraries;
  }

  describe(spec: LaunchSpec): LaunchCommand {
    return this.#now.describe(spec);
  }

  report(spec?: LaunchSpec): SandboxReport {
    return this.#now.report(spec);
  }

  launch(spec: LaunchSpec): Promise<Launch> {
    return this.#now.launch(spec);
  }

  async renew(): Promise<void> {
    this.#now = await this.#make();
  }
}

function plain(executable: string, missing: readonly string[]): Launcher {
  const setpriv = findSetpriv();
  if (setpriv === undefined) return plainLauncher({ missing });
  // it would look for a bare name in a PATH that the cleared environment does not have
  return isAbsolute(executable) ? plainLauncher({ setpriv, missing }) : plainLauncher({
    without: "no setpriv, which needs --allow-run=<the path of deno>",
    missing,
  });
}

const hint = () => `Run "${commandLine(["doctor"])}" for the remedy`;

function cannotTell(what: string, cause: unknown): SallyportError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SallyportError("bad-config", `Cannot tell ${what} works here: ${reason}`, {
    hint: systemHint(cause) ?? "Open the host again when the machine is less busy",
    details: { reason },
    cause,
  });
}

function notWorking(
  mode: IsolationMode,
  { reason = "it does not work" }: LauncherProbe,
  require: boolean,
): SallyportError {
  return new SallyportError("bad-config", `Cannot isolate plugins with "${mode}": ${reason}`, {
    hint: `${hint()}, or use isolation "auto" to take what works here`,
    details: { mode, require, reason },
  });
}

function checkRequired(
  launcher: Launcher,
  mode: IsolationMode,
  probes: readonly LauncherProbe[],
  cgroups: CgroupProbe,
): void {
  const lacks = !launcher.privateRoot
    ? mode === "plain"
      ? ['"plain" is none']
      : probes.map(({ name, reason }) => `${name}: ${reason}`)
    : cgroups.manager === undefined
    ? cgroups.missing
    : [];
  if (lacks.length === 0) return;
  throw new SallyportError(
    "bad-config",
    `Cannot isolate plugins with the operating-system sandbox that is required: ${
      lacks.join("; ")
    }`,
    {
      hint:
        `${hint()}, or use isolation "plain" without \`require\` and run only plugins whose authors you trust`,
      details: { mode, require: true, lacks },
    },
  );
}
