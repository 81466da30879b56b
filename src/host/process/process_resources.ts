// Prepares one plugin process: its folders, its proxy, its launch; all of it goes away with the process.
import type { EgressConnection } from "../../egress/proxy.ts";
import { commandLine } from "../../command_line.ts";
import { SallyportError } from "../../errors.ts";
import type { LanePlan, SharedPlan } from "../../sandbox/launch_plan.ts";
import type { LaunchCommand, LaunchOutcome, SandboxReport } from "../../sandbox/launch/launcher.ts";
import { machineMounts, showPresent } from "../../sandbox/launch/machine_mounts.ts";
import { type CacheFile, NO_FILES } from "../data/cache_file.ts";
import type { DataDir } from "../data/data_dir.ts";
import { type LaneOffer, type NoLane, offerLane } from "./socket_lane.ts";
import type { SharedMemory, SharedOffer } from "./shared_memory_files.ts";
import { makeBundleFolder, WARM_UP_URL } from "./bundle_folder.ts";
import { entryUrl } from "./entry_url.ts";
import { type Launchable, networkOf, plan } from "../admission/plan.ts";

/** What the bootstrap does before it is trusted with a plugin. */
export interface EnterParams {
  /** The socket to move to, and the permissions to give up then. */
  readonly lane?: LanePlan;
  /** The files that large values travel in, and the permissions to give up then. */
  readonly shared?: SharedPlan;
  /** The filter to load, where the launcher could not. */
  readonly seccomp?: { readonly filter: Uint8Array; readonly library: string };
  /** The loopback port to relay to the socket of the egress proxy. */
  readonly relay?: { readonly port: number; readonly path: string };
  /** A module to import while there is time, for what the import of a plugin will need. */
  readonly warm?: string;
}

/** Holds everything that one process needs; dispose it when the process has ended. */
export interface OpenLaunch extends AsyncDisposable {
  /** The command. */
  readonly command: LaunchCommand;
  /** What to send first; `undefined` where there is nothing to enter. */
  readonly enter: EnterParams | undefined;
  /** The bundle as the process sees it. */
  readonly bundleDir: string;
  /** The plugin's own folder as the process sees it. */
  readonly storageDir: string | undefined;
  /** The runtime's cache folder on the machine. */
  readonly denoDir: string;
  /** The folder on the machine that is to be filled with the bundle, where there is one. */
  readonly bundleFolder: string | undefined;
  /** The socket that the process may speak over; `undefined` where it has none. */
  readonly lane: LaneOffer | undefined;
  /** The files that large values may travel in; `undefined` where there are none. */
  readonly shared: SharedOffer | undefined;
  /** Connections that are open through its egress proxy; `undefined` where it has none. */
  readonly openConnections: number | undefined;
  /**
   * Says what contains the process, read from it where the host may.
   *
   * @throws {SallyportError} `launch-failed` when a layer that is required is not in force.
   */
  inspect(pid: number): SandboxReport;
  /**
   * Says the same as soon as the runtime runs and nothing about it can change any more.
   *
   * @throws {SallyportError} as {@linkcode inspect} does.
   */
  inspectStarted(pid: number): SandboxReport | undefined;
  /** Tells whether what is mounted of the machine is what stands there now. */
  showsPresent(pid: number | undefined): boolean;
  /** Says what became of the process; to be called when it has exited. */
  outcome(): Promise<LaunchOutcome>;
}

/** Options of {@linkcode openLaunch}. */
export interface OpenLaunchOptions {
  /** The `deno` executable. */
  executable: string;
  /** The host's folder. */
  data: DataDir;
  /** Whether every layer is required. */
  require: boolean;
  /** What to put into the cache folder. */
  caches: readonly CacheFile[];
  /** Whether the process is to fill the cache folder and to run nothing. */
  compileOnly?: boolean;
  /**
   * Whether it is started before it is known for which bundle: it sees an empty folder in its place, and
   * imports a plugin of no use, to be ready for another.
   */
  pooled?: boolean;
  /** Whether messages are to travel over a socket, where there can be one. */
  lane?: boolean;
  /** Is told where there can be none. */
  onNoLane?: NoLane;
  /** Makes files for large values to travel in, where that is wanted. */
  shared?: SharedMemory;
  /** Takes the plugin's connections through the egress proxy. */
  onConnection?: (connection: EgressConnection) => void;
}

/**
 * Prepares a process.
 *
 * @throws {SallyportError} `launch-failed` when its folders, its cgroup or its proxy cannot be made.
 */
