// Plans a launch: the one function that says what it will be, for whoever starts it, keys it or shows it.
import type { CodeCaching } from "../../permissions/flags.ts";
import type { LaunchPlan, LaunchPlanInput } from "../../sandbox/launch_plan.ts";
import { planLaunch } from "../../sandbox/launch_plan.ts";
import type { NetworkMode } from "../../sandbox/launch/launch_spec.ts";
import { isCodeCache } from "./code_caching.ts";
import type { CacheFile } from "../data/cache_file.ts";
import type { ResolvedPermissions } from "../../permissions/resolve.ts";
import type { ContainmentChoice } from "./containment.ts";

/** What a process is started for: all that is settled of a plugin but its code. */
export interface Launchable {
  /** What it may do. */
  readonly permissions: ResolvedPermissions;
  /** What contains it. */
  readonly containment: ContainmentChoice;
  /** Its read-only copy. */
  readonly bundleDir: string;
  /** Its own folder, where it asked for one. */
  readonly storageDir: string | undefined;
  /** How its code is compiled ahead. */
  readonly codeCaching: CodeCaching;
}

/** Where the things of one launch are. */
export interface LaunchPlaces
  extends
    Pick<LaunchPlanInput, "executable" | "runtime" | "bundleFolder" | "laneSocket" | "shared"> {
  /** The folders of the run, and the socket of its egress proxy, where it has one. */
  readonly run: { readonly denoDir: string; readonly cwd: string; readonly egressSocket: string };
  /** What is put into the cache folder. */
  readonly caches: readonly CacheFile[];
  /** Whether the process is to fill the cache folder and to run nothing. */
  readonly compileOnly?: boolean;
}

/** What resolving names needs where the machine's network is used. */
const RESOLVER_FILES = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/gai.conf"];

/**
 * Plans a launch.
 *
 * @throws {SallyportError} `permission-denied` when a value cannot be expressed as a flag.
 */
export function plan(prepared: Launchable, places: LaunchPlaces): LaunchPlan {
  const { launcher, seccomp } = prepared.containment;
  const { run, caches, compileOnly = false, ...rest } = places;
  const network = networkOf(prepared, compileOnly);
  return planLaunch({
    ...prepared,
    ...rest,
    launcher,
    seccomp,
    network,
    run: { denoDir: run.denoDir, cwd: run.cwd, cached: caches.map(({ path }) => path) },
    egressSocket: run.egressSocket,
    resolverFiles: network === "host" && launcher.privateRoot ? existing(RESOLVER_FILES) : [],
    keepCache: compileOnly,
    codeCache: codeCacheOf(prepared, caches, compileOnly),
  });
}

/** Says how the network is reached: not at all where there is nothing to reach it for. */
export function networkOf(
  { containment, permissions }: Launchable,
  compileOnly = false,
): NetworkMode {
  const { launcher, network } = containment;
  // nothing of the plugin runs while it is compiled
  const unconnected = compileOnly ||
    (network === "proxied" && permissions.limits.connections === 0);
  return unconnected && launcher.privateRoot ? "isolated" : network;
}

/** Says how the code was compiled that a process finds in its cache folder, or is to put there. */
function codeCacheOf(
  { codeCaching }: Launchable,
  caches: readonly CacheFile[],
  compileOnly: boolean,
): CodeCaching | undefined {
  return compileOnly || caches.some(({ path }) => isCodeCache(path)) ? codeCaching : undefined;
}

function existing(paths: readonly string[]): string[] {
  return paths.filter((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}
