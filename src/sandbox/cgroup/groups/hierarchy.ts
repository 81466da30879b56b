// Finds the cgroup hierarchies of this machine and the place of a process in each.

/** One mounted hierarchy: the unified one, or one of version 1 with its controllers. */
export interface Hierarchy {
  /** The version. */
  readonly version: 1 | 2;
  /** The controllers of a version 1 hierarchy; empty for version 2, which lists them in a file. */
  readonly controllers: readonly string[];
  /** The path inside the hierarchy that is mounted. */
  readonly root: string;
  /** Where it is mounted. */
  readonly mountPoint: string;
  /** Whether it is mounted for reading only. */
  readonly readOnly: boolean;
}

/** The paths of one process, by controller; the unified hierarchy's under the empty name. */
export type CgroupPaths = ReadonlyMap<string, string>;

const OCTAL = /\\([0-7]{3})/g;

/** Finds the cgroup mounts in the text of `/proc/<pid>/mountinfo` (see proc_pid_mountinfo(5)). */
export function parseMounts(text: string): Hierarchy[] {
  const found: Hierarchy[] = [];
  for (const line of text.split("\n")) {
    const [left, right] = line.split(" - ");
    const [, , , root, mountPoint, options = ""] = left?.split(" ") ?? [];
    const [type, , superOptions = ""] = right?.split(" ") ?? [];
    if (root === undefined || mountPoint === undefined) continue;
    if (type !== "cgroup" && type !== "cgroup2") continue;
    const flags = superOptions.split(",");
    found.push({
      version: type === "cgroup2" ? 2 : 1,
      controllers: type === "cgroup2" ? [] : flags.filter((flag) => /^[a-z_]+$/.test(flag)),
      root: unescape(root),
      mountPoint: unescape(mountPoint),
      readOnly: options.split(",").includes("ro") || flags.includes("ro"),
    });
  }
  return found;
}

function unescape(path: string): string {
  return path.replace(OCTAL, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}

/** Reads the text of `/proc/<pid>/cgroup` (see cgroups(7)). */
export function parsePaths(text: string): CgroupPaths {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    for (const controller of match[1]!.split(",")) paths.set(controller, match[2]!);
  }
  return paths;
}

/** Returns the cgroup paths of a process. */
export function pathsOf(pid: number | "self"): CgroupPaths | undefined {
  try {
    return parsePaths(Deno.readTextFileSync(`/proc/${pid}/cgroup`));
  } catch {
    return undefined;
  }
}

/** Returns the folder that stands for a path of a hierarchy. */
export function folderOf(hierarchy: Hierarchy, path: string): string | undefined {
  const { root, mountPoint } = hierarchy;
  if (`${path}/`.includes("/../") || `${root}/`.includes("/../")) return undefined;
  const base = root === "/" ? "" : root;
  if (path !== base && !path.startsWith(`${base}/`)) return undefined;
  const rest = path.slice(base.length);
  return rest === "" || rest === "/" ? mountPoint : `${mountPoint}${rest}`;
}

/** Says whether a folder is another or lies below it. */
export function isWithin(folder: string, base: string): boolean {
  return folder === base || folder.startsWith(`${base}/`);
}
