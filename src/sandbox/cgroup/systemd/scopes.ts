// Ends scopes of systemd: those of this host, and those that killed hosts left.
import { type HostIdentity, isOrphaned } from "../groups/host_name.ts";
import { systemctl, type SystemdManager, unitProperties } from "./systemctl.ts";

const TIMEOUT_MS = 10_000;
const MAX_SWEPT = 200;

/** Kills what is left in a scope and makes systemd forget it. */
export async function endScope(systemd: SystemdManager, unit: string): Promise<void> {
  let state = await stateOf(systemd, unit);
  if (state !== "inactive" && state !== "failed") {
    await systemctl(systemd, ["kill", "--signal=SIGKILL", "--", unit], TIMEOUT_MS);
    await systemctl(systemd, ["stop", "--", unit], TIMEOUT_MS); // waits for the end
    state = await stateOf(systemd, unit);
  }
  if (state === "failed") await systemctl(systemd, ["reset-failed", "--", unit], TIMEOUT_MS);
}

/** Ends the scopes of hosts that are gone. */
export async function sweepScopes(systemd: SystemdManager, self: HostIdentity): Promise<void> {
  const { stdout } = await systemctl(
    systemd,
    ["list-units", "--all", "--plain", "--no-legend", "--full", "--type=scope", "sallyport-*"],
    TIMEOUT_MS,
  );
  const units = stdout.split("\n").map((line) => line.trim().split(/\s+/)[0]!);
  for (const unit of units.filter((name) => isOrphaned(name, self)).slice(0, MAX_SWEPT)) {
    await endScope(systemd, unit);
  }
}

async function stateOf(systemd: SystemdManager, unit: string): Promise<string> {
  const values = await unitProperties(systemd, unit, ["ActiveState"]);
  return values.get("ActiveState") ?? "inactive";
}
