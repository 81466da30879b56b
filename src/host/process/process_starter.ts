// Starts admitted plugins, each in a process of its own: one from the pool, or one started for it.
import type { BundleStore } from "../../bundle/store/store.ts";
import { SallyportError } from "../../errors.ts";
import { ProcessPool } from "../../process/process_pool.ts";
import { VERSION } from "../../version.ts";
import type { Launchers } from "../../sandbox/launchers.ts";
import { builtinsOf } from "../admission/code_caching.ts";
import { PreparedPlugin } from "../admission/admit.ts";
import type { Launchable } from "../admission/plan.ts";
import { type CacheFile, NO_FILES } from "../data/cache_file.ts";
import type { DataDir } from "../data/data_dir.ts";
import type { AuditRecorder } from "../events/audit_recorder.ts";
import type { HostSettings } from "../settings/host_options.ts";
import { emptyBundleFolder, fillBundleFolder } from "./bundle_folder.ts";
import type { CompileJob } from "./compile.ts";
import { CompiledCaches } from "./compiled_caches.ts";
import { EmptyProcess, type EmptyProcessOptions } from "./empty_process.ts";
import { entryUrl } from "./entry_url.ts";
import { PluginProcess } from "./plugin_process.ts";
import { LateHandlers, type RequestHandlers } from "./plugin_requests.ts";
import {
  type OpenLaunch,
  openLaunch,
  type OpenLaunchOptions,
  poolKey,
} from "./process_resources.ts";
import { SHARED_NAME, SharedMemory } from "./shared_memory_files.ts";

/** Options of {@linkcode ProcessStarter}. */
export interface ProcessStarterOptions {
  /** Times, the pool, the executable. */
  readonly settings: HostSettings;
  /** The host's folder. */
  readonly data: DataDir;
  /** Where bundles run from. */
  readonly store: BundleStore;
  /** Records what was granted. */
  readonly recorder?: AuditRecorder;
  /** What starts processes here. */
  readonly launchers: Pick<Launchers, "require" | "strongest" | "cgroups" | "relearn">;
  /** Starts a process; a real one by default. */
  readonly startEmpty?: (options: EmptyProcessOptions) => Promise<EmptyProcess>;
}

/** A bundle of more files is not linked into the folder of a pooled process: starting one takes no longer. */
const MAX_POOLED_FILES = 500;
/** So much a plugin's process may write to one file, at least. */
const MIN_FILE_BYTES = 1024 * 1024;

function isFailedLaunch(error: unknown): boolean {
  return error instanceof SallyportError && error.code === "launch-failed";
}

/** Starts plugins. */
export class ProcessStarter implements AsyncDisposable {
  readonly #options: ProcessStarterOptions;
  readonly #shared: SharedMemory | undefined;
  readonly #caches: CompiledCaches;
  readonly #pool: ProcessPool<EmptyProcess>;
  /** Launchers whose processes the host cannot look into: what a pooled one is shown could be outdated. */
  readonly #opaque = new Set<string>();
  #warming: Promise<void> | undefined;
  #noLane = false;

