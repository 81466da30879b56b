/**
 * From a prepared plugin to a running instance, with all that makes the next start quicker: compiled code,
 * processes that wait, and processes that come up while a bundle is verified.
 *
 * @module
 */
import type { BundleStore } from "../../bundle/store/store.ts";
import { SallyportError } from "../../errors.ts";
import { WarmPool } from "../../process/warm_pool.ts";
import type { AuditRecorder } from "../events/audit_recorder.ts";
import { BaseCache } from "./base_cache.ts";
import { builtinsOf } from "../admission/code_caching.ts";
import { type CacheFile, NO_FILES } from "../data/cache_file.ts";
import { CompiledCaches, type CompileJob } from "./compiled_caches.ts";
import type { DataDir } from "../data/data_dir.ts";
import { entryUrl } from "./entry_url.ts";
import { PluginProcess } from "./plugin_process.ts";
import { LateHandlers, type RequestHandlers } from "./plugin_requests.ts";
import { LastStarts } from "./last_starts.ts";
import {
  type OpenLaunch,
  openLaunch,
  type OpenLaunchOptions,
  spareKey,
} from "./process_resources.ts";
import type { PreparedPlugin } from "../admission/admit.ts";
import type { HostSettings } from "../settings/host_options.ts";
import type { Launchable } from "../admission/plan.ts";
import { SHARED_NAME, SharedMemory } from "./shared_memory_files.ts";
import { emptySlot, fillSlot } from "./bundle_slot.ts";
import { EmptyProcess, type EmptyProcessOptions } from "./empty_process.ts";

/** Options of {@linkcode ProcessStarter}. */
export interface PluginStarterOptions {
  /** Times, the pool, the executable. */
  settings: HostSettings;
  /** The host's folder. */
  data: DataDir;
  /** Where bundles run from. */
  store: BundleStore;
  /** Records what was granted. */
  trail: AuditRecorder | undefined;
  /** Whether every layer is required. */
  require: boolean;
}

/** A process that comes up while a bundle is verified. */
interface Anticipated {
  readonly key: string;
  readonly standby: Promise<EmptyProcess>;
  isTaken: boolean;
}

/** A bundle of more files is not linked into a waiting process's folder: starting one takes no longer. */
const MAX_SLOT_FILES = 500;
/** So much a plugin's process may write to one file, at least. */
const MIN_FILE_BYTES = 1024 * 1024;

/** Starts plugins. */
export class ProcessStarter implements AsyncDisposable {
  readonly #options: PluginStarterOptions;
  readonly #shared: SharedMemory | undefined;
  readonly #caches: CompiledCaches;
  readonly #pool: WarmPool<EmptyProcess>;
  readonly #last = new LastStarts();
  readonly #anticipated = new Set<Anticipated>();
  #noLane = false;

