// Plans a launch: what a plugin may do becomes flags, mounts and limits. Pure: no disk, no process.
import { escapeText, SallyportError } from "../errors.ts";
import { type CodeCaching, deriveFlags } from "../permissions/flags.ts";
import { overlaps, parsePathScope, pathCovers } from "../permissions/scopes/path_scope.ts";
import type { ResolvedPermissions } from "../permissions/resolve.ts";
import {
  type BindMount,
  createLaunchSpec,
  INSIDE,
  type LaunchSpec,
  type NetworkMode,
  type PrivateRoot,
  RELAY_PORT,
  type SeccompProfile,
} from "./launch/launch_spec.ts";
import type { Launcher } from "./launch/launcher.ts";
import { bindLibrary } from "./machine/libraries.ts";

/** Holds what a launch is planned from; every path is absolute, real and of the machine. */
export interface LaunchPlanInput {
  /** What the plugin may do. */
  permissions: ResolvedPermissions;
  /** What will start it. */
  launcher: Pick<Launcher, "name" | "privateRoot" | "libraries">;
  /** The `deno` executable. */
  executable: string;
  /** The read-only copy of the bundle. */
  bundleDir: string;
  /**
   * The folder that is shown in its place, to be filled before the plugin is imported; for a launcher
   * with a private root only.
   */
  bundleFolder?: string;
  /** The plugin's own folder, where it asked for one. */
  storageDir: string | undefined;
  /** The bootstrap and its import map, in one folder. */
  runtime: { readonly bootstrap: string; readonly importMap: string };
  /** The folders of this run, and what the cache folder holds already. */
  run: { readonly denoDir: string; readonly cwd: string; readonly cached: readonly string[] };
  /** The socket of the egress proxy, where the network is proxied; in one folder with the lane's. */
  egressSocket?: string;
  /** The socket of the lane to the host, where there is one. */
  laneSocket?: string;
  /** The files that large values travel in, where there are any, and how many bytes each may have. */
  shared?: { readonly down: string; readonly up: string; readonly bytes: number };
  /** How the network is reached. */
  network: NetworkMode;
  /** Files that resolving names needs, where the machine's network is used. */
  resolverFiles?: readonly string[];
  /** The system call filter. */
  seccomp: SeccompProfile;
  /**
   * Whether the cache folder of this run itself is shown, writable; it is for compiling only, which
   * runs nothing of the plugin.
   *
   * @default {false}
   */
  keepCache?: boolean;
  /** How the code was compiled that the cache folder holds, or is to hold; none where this is missing. */
  codeCache?: CodeCaching;
}

/** Says where the bootstrap finds the socket of its lane. */
export interface LanePlan {
  /** The path as the process sees it. */
  readonly path: string;
  /** The permissions on the path that the plugin has not been granted itself. */
  readonly revoke: readonly ("net" | "read" | "write")[];
}

/** Says where the bootstrap finds one of the files that large values travel in. */
export interface SharedEndPlan {
  /** The path as the process sees it. */
  readonly path: string;
  /** How many bytes it may have. */
  readonly bytes: number;
  /** Whether the plugin has not been granted the path itself. */
  readonly revoke: boolean;
}

/** Says the same of both. */
export interface SharedPlan {
  /** What the host writes and the process reads. */
  readonly down: SharedEndPlan;
  /** What the process writes and the host reads. */
  readonly up: SharedEndPlan;
}

/** Holds a planned launch. */
export interface LaunchPlan {
  /** The spec. */
  readonly spec: LaunchSpec;
  /** The bundle as the process sees it. */
  readonly bundleDir: string;
  /** The plugin's own folder as the process sees it. */
  readonly storageDir: string | undefined;
  /** What the bootstrap relays, where the network is proxied. */
  readonly relay: { readonly port: number; readonly path: string } | undefined;
  /** What the bootstrap connects to, and the permissions that it gives up then. */
  readonly lane: LanePlan | undefined;
  /** What the bootstrap opens, and the permissions that it gives up then. */
  readonly shared: SharedPlan | undefined;
  /** The library by which the bootstrap loads its filter, where the launcher cannot. */
  readonly library: string | undefined;
}

const MIB = 1024 * 1024;
const TEMPORARY_BYTES = 64 * MIB;
const CACHE_BYTES = 16 * MIB;
const C_LIBRARY = "libc.so.6";