  constructor(options: ProcessStarterOptions) {
    const { settings, data } = options;
    this.#options = options;
    this.#caches = new CompiledCaches(data.temporary ? undefined : data.kept);
    if (settings.sharedMemory) this.#shared = new SharedMemory(settings.sharedMemory);
    this.#pool = new ProcessPool({
      ...settings.pool,
      onFailure: (error) => settings.logger.warn(`Cannot start a process ahead: ${String(error)}`),
    });
  }

  /** Readies the kernel for a start that comes soon: the first process to join a cgroup in a while waits. */
  warm(): void {
    const { strongest, cgroups } = this.#options.launchers;
    if (strongest.privateRoot) this.#warming = cgroups.then((probe) => probe.warm?.());
  }

  /** Removes what an interrupted write left in the store. */
  async sweep(): Promise<void> {
    await this.#options.store.sweep();
  }

  /** Stores an admitted plugin ahead of its start. */
  async store({ verified }: PreparedPlugin): Promise<void> {
    await this.#options.store.put(verified);
  }

  /**
   * Starts an admitted plugin.
   *
   * @throws {TypeError} when it was not admitted.
   * @throws {SallyportError} `launch-failed` when process, import or `init` fail or take too long,
   * `protocol-violation`.
   */
  async start(
    prepared: PreparedPlugin,
    handlers: RequestHandlers,
    signal?: AbortSignal,
  ): Promise<PluginProcess> {
    if (!PreparedPlugin.is(prepared)) throw new TypeError("Cannot start what was not admitted");
    const key = this.#cacheKey(prepared);
    const [caches] = await Promise.all([
      this.#caches.get(key),
      this.#options.store.put(prepared.verified), // compared with the verified bytes before every start
    ]);
    const attempt = { hasEntered: false };
    let started: PluginProcess;
    try {
      started = await this.#startOnce(prepared, handlers, caches, attempt, signal);
    } catch (error) {
      // nothing of the plugin ran: if the machine is not what it was, the start is made once more
      const { launcher } = prepared.containment;
      if (attempt.hasEntered || !isFailedLaunch(error)) throw error;
      if (!await this.#options.launchers.relearn(launcher)) throw error;
      started = await this.#startOnce(prepared, handlers, caches, attempt, signal);
    }
    this.#caches.started(key, () => this.#compileJob(prepared));
    return started;
  }

  async #startOnce(
    prepared: PreparedPlugin,
    handlers: RequestHandlers,
    caches: readonly CacheFile[],
    attempt: { hasEntered: boolean },
    signal: AbortSignal | undefined,
  ): Promise<PluginProcess> {
    const pooled = await this.#takePooled(prepared);
    const process = pooled ?? await this.#startEmpty(prepared, { caches, signal });
    process.entered.then(() => attempt.hasEntered = true, () => {}); // the start fails with it
    const starting = PluginProcess.start({
      ...prepared,
      process,
      startTimeoutMs: this.#options.settings.times.startTimeoutMs,
      handlers,
      signal,
    });
    this.#recordGrant(prepared, process.launch);
    return await starting;
  }

  /** Waits until nothing of a plugin is being compiled for later starts. */
  async settle(prepared: PreparedPlugin): Promise<void> {
    await this.#caches.settle(this.#cacheKey(prepared));
  }

  /** Waits until the pool is as full as it should be. */
  async filled(): Promise<void> {
    await this.#pool.filled();
  }

  /** Ends what is being compiled or was started for later starts. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#warming;
    await this.#pool[Symbol.asyncDispose]();
    await this.#caches[Symbol.asyncDispose]();
  }

  /** Takes a pooled process and puts the bundle into it; one that will not do is ended. */
  async #takePooled(prepared: PreparedPlugin): Promise<EmptyProcess | undefined> {
    const { verified: { files }, bundleDir, containment } = prepared;
    const isPoolable = files.length <= MAX_POOLED_FILES &&
      !this.#opaque.has(containment.launcher.name);
    if (!isPoolable || this.#options.settings.pool.size === 0) return undefined;
    const { settings: { executable, lane }, data } = this.#options;
    const key = poolKey(prepared, { executable, data, lane: lane === "socket" });
    const process = this.#pool.take(key);
    this.#pool.expect(key, () => this.#startPooled(prepared));
    if (process === undefined) return undefined;
    try {
      const { bundleFolder } = process.launch;
      if (bundleFolder !== undefined) fillBundleFolder(bundleFolder, bundleDir, files);
      const { facts } = await process.contained;
      await process.entered;
      // between this look and what is sent next, nothing else runs
      if (process.isAlive && process.launch.showsPresent(facts?.pid)) return process;
    } catch {
      // what fails up to here is not the plugin's doing: it gets a process of its own
    }
    await process[Symbol.asyncDispose]();
    return undefined;
  }

  /** Starts a process for whatever has the same permissions, limits and containment. */
  async #startPooled(launchable: Launchable): Promise<EmptyProcess> {
    const process = await this.#startEmpty(launchable, { caches: NO_FILES, pooled: true });
    try {
      const [{ facts }] = await Promise.all([process.contained, process.entered]);
      const { bundleFolder, showsPresent } = process.launch;
      if (bundleFolder !== undefined) emptyBundleFolder(bundleFolder);
      if (showsPresent(facts?.pid)) return process;
      this.#opaque.add(launchable.containment.launcher.name);
      throw new Error("the host cannot tell what it is shown of the machine");
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts a process under what a plugin may do, with nothing of the plugin in it. */
  async #startEmpty(
    launchable: Launchable,
    options: Pick<OpenLaunchOptions, "caches" | "pooled"> & { readonly signal?: AbortSignal },
  ): Promise<EmptyProcess> {
    const { plugin: name, limits } = launchable.permissions;
    const handlers = new LateHandlers();
    const launch = await this.#launch(launchable, {
      caches: options.caches,
      pooled: options.pooled,
      onConnection: (connection) => handlers.connected(connection),
    });
    const { startEmpty = EmptyProcess.start } = this.#options;
    return await startEmpty({
      name,
      launch,
      handlers,
      limits,
      timeoutMs: this.#options.settings.times.startTimeoutMs,
      signal: options.signal,
    });
  }

  #launch(
    launchable: Launchable,
    options: Pick<OpenLaunchOptions, "caches" | "compileOnly" | "pooled" | "onConnection">,
  ): Promise<OpenLaunch> {
    const { settings, data, launchers: { require } } = this.#options;
    return openLaunch(launchable, {
      executable: settings.executable,
      data,
      require,
      lane: settings.lane === "socket",
      onNoLane: (reason) => this.#warnOfLane(reason),
      shared: this.#shared,
      ...options,
    });
  }

  /** Names all that decides what is compiled: the bundle, the flags, the runtime, and where its files are. */
  #cacheKey(prepared: PreparedPlugin): string {
    const { settings: { executable, denoVersion, lane }, data } = this.#options;
    const flags = poolKey(prepared, { executable, data, lane: lane === "socket" });
    return JSON.stringify([VERSION, denoVersion, prepared.verified.bundleHash, flags]);
  }

  #warnOfLane(reason: string): void {
    if (this.#noLane) return;
    this.#noLane = true;
    this.#options.settings.logger.info(`Messages travel over standard input and output: ${reason}`);
  }

  #recordGrant(prepared: PreparedPlugin, { command }: OpenLaunch): void {
    const { recorder, data } = this.#options;
    if (recorder === undefined) return;
    // the folders of one run are called by numbers, and files elsewhere by random names
    const own = data.numbered.map(RegExp.escape).join("|");
    const run = new RegExp(`(?:${own})/\\d+|${SHARED_NAME.source}`, "g");
    const words = [command.command, ...command.args].map((word) => word.replace(run, "<run>"));
    recorder.granted(prepared, words);
  }

  async #compileJob(prepared: PreparedPlugin): Promise<CompileJob> {
    const { verified, permissions: { limits } } = prepared;
    const launch = await this.#launch(prepared, { caches: NO_FILES, compileOnly: true });
    return {
      entry: entryUrl(launch.bundleDir, verified.manifest.entry),
      builtins: builtinsOf(verified.files),
      maxFileBytes: Math.max(limits.storageBytes, MIN_FILE_BYTES),
      launch,
    };
  }
}
