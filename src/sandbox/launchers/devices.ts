// The few devices that a process finds in `/dev`.
import { runBounded } from "../../io/bounded_command.ts";
import type { Shell } from "../launch/wrapper.ts";

/** The devices, by name, with their major and minor numbers. */
export const DEVICES: readonly (readonly [name: string, major: number, minor: number])[] = Object
  .freeze([
    ["null", 1, 3],
    ["zero", 1, 5],
    ["full", 1, 7],
    ["random", 1, 8],
    ["urandom", 1, 9],
  ]);

/** Makes each device and opens it: on a file system that is mounted `nodev` it could not be used. */
const SCRIPT = `PATH=/usr/bin:/bin:/usr/sbin:/sbin:/run/current-system/sw/bin
umask 022
folder=$1
shift
mkdir -- "$folder" || exit 1
while [ $# -gt 0 ]; do
  mknod -m 666 -- "$folder/$1" c "$2" "$3" && chown 65534:65534 -- "$folder/$1" || exit 1
  { : <"$folder/$1"; } || exit 1
  shift 3
done
chown 65534:65534 -- "$folder"
`;

/** Says where devices are: paths by name, or all in one folder that nobody inside may write. */
export type DeviceSource = ReadonlyMap<string, string> | string;

/** Returns the machine's own devices: name and path. */
export function machineDevices(): DeviceSource {
  return new Map(DEVICES.map(([name]) => [name, `/dev/${name}`]));
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
  const { ok, unsure } = await runBounded(
    shell.path,
    ["-c", SCRIPT, "sh", folder, ...DEVICES.flat().map(String)],
    {},
  );
  if (unsure !== undefined) throw unsure;
  return ok ? folder : new Map();
}
