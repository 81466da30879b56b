// Reads what a machine is, and what the host itself may do there. Never asks for a permission.
import type { ContainerKind, HostFacts, SystemFacts } from "./types.ts";

const LAUNCHER_PROGRAMS = ["sh", "bwrap", "unshare", "setpriv", "systemd-run"] as const;

/** Names the programs that launchers start. */
export type LauncherProgram = typeof LAUNCHER_PROGRAMS[number];

export interface FoundProgram {
  readonly path: string | undefined;
  readonly mayRun: boolean;
}

const FOLDERS = "/usr/bin /bin /usr/sbin /sbin /usr/local/bin /run/current-system/sw/bin".split(
  " ",
);
const FAMILIES = ["read", "write", "net", "sys", "run"] as const;
const MAX_BYTES = 64 * 1024;

export function readSystem(): SystemFacts {
  const release = readSmall("/proc/sys/kernel/osrelease")?.trim() ||
    (granted({ name: "sys", kind: "osRelease" }) ? Deno.osRelease() : undefined);
  const [os, arch] = [Deno.build.os, Deno.build.arch];
  return {
    os,
    arch,
    kernel: release,
    distribution: os === "linux" ? readDistribution() : undefined,
    wsl: wslVersion(release),
    container: os === "linux" ? readContainer() : undefined,
    sysctls: {
      apparmorRestrictsUserns: readNumber("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
      unprivilegedUsernsClone: readNumber("/proc/sys/kernel/unprivileged_userns_clone"),
      maxUserNamespaces: readNumber("/proc/sys/user/max_user_namespaces"),
    },
    processesOnly: os === "linux" && exists("/proc/self/status") && !exists("/proc/sys"),
    systemd: exists("/run/systemd/system"),
    cgroups: readCgroupMounts(),
  };
}

export function readHost(
  programs: Readonly<Record<LauncherProgram, FoundProgram>>,
): Omit<HostFacts, "pluginDeno"> {
  const there = LAUNCHER_PROGRAMS.filter((name) => programs[name].path !== undefined);
  return {
    deno: Deno.version.deno,
    isRoot: hostIsRoot(),
    lacks: FAMILIES.filter((name) => !granted({ name })).map((name) => `--allow-${name}`),
    // its own: with hidepid others of this user can be read, and none of another's
    readsProc: Deno.build.os !== "linux" || readSmall(`/proc/${Deno.pid}/status`) !== undefined,
    mayRun: there.filter((name) => programs[name].mayRun),
    mayNotRun: there.filter((name) => !programs[name].mayRun),
  };
}

export function findPrograms(): Record<LauncherProgram, FoundProgram> {
  const maySee = granted({ name: "read", path: "/usr/bin" });
  const found = LAUNCHER_PROGRAMS.map((name) => {
    const usual = FOLDERS.map((folder) => `${folder}/${name}`);
    // what may not be looked for is taken to be in its usual place: running it will tell
    const there = maySee ? usual.filter(exists) : usual.slice(0, 2);
    const runnable = there.find((path) => granted({ name: "run", command: path }));
    return [name, { path: runnable ?? there[0], mayRun: runnable !== undefined }];
  });
  return Object.fromEntries(found);
}

export function hostIsRoot(): boolean | undefined {
  if (!granted({ name: "sys", kind: "uid" })) return undefined;
  const uid = Deno.uid();
  return uid === null ? undefined : uid === 0;
}

/** Returns whether this host has a permission, without asking for it. */
export function granted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}

/** See https://www.freedesktop.org/software/systemd/man/latest/os-release.html. */
function readDistribution(): SystemFacts["distribution"] {
  const text = readSmall("/etc/os-release") ?? readSmall("/usr/lib/os-release");
  if (text === undefined) return undefined;
  const fields = new Map<string, string>();
  for (const [, key = "", value = ""] of text.matchAll(/^([A-Z_]+)=(.*)$/gm)) {
    fields.set(key, value.trim().replace(/^(["'])(.*)\1$/, "$2"));
  }
  const id = fields.get("ID") ?? "linux";
  return {
    id,
    like: (fields.get("ID_LIKE") ?? "").split(" ").filter((name) => name !== ""),
    name: (fields.get("PRETTY_NAME") ?? fields.get("NAME") ?? id).slice(0, 100),
    version: fields.get("VERSION_ID") ?? "",
  };
}

function wslVersion(release: string | undefined): 1 | 2 | undefined {
  if (release === undefined || !/microsoft/i.test(release)) return undefined;
  return /WSL2|microsoft-standard/.test(release) ? 2 : 1; // WSL 1 says 4.4.0-…-Microsoft
}

function readContainer(): ContainerKind | undefined {
  if (exists("/var/run/secrets/kubernetes.io/serviceaccount")) return "kubernetes";
  const paths = `${readSmall("/proc/self/cgroup") ?? ""}${readSmall("/proc/1/cgroup") ?? ""}`;
  if (paths.includes("kubepods")) return "kubernetes";
  if (exists("/run/.containerenv") || paths.includes("libpod")) return "podman";
  if (exists("/.dockerenv") || paths.includes("/docker")) return "docker";
  const manager = readSmall("/run/systemd/container")?.trim();
  if (manager === "lxc" || exists("/dev/lxd/sock") || paths.includes("/lxc")) return "lxc";
  if (manager === "podman" || manager === "docker") return manager;
  return manager !== undefined && manager !== "" && manager !== "wsl" ? "container" : undefined;
}

function readCgroupMounts(): SystemFacts["cgroups"] {
  const mounts = readSmall("/proc/self/mounts");
  if (mounts === undefined) return undefined;
  const kinds = new Set(mounts.split("\n").map((line) => line.split(" ")[2]));
  return kinds.has("cgroup") ? "v1" : kinds.has("cgroup2") ? "v2" : "none";
}

function readNumber(path: string): number | undefined {
  const text = readSmall(path)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function readSmall(path: string): string | undefined {
  if (!granted({ name: "read", path })) return undefined;
  try {
    return Deno.readTextFileSync(path).slice(0, MAX_BYTES);
  } catch {
    return undefined; // absent, or hidden: either way nothing was seen
  }
}

function exists(path: string): boolean {
  if (!granted({ name: "read", path })) return false;
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
