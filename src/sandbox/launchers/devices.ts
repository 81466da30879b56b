// The few devices that a process finds in `/dev`.
import { CannotTell, runBounded } from "../../io/bounded_command.ts";
import { removeTree } from "../../io/remove_tree.ts";
import type { Shell } from "../launch/wrapper.ts";

/** The names of the devices. */
export const DEVICES: readonly string[] = ["null", "zero", "full", "random", "urandom"];

/** Copies the machine's devices, as devices, in one program. */
const SCRIPT = `PATH=/usr/bin:/bin:/run/current-system/sw/bin
umask 022
folder=$1
shift
mkdir -- "$folder" || exit 1
exec cp -R -- "$@" "$folder"
`;

/** Whom what belongs to nobody belongs to. */
const NOBODY = 65_534;

/** Says where devices are: paths by name, or all in one folder that nobody inside may write. */
export type DeviceSource = ReadonlyMap<string, string> | string;

/** Returns the machine's own devices: name and path. */
export function machineDevices(): DeviceSource {
  return new Map(DEVICES.map((name) => [name, `/dev/${name}`]));
}

/**
 * Makes devices for a host that is root and a launcher that cannot show a device read-only, unless an earlier
 * host has made them.
 *
 * Inside, such a host's plugin owns what root owns, so it could change the mode of the machine's
 * `/dev/null` for everybody. These belong to nobody that it is.
 */
export async function makeDevices(shell: Shell, folder: string): Promise<DeviceSource> {
  if (areDevices(folder)) return folder;
  const made = `${folder}.${crypto.randomUUID()}`;
  try {
    const sources = DEVICES.map((name) => `/dev/${name}`);
    const { ok, unsure } = await runBounded(shell.path, ["-c", SCRIPT, "sh", made, ...sources], {});
    if (unsure !== undefined) throw unsure;
    if (!ok) return new Map();
    for (const name of DEVICES) {
      if (!Deno.lstatSync(`${made}/${name}`).isCharDevice) return new Map();
      Deno.chmodSync(`${made}/${name}`, 0o666);
      Deno.chownSync(`${made}/${name}`, NOBODY, NOBODY);
    }
    Deno.chownSync(made, NOBODY, NOBODY);
    await removeTree(folder);
    Deno.renameSync(made, folder);
  } catch (error) {
    if (error instanceof CannotTell) throw error;
    // another host was faster, or this file system has no devices
  } finally {
    await removeTree(made);
  }
  return areDevices(folder) ? folder : new Map();
}

/** Tells whether a folder has the devices and nothing else, which work and nobody inside may change. */
function areDevices(folder: string): boolean {
  try {
    const { isDirectory, uid, gid, mode } = Deno.lstatSync(folder);
    if (!isDirectory || uid !== NOBODY || gid !== NOBODY || (mode! & 0o7777) !== 0o755) {
      return false;
    }
    if ([...Deno.readDirSync(folder)].length !== DEVICES.length) return false;
    return DEVICES.every((name) => {
      const { isCharDevice, rdev, uid, gid, mode } = Deno.lstatSync(`${folder}/${name}`);
      Deno.openSync(`${folder}/${name}`).close(); // where it is mounted `nodev` it could not be used
      return isCharDevice && rdev === Deno.statSync(`/dev/${name}`).rdev && uid === NOBODY &&
        gid === NOBODY && (mode! & 0o7777) === 0o666;
    });
  } catch {
    return false;
  }
}