export async function openLaunch(
  prepared: Launchable,
  options: OpenLaunchOptions,
): Promise<OpenLaunch> {
  const { launcher, seccomp } = prepared.containment;
  const { data, executable, compileOnly = false } = options;
  const { plugin, net, limits } = prepared.permissions;
  const network = networkOf(prepared, compileOnly);
  await data.heal();
  await using undo = new AsyncDisposableStack();
  const { caches } = options;
  // what gets copies needs no folder of its own to fill
  const shared = launcher.privateRoot && caches.length > 0 && !compileOnly;
  const run = undo.use(data.createRun(shared ? undefined : caches));
  const denoDir = shared ? data.cacheFolder(caches) : run.denoDir;
  const proxy = network !== "proxied" ? undefined : undo.use(
    await (await import("../../egress/proxy.ts")).openEgressProxy({
      plugin,
      grants: net,
      socketPath: run.egressSocket,
      maxConnections: limits.connections,
      onConnection: options.onConnection ?? (() => {}),
    }),
  );
  const { onNoLane = () => {} } = options;
  const lane = options.lane === true && !compileOnly
    ? offerLane(run.laneSocket, onNoLane)
    : undefined;
  if (lane !== undefined) undo.use(lane);
  const values = compileOnly
    ? undefined
    : options.shared?.offer(run.sharedDir, launcher.privateRoot);
  if (values !== undefined) undo.use(values);
  const { pooled = false } = options;
  const bundleFolder = pooled && launcher.privateRoot ? run.bundleFolder : undefined;
  const warmUp = bundleFolder === undefined ? undefined : makeBundleFolder(bundleFolder);
  const planned = plan(prepared, {
    executable,
    runtime: data.runtime,
    run: { denoDir, cwd: run.cwd, egressSocket: run.egressSocket },
    bundleFolder,
    laneSocket: lane?.path,
    shared: values,
    caches,
    compileOnly,
  });
  const mounts = machineMounts(planned.spec.root);
  const warm = warmUp === undefined ? WARM_UP_URL : entryUrl(planned.bundleDir, warmUp);
  const launch = undo.use(await launcher.launch(planned.spec));
  const { seccompFilter } = launch;
  const stack = undo.move();
  const checked = <R extends SandboxReport | undefined>(report: R): R => {
    if (report !== undefined && options.require) checkComplete(plugin, report, seccomp !== "off");
    return report;
  };
  return {
    command: launch.command,
    enter: launcher.privateRoot || pooled || planned.lane !== undefined ||
        planned.shared !== undefined
      ? {
        ...(planned.lane === undefined ? {} : { lane: planned.lane }),
        ...(planned.shared === undefined ? {} : { shared: planned.shared }),
        ...(pooled ? { warm } : {}),
        ...(seccompFilter === undefined || planned.library === undefined
          ? {}
          : { seccomp: { filter: seccompFilter, library: planned.library } }),
        ...(planned.relay === undefined ? {} : { relay: planned.relay }),
      }
      : undefined,
    bundleDir: planned.bundleDir,
    storageDir: planned.storageDir,
    denoDir: run.denoDir,
    bundleFolder,
    lane,
    shared: values,
    get openConnections() {
      return proxy?.open;
    },
    inspect: (pid) => checked(launch.inspect(pid)),
    inspectStarted: (pid) => checked(launch.inspectStarted?.(pid)),
    showsPresent: (pid) => mounts.length === 0 || (pid !== undefined && showPresent(pid, mounts)),
    outcome: () => launch.outcome(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/**
 * Names what starting a plugin takes, but for the folders of one run and what is compiled ahead: whatever has
 * the same name can be started in the same pooled process.
 */
export function poolKey(
  prepared: Launchable,
  { executable, data, lane }: Pick<OpenLaunchOptions, "executable" | "data" | "lane">,
): string {
  const { launcher } = prepared.containment;
  const { spec } = plan(prepared, {
    executable,
    runtime: data.runtime,
    run: { denoDir: "/run/deno", cwd: "/run/cwd", egressSocket: "/run/io/egress" },
    bundleFolder: launcher.privateRoot ? "/bundle" : undefined,
    laneSocket: lane ? "/run/io/lane" : undefined,
    caches: NO_FILES,
  });
  const { net, limits, plugin } = prepared.permissions;
  // the egress proxy goes with the process, and knows whose it is
  const name = net.length > 0 ? plugin : "";
  const root = spec.root && { ...spec.root, copy: undefined };
  return JSON.stringify([launcher.name, { ...spec, root, plugin: name }, net, limits]);
}

function checkComplete(plugin: string, report: SandboxReport, filtered: boolean): void {
  const complete = report.namespaces && report.cgroup && report.rlimits &&
    (report.seccomp || !filtered) && report.diesWithHost === "kernel";
  if (complete) return;
  throw new SallyportError(
    "launch-failed",
    `Cannot start plugin "${plugin}": a layer that is required is not in force: ${
      report.missing.join("; ")
    }`,
    {
      hint: `Run "${commandLine(["doctor"])}" for the remedy`,
      details: { plugin, sandbox: report },
    },
  );
}