  /** Makes a starter. */
  constructor(options: PluginStarterOptions) {
    const { settings, data } = options;
    this.#options = options;
    if (settings.sharedMemory) this.#shared = new SharedMemory(settings.sharedMemory);
    this.#caches = new CompiledCaches(new BaseCache(settings.executable, data));
    this.#pool = new WarmPool({
      ...settings.pool,
      onFailure: (error) => settings.logger.warn(`Cannot start a process ahead: ${String(error)}`),
    });
  }

  /** Starts a prepared plugin. */
  async start(
    prepared: PreparedPlugin,
    events: RequestHandlers,
    signal?: AbortSignal,
  ): Promise<PluginProcess> {
    const { verified } = prepared;
    // compared with the verified bytes before every start
    const stored = this.#options.store.put(verified);
    stored.catch(() => {}); // whoever awaits it is told
    const spare = await this.#readied(this.#takeSpare(prepared), prepared, stored);
    const instance = spare === undefined
      ? await this.#startCold(prepared, stored, events, signal)
      : await this.#startPlugin(spare, prepared, stored, events, signal);
    if (spare !== undefined) this.#last.note(prepared, true);
    this.#caches.started(
      verified.bundleHash,
      () => this.#compileJob(prepared),
      () => this.#expectSpare(prepared),
    );
    return instance;
  }

  /**
   * Starts a process while a folder is read and verified, where a plugin ran from it before: empty, under
   * what that plugin had.
   */
  anticipate(path: string): AsyncDisposable | undefined {
    const last = this.#last.of(path);
    if (last === undefined) return;
    const { launchable, bundleHash, fileCount, isComparable } = last;
    const { privateRoot } = launchable.containment.launcher;
    if (!isComparable || (privateRoot && fileCount > MAX_SLOT_FILES)) return;
    const keys = this.#pool.ready > 0 ? this.#waitingFor(launchable, bundleHash) : [];
    if (keys.some((key) => this.#pool.has(key))) return;
    const caches = this.#cachesFor(launchable, bundleHash);
    const standby = this.#standby(launchable, { caches, spare: "hurried" });
    standby.catch(() => {}); // the start proper will tell
    const anticipated: Anticipated = {
      key: this.#keyOf(launchable, bundleHash, caches),
      standby,
      isTaken: false,
    };
    this.#anticipated.add(anticipated);
    return {
      [Symbol.asyncDispose]: async () => {
        this.#anticipated.delete(anticipated);
        if (anticipated.isTaken) return;
        const unused = await standby.catch(() => undefined);
        await unused?.[Symbol.asyncDispose]();
      },
    };
  }

  /** Waits until nothing is being compiled for later starts. */
  async idle(): Promise<void> {
    await this.#caches.idle();
  }

  /** Waits until the processes that are started ahead wait for a plugin. */
  async filled(): Promise<void> {
    await this.#pool.filled();
  }

  /** Ends what is being compiled or was started for later starts. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
    await this.#caches[Symbol.asyncDispose]();
  }

  async #startCold(
    prepared: PreparedPlugin,
    stored: Promise<unknown>,
    events: RequestHandlers,
    signal: AbortSignal | undefined,
  ): Promise<PluginProcess> {
    using _starting = await this.#caches.starting();
    const standby = await this.#takeAnticipated(prepared, stored, signal) ??
      await this.#startAfresh(prepared, stored, signal);
    const instance = await this.#startPlugin(standby, prepared, stored, events, signal);
    this.#last.note(prepared, standby.launch.showsPresent(instance.sandbox.facts?.pid));
    return instance;
  }

  /** Takes a process that came up while this was verified. */
  async #takeAnticipated(
    prepared: PreparedPlugin,
    stored: Promise<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<EmptyProcess | undefined> {
    if (this.#anticipated.size === 0) return undefined;
    const { bundleHash } = prepared.verified;
    const key = this.#keyOf(prepared, bundleHash, this.#cachesFor(prepared, bundleHash));
    for (const anticipated of this.#anticipated) {
      if (anticipated.key !== key || anticipated.isTaken) continue;
      anticipated.isTaken = true;
      const standby = await anticipated.standby.catch(() => undefined);
      const giveUp = () => void standby?.[Symbol.asyncDispose](); // which ends what it is waited for
      if (signal?.aborted) giveUp();
      signal?.addEventListener("abort", giveUp, { once: true });
      const ready = await this.#readied(standby, prepared, stored);
      signal?.removeEventListener("abort", giveUp);
      if (ready !== undefined) return ready;
    }
    return undefined;
  }

  /** Gives a process that came up ahead, with the bundle in it; one that will not do is ended. */
  async #readied(
    standby: EmptyProcess | undefined,
    prepared: PreparedPlugin,
    stored: Promise<unknown>,
  ): Promise<EmptyProcess | undefined> {
    if (standby === undefined) return undefined;
    if (await this.#isReady(standby, prepared, stored).catch(() => false)) return standby;
    await standby[Symbol.asyncDispose]();
    return undefined;
  }

  /**
   * Readies a process for its plugin. What fails up to here is not the plugin's doing, and no other turn
   * comes between the last look and the sending.
   */
  async #isReady(
    standby: EmptyProcess,
    { verified, bundleDir }: PreparedPlugin,
    stored: Promise<unknown>,
  ): Promise<boolean> {
    await stored;
    if (!standby.isAlive) return false; // its folders are being removed
    const { slot } = standby.launch;
    if (slot !== undefined) fillSlot(slot, bundleDir, verified.files);
    const { facts } = await standby.contained;
    await Promise.race([standby.entered, undefined]); // it has failed by now, or still may
    return standby.launch.showsPresent(facts?.pid) && standby.isAlive;
  }

  /** Starts a process for a plugin that nothing was started for. */
  async #startAfresh(
    prepared: PreparedPlugin,
    stored: Promise<unknown>,
    signal: AbortSignal | undefined,
  ): Promise<EmptyProcess> {
    const { verified: { bundleHash, manifest: { name } }, containment } = prepared;
    if (signal?.aborted) { // while it was seen to the one that came up
      throw new SallyportError("cancelled", `Cannot start plugin "${name}": it was cancelled`, {
        details: { plugin: name },
        cause: signal.reason,
      });
    }
    // what is mounted must be there and true before its mount is prepared, what is opened by path when it
    // is imported
    if (containment.launcher.privateRoot) await stored;
    return await this.#standby(prepared, { caches: this.#cachesFor(prepared, bundleHash), signal });
  }

  /** Takes a process that waits: best one that has the bundle's own code, else any that will do. */
  #takeSpare(prepared: PreparedPlugin): EmptyProcess | undefined {
    if (!this.#maySpare(prepared)) return undefined;
    this.#expectSpare(prepared);
    for (const key of this.#waitingFor(prepared, prepared.verified.bundleHash)) {
      const spare = this.#pool.take(key);
      if (spare !== undefined) return spare;
    }
    return undefined;
  }

  /** Names the kinds of processes in which a plugin can be started, the best first. */
  #waitingFor(launchable: Launchable, bundleHash: string): string[] {
    const own = this.#cachesFor(launchable, bundleHash);
    return [
      this.#keyOf(launchable, bundleHash, own),
      this.#keyOf(launchable, "", this.#cachesFor(launchable, "")),
      this.#keyOf(launchable, "", NO_FILES),
    ];
  }

  /** Sees to a process for the next start: with the bundle's code if it is there, else one for any bundle. */
  #expectSpare(prepared: PreparedPlugin): void {
    if (!this.#maySpare(prepared)) return;
    const kind = (bundleHash: string) => {
      const caches = this.#cachesFor(prepared, bundleHash);
      return {
        key: this.#keyOf(prepared, bundleHash, caches),
        make: () => this.#makeSpare(prepared, caches),
      };
    };
    this.#pool.expect({ ...kind(prepared.verified.bundleHash), general: kind("") });
  }

  #maySpare({ verified: { files, root } }: PreparedPlugin): boolean {
    if (this.#options.settings.pool.size === 0 || files.length > MAX_SLOT_FILES) return false;
    return this.#last.of(root)?.isComparable !== false; // else it could never be used
  }

  async #makeSpare(prepared: PreparedPlugin, caches: readonly CacheFile[]): Promise<EmptyProcess> {
    const standby = await this.#standby(prepared, { caches, spare: "waiting" });
    try {
      await Promise.all([standby.contained, standby.entered]);
      if (standby.launch.slot !== undefined) emptySlot(standby.launch.slot);
    } catch (error) {
      await standby[Symbol.asyncDispose]();
      throw error;
    }
    return standby;
  }

  async #startPlugin(
    standby: EmptyProcess,
    prepared: PreparedPlugin,
    stored: Promise<unknown>,
    events: RequestHandlers,
    signal: AbortSignal | undefined,
  ): Promise<PluginProcess> {
    const starting = PluginProcess.start({
      ...prepared,
      standby,
      startTimeoutMs: this.#options.settings.times.startTimeoutMs,
      stored: () => stored,
      events,
      signal,
    });
    this.#recordGrant(prepared, standby.launch);
    return await starting;
  }

  /** Starts a process for what a plugin may do, with nothing of the plugin in it. */
  async #standby(
    launchable: Launchable,
    options: Pick<OpenLaunchOptions, "caches" | "spare"> & Pick<EmptyProcessOptions, "signal">,
  ): Promise<EmptyProcess> {
    const { plugin: name, limits } = launchable.permissions;
    const events = new LateHandlers();
    const launch = await this.#launch(launchable, {
      caches: options.caches,
      spare: options.spare,
      onConnection: (connection) => events.connected(connection),
    });
    return await EmptyProcess.start({
      name,
      launch,
      events,
      limits,
      timeoutMs: this.#options.settings.times.startTimeoutMs,
      signal: options.signal,
    });
  }

  #launch(
    launchable: Launchable,
    options: Pick<OpenLaunchOptions, "caches" | "compileOnly" | "spare" | "onConnection">,
  ): Promise<OpenLaunch> {
    const { settings, data, require } = this.#options;
    return openLaunch(launchable, {
      executable: settings.executable,
      data,
      require,
      lane: settings.lane === "socket",
      onNoLane: (reason) => this.#tellOnce(reason),
      shared: this.#shared,
      ...options,
    });
  }

  #tellOnce(reason: string): void {
    if (this.#noLane) return;
    this.#noLane = true;
    this.#options.settings.logger.info(`Messages travel over standard input and output: ${reason}`);
  }

  /** Names the kind of process that a plugin can be started in. */
  #keyOf(launchable: Launchable, bundleHash: string, caches: readonly CacheFile[]): string {
    const { settings: { executable, lane }, data } = this.#options;
    // what was compiled of one bundle is for no other to see
    const own = this.#caches.get(bundleHash).length > 0 ? bundleHash : "";
    return own + spareKey(launchable, { executable, data, lane: lane === "socket", caches });
  }

  #cachesFor({ containment, codeCaching }: Launchable, bundleHash: string): readonly CacheFile[] {
    return this.#caches.filesFor(bundleHash, containment.launcher.privateRoot, codeCaching);
  }

  #recordGrant(prepared: PreparedPlugin, { command }: OpenLaunch): void {
    const { trail, data } = this.#options;
    if (trail === undefined) return;
    // the folders of one run are called by numbers, and files elsewhere by random names
    const own = data.numbered.map(RegExp.escape).join("|");
    const run = new RegExp(`(?:${own})/\\d+|${SHARED_NAME.source}`, "g");
    const words = [command.command, ...command.args].map((word) => word.replace(run, "<run>"));
    trail.granted(prepared, words);
  }

  async #compileJob(prepared: PreparedPlugin): Promise<CompileJob> {
    const { verified, permissions: { limits } } = prepared;
    // all code is compiled anew: nothing can be added to what is there for all
    const caches = this.#cachesFor({ ...prepared, codeCaching: "lazy" }, verified.bundleHash);
    const launch = await this.#launch(prepared, { caches, compileOnly: true });
    return {
      entry: entryUrl(launch.bundleDir, verified.manifest.entry),
      builtins: builtinsOf(verified.files),
      maxFileBytes: Math.max(limits.storageBytes, MIN_FILE_BYTES),
      launch,
    };
  }
}
