// Talks to the systemd that manages this machine, or to the user's own.
import { type BoundedResult, runBounded } from "../../../io/bounded_command.ts";

/** One systemd: the machine's, or that of a user. */
export interface SystemdManager {
  /** The option that names it. */
  readonly option: "--system" | "--user";
  /** What programs need in their environment to reach it. */
  readonly env: Readonly<Record<string, string>>;
}

const SYSTEMCTL_PATHS = ["/usr/bin/systemctl", "/bin/systemctl"];

/** Whether systemd manages this machine; the test of sd_booted(3). */
export function systemdBooted(): boolean {
  return isPresent("/run/systemd/system");
}

/**
 * Returns the systemd that would take units of this process: the machine's for root, else the user's.
 */
export function findSystemd(): SystemdManager | string {
  if (!systemdBooted()) return "systemd does not manage this machine";
  if (Deno.uid() === 0) return { option: "--system", env: {} };
  const runtimeDir = Deno.env.get("XDG_RUNTIME_DIR") || `/run/user/${Deno.uid()}`;
  if (!isPresent(`${runtimeDir}/systemd`)) {
    return "this user has no systemd of its own (loginctl enable-linger starts one)";
  }
  const bus = Deno.env.get("DBUS_SESSION_BUS_ADDRESS") || `unix:path=${runtimeDir}/bus`;
  return {
    option: "--user",
    env: { XDG_RUNTIME_DIR: runtimeDir, DBUS_SESSION_BUS_ADDRESS: bus },
  };
}

/** Runs `systemctl`. */
export function systemctl(
  manager: SystemdManager,
  args: readonly string[],
  timeoutMs?: number,
): Promise<BoundedResult> {
  const path = findProgram(SYSTEMCTL_PATHS);
  if (path === undefined) {
    return Promise.resolve({ ok: false, stdout: "", stderr: "there is no systemctl" });
  }
  return runBounded(path, [manager.option, "--no-ask-password", ...args], manager.env, timeoutMs);
}

/** Reads properties of a unit. */
export async function unitProperties(
  manager: SystemdManager,
  unit: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await systemctl(manager, [
    "show",
    `--property=${names.join(",")}`,
    "--",
    unit,
  ]);
  const values = new Map<string, string>();
  for (const line of stdout.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  return values;
}

/** Finds a program. */
export function findProgram(paths: readonly string[]): string | undefined {
  return paths.find(isPresent);
}

function isPresent(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