/**
 * Plans a launch.
 *
 * @throws {SallyportError} `permission-denied` when a value cannot be expressed as a flag, or a
 * granted path has the name of a folder that the sandbox needs.
 */
export function planLaunch(input: LaunchPlanInput): LaunchPlan {
  const { permissions, launcher, network } = input;
  const { limits } = permissions;
  const inside = launcher.privateRoot;
  const socket = network === "proxied" ? input.egressSocket : undefined;
  const socketAs = (path: string) => inside ? `${INSIDE.sockets}/${nameOf(path)}` : path;
  const relay = socket === undefined ? undefined : { port: RELAY_PORT, path: socketAs(socket) };
  const lane = input.laneSocket === undefined
    ? undefined
    : planLane(socketAs(input.laneSocket), permissions);
  const fileBytes = Math.max(limits.storageBytes, MIB); // the runtime writes a little for itself
  const shared = input.shared && planShared(input.shared, inside ? fileBytes : Infinity, input);
  const library = launcher.name === "unshare" && input.seccomp !== "off"
    ? launcher.libraries.find((path) => path.endsWith(`/${C_LIBRARY}`)) ?? C_LIBRARY
    : undefined;
  const seenAs = (path: string) => inside ? seenInside(path, input) : path;
  const bundleDir = seenAs(input.bundleDir);
  const root = inside ? privateRoot(input, socket ?? input.laneSocket) : undefined;
  const spec = createLaunchSpec({
    plugin: permissions.plugin,
    executable: inside ? INSIDE.executable : input.executable,
    flags: deriveFlags(permissions, {
      bundleDir,
      seenAs: (path) => [seenAs(path), ...otherNames(path, permissions)],
      bootstrap: {
        relay: relay && { port: relay.port, socket: relay.path },
        lane: lane?.path,
        shared: shared && { down: shared.down.path, up: shared.up.path },
        library,
      },
      codeCache: input.codeCache,
    }),
    importMap: seenAs(input.runtime.importMap),
    bootstrap: seenAs(input.runtime.bootstrap),
    denoDir: inside ? INSIDE.denoDir : input.run.denoDir,
    cwd: inside ? INSIDE.cwd : input.run.cwd,
    root,
    network,
    seccomp: input.seccomp,
    lane: lane !== undefined,
    limits: {
      memoryBytes: limits.memoryBytes,
      cpuPercent: limits.cpuPercent,
      threads: limits.threads,
      fileDescriptors: limits.fileDescriptors,
      // runs nothing of the plugin, and what it compiles is larger than what that may write
      fileBytes: input.keepCache === true ? Math.max(fileBytes, CACHE_BYTES) : fileBytes,
    },
  });
  const storageDir = input.storageDir === undefined ? undefined : seenAs(input.storageDir);
  return Object.freeze({ spec, bundleDir, storageDir, relay, lane, shared, library });
}

/** Returns the name inside of a path of the machine: a few folders have one of their own. */
function seenInside(path: string, input: LaunchPlanInput): string {
  const runtime = parentOf(input.runtime.bootstrap);
  const renamed: [string, string][] = [
    [input.bundleDir, INSIDE.bundle],
    ...(input.storageDir === undefined
      ? []
      : [[input.storageDir, INSIDE.storage] as [string, string]]),
    [runtime, INSIDE.runtime],
  ];
  const found = renamed.find(([outer]) => pathCovers(outer, path));
  return found === undefined ? path : found[1] + path.slice(found[0].length);
}

