// Makes the arguments that start a command in a limited scope of systemd.
import type { ProcessLimits } from "../../launch/launch_spec.ts";
import { runBounded } from "../../../io/bounded_command.ts";
import { CPU_PERIOD_US, cpuQuota, IO_WEIGHT, taskLimit } from "../groups/group_limits.ts";
import { findProgram, type SystemdManager } from "./systemctl.ts";

/** The program that starts scopes. */
export interface ScopeProgram {
  /** Its path. */
  readonly path: string;
  /** The version of systemd that it came with; 0 where that is not known. */
  readonly version: number;
  /** Whether scopes may be given an `OOMPolicy=`: since systemd 253, and in some 252. */
  readonly oomPolicy: boolean;
}

const PATHS = ["/usr/bin/systemd-run", "/bin/systemd-run"];

const OOM_POLICY_SINCE = 252;

/** From here on `systemd-run` may expand `$` in the command, unless told not to. */
const EXPANSION_SINCE = 254;

/** Finds the program and its version. */
export async function findSystemdRun(): Promise<ScopeProgram | undefined> {
  const path = findProgram(PATHS);
  if (path === undefined) return undefined;
  const { stdout } = await runBounded(path, ["--version"], {});
  const version = Number(/^systemd (\d+)/.exec(stdout)?.[1] ?? 0);
  return { path, version, oomPolicy: version >= OOM_POLICY_SINCE };
}

/**
 * Returns the arguments before the command.
 *
 * `--scope` executes the command itself, in place of the program: the process id stays. There is no
 * `--collect`, which would make systemd forget why a scope ended.
 */
export function scopeArguments(
  program: ScopeProgram,
  systemd: SystemdManager,
  unit: string,
  limits: ProcessLimits,
): string[] {
  const properties = [
    `MemoryMax=${limits.memoryBytes}`,
    "MemorySwapMax=0",
    `TasksMax=${taskLimit(limits)}`,
    `CPUQuota=${cpuQuota(limits) * 100 / CPU_PERIOD_US}%`,
    `IOWeight=${IO_WEIGHT}`,
    ...(program.oomPolicy ? ["OOMPolicy=kill"] : []),
    "TimeoutStopSec=2s",
  ];
  return [
    systemd.option,
    "--scope",
    "--quiet",
    "--no-ask-password",
    `--unit=${unit}`,
    "--description=Sallyport plugin",
    ...(program.version >= EXPANSION_SINCE ? ["--expand-environment=no"] : []),
    ...properties.map((property) => `--property=${property}`),
    "--",
  ];
}
