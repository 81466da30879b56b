// The few devices that a process finds in `/dev`.
import { runBounded } from "../../io/bounded_command.ts";
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
 * Makes devices for a host that is root and a launcher that cannot show a device read-only.
 *
 * Inside, such a host's plugin owns what root owns, so it could change the mode of the machine's
 * `/dev/null` for everybody. These belong to nobody that it is.
 */
export async function makeDevices(
  shell: Shell,
  folder: string,
): Promise<DeviceSource> {
  const sources = DEVICES.map((name) => `/dev/${name}`);
  const { ok, unsure } = await runBounded(
    shell.path,
    ["-c", SCRIPT, "sh", folder, ...sources],
    {},
  );
  if (unsure !== undefined) throw unsure;
  if (!ok) return new Map();
  try {
    for (const name of DEVICES) {
      const path = `${folder}/${name}`;
      if (Deno.lstatSync(path).isCharDevice !== true) return new Map();
      Deno.chmodSync(path, 0o666);
      Deno.chownSync(path, NOBODY, NOBODY);
      Deno.openSync(path).close(); // on a file system that is mounted `nodev` it could not be used
    }
    Deno.chownSync(folder, NOBODY, NOBODY);
    return folder;
  } catch {
    return new Map();
  }
}
