// Finds who else may change what lies at a path: what a host believes must be its owner's alone.
import { dirname } from "node:path";

/** Says who may change something, and where. */
export interface OpenToOthers {
  /** What may be written: the path itself, or a folder above it. */
  readonly path: string;
  /** `everybody`, a group, or a user who owns it and is neither this one nor root. */
  readonly who: string;
  /** Its permission bits, such as `0777`. */
  readonly mode: string;
}

const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;
/** Whom the kernel names where a user namespace does not know the owner. */
const UNKNOWN_USER = 65_534;

/**
 * Looks at a file or folder, and at the folders above it, through links.
 *
 * A folder such as `/tmp`, in which everybody may add but only owners may replace, is no hole for what
 * lies in it. A group whose number is the owner's counts as the owner's own; of folders above, owners count as trusted. Access lists are not seen.
 */
export function findOpenToOthers(path: string): OpenToOthers | undefined {
  if (Deno.build.os === "windows") return undefined;
  try {
    if (!mayRead(path)) return undefined;
    const real = Deno.realPathSync(path);
    for (let at = real;; at = dirname(at)) {
      if (!mayRead(at)) return undefined;
      const { mode, uid, gid } = Deno.statSync(at);
      const open = mode! & (at === real ? OTHERS_WRITE | GROUP_WRITE : OTHERS_WRITE);
      const sticky = at !== real && (mode! & STICKY) !== 0;
      const who = !sticky && (open & OTHERS_WRITE) !== 0
        ? "everybody"
        : at === real && isForeign(uid)
        ? `user ${uid}`
        : !sticky && open !== 0 && gid !== uid
        ? `group ${gid}`
        : undefined;
      if (who !== undefined) {
        return { path: at, who, mode: (mode! & 0o7777).toString(8).padStart(4, "0") };
      }
      if (dirname(at) === at) return undefined;
    }
  } catch {
    return undefined; // it is not there, or not ours to see: whoever opens it says so
  }
}

/** Says what takes the access away, as a command to which the path is added. */
export function remedyFor({ who }: OpenToOthers): string {
  if (who === "everybody") return "chmod o-w";
  return who.startsWith("user") ? "chown $USER" : "chmod g-w";
}

function isForeign(uid: number | null): boolean {
  if (Deno.permissions.querySync({ name: "sys", kind: "uid" }).state !== "granted") return false;
  return uid !== null && uid !== 0 && uid !== UNKNOWN_USER && uid !== Deno.uid();
}

/** A host with fewer permissions would be asked at its terminal. */
export function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}
