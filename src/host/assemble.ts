// How the parts of a host hang together, and in which order they end.
import { BundleStore } from "../bundle/store/store.ts";
import { HookRegistry } from "../hooks/registry.ts";
import type { Logger } from "../log.ts";
import { Quarantine } from "../monitor/violations/quarantine.ts";
import type { Limits } from "../bundle/manifest/limits.ts";
import { helperGroup } from "../sandbox/cgroup/helper_group.ts";
import type { CgroupManager } from "../sandbox/cgroup/groups/cgroup_manager.ts";
import { PluginContext } from "../services/context.ts";
import { EventHub } from "./events/events.ts";
import type { OpenedParts } from "./host_opening.ts";
import { measureHost } from "./host_telemetry.ts";
import { Supervisor } from "./supervision/supervisor.ts";
import { type LifecycleParts, PluginLifecycle } from "./lifecycle.ts";
import { Admission } from "./admission/admit.ts";
import { ProcessStarter } from "./process/process_starter.ts";
import type { HostSettings } from "./settings/host_options.ts";
import { TrustFollower } from "./admission/trust_follower.ts";
import { Watches } from "./folders/watch_set.ts";

/** All parts of a host. */
export interface WiredHost extends OpenedParts, Omit<LifecycleParts, "settings"> {
  /** The host's log. */
  readonly logger: Logger;
  /** What keeps plugins from being loaded. */
  readonly quarantine: Quarantine;
  /** Loads, reloads and unloads. */
  readonly lifecycle: PluginLifecycle;
  /** Acts on changes of the trust list. */
  readonly follower: TrustFollower;
  /** Watches of folders. */
  readonly watches: Watches;
}

/** What a database process bounds itself to, with room for the runtime. */
const DATABASE_BYTES = 768 * 1024 * 1024;
const DATABASE_THREADS = 64;

/** Caps a plugin's database process beside the plugin: the processor as the plugin, memory as its own. */
async function confineDatabase(manager: CgroupManager | undefined, { cpuPercent }: Limits) {
  return manager && await helperGroup(manager, {
    memoryBytes: DATABASE_BYTES,
    cpuPercent,
    threads: DATABASE_THREADS,
    fileDescriptors: Infinity,
    fileBytes: Infinity,
  });
}

/** Makes the parts of a host. */
export function wireHost(settings: HostSettings, opened: OpenedParts): WiredHost {
  const { data, launchers, trust, recorder } = opened;
  const hub = new EventHub();
  if (recorder !== undefined) hub.listen((event) => recorder.take(event));
  const quarantine = new Quarantine(data.root);
  const services = new PluginContext({
    dir: `${data.root}/services`,
    scratch: `${data.scratch}/services`,
    denoPath: settings.executable,
    config: settings.config,
    logger: settings.logger,
    confine: async (limits) => confineDatabase((await launchers.cgroups).manager, limits),
  });
  const admission = new Admission(settings, data, launchers, {
    trust,
    recorder,
    quarantine,
    reserved: () =>
      services.databaseFiles.map((path) => ({ path, what: "a shared database", isFile: true })),
  });
  const starter = new ProcessStarter({
    settings,
    data,
    store: new BundleStore(data.store),
    recorder,
    launchers,
  });
  const hooks = new HookRegistry({
    logger: settings.logger,
    onFailure({ hook, plugin, error }) {
      hub.emit({ type: "hook-failed", plugin, hook, error });
    },
  });
  const supervisor: Supervisor = new Supervisor({
    settings,
    hub,
    quarantine,
    statusDir: data.temporary ? undefined : data.scratch,
    plugins: () => lifecycle.registry.query(),
    find: (name) => lifecycle.registry.get(name),
    load: (name) => lifecycle.loadByName(name, {}),
  });
  const telemetry = measureHost({
    hub,
    logger: settings.logger,
    latest: () => supervisor.monitor?.latest() ?? [],
    plugins: () => lifecycle.registry.verified(),
  });
  const parts = { supervisor, trust, admission, starter, hub, hooks, services, telemetry };
  const lifecycle = new PluginLifecycle({ settings, ...parts });
  const follower = new TrustFollower({
    trust,
    hub,
    logger: settings.logger,
    enforce: () => lifecycle.enforceTrust(),
  });
  const { logger } = settings;
  return { ...opened, ...parts, logger, quarantine, lifecycle, follower, watches: new Watches() };
}

/** Ends the parts of a host, each after those that need it. */
export async function endHost(parts: WiredHost): Promise<void> {
  await using stack = new AsyncDisposableStack();
  // the audit log waits for the disk, and meanwhile the folders go
  stack.defer(() => endAll([() => endFolders(parts), () => parts.audit?.[Symbol.asyncDispose]()]));
  stack.defer(() => parts.hub.close());
  stack.use(parts.telemetry);
  stack.use(parts.starter);
  stack.use(parts.services);
  // what a watch has begun is ended by the lifecycle, and then waited for
  parts.watches.stop();
  parts.supervisor.stop();
  stack.use(parts.supervisor);
  stack.use(parts.watches);
  stack.defer(() => parts.lifecycle.close());
  stack.use(parts.follower);
}

async function endFolders({ data, launchers }: WiredHost): Promise<void> {
  await using stack = new AsyncDisposableStack();
  stack.use(data);
  stack.use(launchers);
}

/** Ends all at the same time, then fails where one has failed. */
async function endAll(ends: readonly (() => Promise<void> | undefined)[]): Promise<void> {
  const outcomes = await Promise.allSettled(ends.map((end) => end()));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
