// The launchers that work on this machine, found out by starting something with each.
import { isAbsolute } from "node:path";
import { commandLine } from "../command_line.ts";
import { SallyportError } from "../errors.ts";
import { systemHint } from "../io/system_error.ts";
import { CannotTell } from "../io/bounded_command.ts";
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
import type { Launcher } from "./launch/launcher.ts";
import type { LauncherName } from "./launch/launch_spec.ts";
import { findLibraries } from "./machine/libraries.ts";
import { plainLauncher } from "./launchers/plain.ts";
import { type LauncherProbe, makeLauncher, probeLauncher } from "./probe.ts";
import { survey } from "./machine/survey.ts";

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
}

/** Holds what may start plugins here; disposing it removes the groups that cgroups were made in. */
export interface Launchers extends AsyncDisposable {
  /**
   * Returns the launcher for an isolation mode.
   *
   * @throws {SallyportError} `bad-config` when it does not work here, or is less than is required.
   */
  select(mode?: IsolationMode): Launcher;
  /** The launcher of the host's own mode. */
  readonly strongest: Launcher;
  /** Whether every layer must be in force. */
  readonly require: boolean;
  /** What was found out about cgroups. */
  readonly cgroups: CgroupProbe;
}

/** The launchers with a root folder of their own, strongest first. */
const STRONG = ["bwrap", "unshare"] as const;

/**
 * Finds out what works here.
 *
 * @throws {SallyportError} `bad-config` when the mode is unknown or does not work, when a layer is
 * required that cannot be had, or when this cannot be found out now.
 * @throws {TypeError} when an option is unknown or of the wrong type.
 */
export async function openLaunchers(options: OpenLaunchersOptions): Promise<Launchers> {
  const { mode, require } = checkIsolation(options.isolation);
  const { executable, scratchDir } = options;
  closeInheritedOnExec();
  await using undo = new AsyncDisposableStack();
  const [found, libraries, cgroups] = await Promise.all([
    survey(executable).catch((error: CannotTell) => error),
    findLibraries(executable),
    openCgroups(),
  ]);
  if (cgroups.manager !== undefined) undo.use(cgroups.manager);
  const probes: readonly LauncherProbe[] = await Promise.all(
    STRONG.map((name) =>
      found instanceof CannotTell
        ? { name, works: false, reason: found.message, unsure: found }
        : probeLauncher(name, { executable, libraries, scratchDir })
    ),
  );
  const launchers = new Map<LauncherName, Launcher>();
  const missing: string[] = [];
  for (const { name, works, reason } of probes) {
    if (!works || typeof found === "string" || found instanceof CannotTell) {
      missing.push(`no ${name}: ${reason}`);
      continue;
    }
    const parts = { survey: found, libraries, executable, scratchDir, cgroups };
    launchers.set(name, makeLauncher(name, { ...parts, missing: [...missing] }));
  }
  launchers.set("plain", plain(executable, missing));
  const select = (wanted: IsolationMode): Launcher => {
    const probeOf = (mode: IsolationMode) => probes.find(({ name }) => name === mode);
    // the strongest that works, if it is known of each that is stronger that it does not
    const name = wanted === "auto"
      ? [...STRONG, "plain" as const].find((name) =>
        launchers.has(name) || probeOf(name)?.unsure !== undefined
      )!
      : wanted;
    const unsure = probeOf(name)?.unsure;
    if (unsure !== undefined) throw cannotTell(`whether "${name}"`, unsure);
    const launcher = launchers.get(name);
    if (launcher === undefined) throw notWorking(wanted, probes, require);
    if (launcher.privateRoot && cgroups.unsure !== undefined) {
      throw cannotTell("which cgroup", cgroups.unsure);
    }
    if (require) checkRequired(launcher, wanted, probes, cgroups);
    return launcher;
  };
  const strongest = select(mode);
  const stack = undo.move();
  return {
    select: (wanted) => wanted === undefined ? strongest : select(checkMode(wanted)),
    strongest,
    require,
    cgroups,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
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
  probes: readonly LauncherProbe[],
  require: boolean,
): SallyportError {
  const reason = probes.find(({ name }) => name === mode)?.reason ?? "it does not work";
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