function privateRoot(input: LaunchPlanInput, socket: string | undefined): PrivateRoot {
  const { permissions, run } = input;
  const own: BindMount[] = [
    { source: input.executable, target: INSIDE.executable, writable: false },
    ...input.launcher.libraries.map(bindLibrary),
    {
      source: parentOf(input.runtime.bootstrap),
      target: INSIDE.runtime,
      writable: false,
      fixed: true,
    },
    { source: input.bundleFolder ?? input.bundleDir, target: INSIDE.bundle, writable: false },
    ...(input.storageDir === undefined
      ? []
      : [{ source: input.storageDir, target: INSIDE.storage, writable: true }]),
    ...(input.keepCache === true
      ? [{ source: run.denoDir, target: INSIDE.denoDir, writable: true }]
      : []),
    ...(socket === undefined
      ? []
      : [{ source: parentOf(socket), target: INSIDE.sockets, writable: false }]),
    ...(input.shared === undefined ? [] : [
      { source: input.shared.down, target: INSIDE.sharedDown, writable: false },
      { source: input.shared.up, target: INSIDE.sharedUp, writable: true },
    ]),
    ...(input.resolverFiles ?? []).map((path) => ({ source: path, target: path, writable: false })),
  ];
  return Object.freeze({
    folders: Object.freeze([INSIDE.cwd]),
    binds: Object.freeze([...own, ...grantedBinds(permissions, input)]),
    // copied, not mounted: where Deno may not write its cache it tries again and again, up to 150 ms a module
    copy: input.keepCache === true || run.cached.length === 0
      ? undefined
      : Object.freeze({ source: run.denoDir, target: INSIDE.denoDir, files: run.cached }),
    tmpfs: Object.freeze([
      { target: INSIDE.temporary, sizeBytes: TEMPORARY_BYTES },
      ...(input.keepCache === true ? [] : [{ target: INSIDE.denoDir, sizeBytes: CACHE_BYTES }]),
    ]),
  });
}

/** Shows granted paths under their real names, and under the name that the manifest has for them. */
function grantedBinds(permissions: ResolvedPermissions, input: LaunchPlanInput): BindMount[] {
  const binds = new Map<string, BindMount>();
  for (const { family, value } of permissions.items) {
    if (family !== "read" && family !== "write") continue;
    if (seenInside(value, input) !== value) continue; // the bundle or the storage
    for (const target of [value, ...otherNames(value, permissions)]) {
      checkName(target, permissions.plugin);
      const writable = family === "write" || binds.get(target)?.writable === true;
      binds.set(target, { source: value, target, writable });
    }
  }
  // a parent first, or it would hide what lies in it
  return [...binds.values()].sort((a, b) => a.target < b.target ? -1 : 1);
}

/** Returns the names that a manifest has for a path besides the real one: by way of links. */
function otherNames(path: string, { items, entry }: ResolvedPermissions): string[] {
  if (entry.onExcess === "narrow") return []; // the path may be a part only of what was asked for
  const names = items.flatMap(({ family, value, requested }) => {
    if ((family !== "read" && family !== "write") || value !== path) return [];
    const parsed = parsePathScope(requested);
    if ("problem" in parsed || parsed.value.base !== "absolute") return [];
    return pathCovers(parsed.value.path, path) ? [] : [parsed.value.path];
  });
  return [...new Set(names)];
}

function checkName(path: string, plugin: string): void {
  const taken = Object.values(INSIDE).find((own) =>
    own === INSIDE.temporary ? pathCovers(path, own) : overlaps(path, own)
  );
  if (taken === undefined) return;
  throw new SallyportError(
    "permission-denied",
    `Cannot start plugin "${plugin}": the granted path "${
      escapeText(path, 500)
    }" has the name of "${taken}", which the sandbox needs`,
    {
      hint: "Grant the files under another name, such as through a symbolic link's target",
      details: { plugin, path, taken },
    },
  );
}

/** Giving up a path gives up what covers it too, so that what the plugin may read or write stays. */
function planLane(path: string, { read, write }: ResolvedPermissions): LanePlan {
  const covered = (granted: readonly string[]) => granted.some((value) => pathCovers(value, path));
  return Object.freeze({
    path,
    revoke: Object.freeze([
      "net" as const,
      ...(covered(read) ? [] : ["read" as const]),
      ...(covered(write) ? [] : ["write" as const]),
    ]),
  });
}

/** What the process writes may not be larger than its files may be, or the kernel ends it. */
function planShared(
  { down, up, bytes }: NonNullable<LaunchPlanInput["shared"]>,
  maxFileBytes: number,
  { launcher, permissions: { read, write } }: LaunchPlanInput,
): SharedPlan {
  const end = (path: string, bytes: number, granted: readonly string[]) =>
    Object.freeze({ path, bytes, revoke: !granted.some((value) => pathCovers(value, path)) });
  const inside = launcher.privateRoot;
  return Object.freeze({
    down: end(inside ? INSIDE.sharedDown : down, bytes, read),
    up: end(inside ? INSIDE.sharedUp : up, Math.min(bytes, maxFileBytes), write),
  });
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
