/**
 * From a folder to a running instance: read, verify, store, resolve, start.
 *
 * @module
 */
import { SallyportError } from "../errors.ts";
import type { Manifest } from "../bundle/manifest.ts";
import { type BundleContents, readBundle } from "../bundle/reading.ts";
import { BundleStore } from "../bundle/store.ts";
import type { Quarantine } from "../monitor/quarantine.ts";
import { entryFor } from "../permissions/policy.ts";
import { type ResolvedPermissions, resolvePermissions } from "../permissions/resolve.ts";
import { WarmPool } from "../process/warm_pool.ts";
import type { Launchers } from "../sandbox/launchers.ts";
import type { VerifiedPlugin } from "../trust/verify.ts";
import type { AuditTrail } from "./audit_trail.ts";
import type { DataDir } from "./data_dir.ts";
import { BaseCache } from "./base_cache.ts";
import { CompiledCaches, type CompileJob } from "./compiled_caches.ts";
import { chooseContainment, type ContainmentChoice } from "./containment_choice.ts";
import { entryUrl } from "./entry_url.ts";
import { PluginInstance } from "./instance.ts";
import { type InstanceEvents, LateEvents } from "./instance_requests.ts";
import { type OpenLaunch, openLaunch, type OpenLaunchOptions, spareKey } from "./launching.ts";
import type { HostSettings } from "./options.ts";
import { checkSdk } from "./sdk_check.ts";
import { SHARED_NAME, SharedMemory } from "./shared_memory.ts";
import { emptySlot, fillSlot } from "./slot.ts";
import { Standby, type StandbyOptions } from "./standby.ts";
import { TrustSource } from "./trust_source.ts";
import type { KeptVersion } from "./versions_kept.ts";

/** Holds a verified plugin whose permissions are settled: all that a start needs. */
export interface PreparedPlugin {
  /** The verified bundle. */
  readonly verified: VerifiedPlugin;
  /** What it may do. */
  readonly permissions: ResolvedPermissions;
  /** What contains it. */
  readonly containment: ContainmentChoice;
  /** Its read-only copy. */
  readonly bundleDir: string;
  /** Its own folder, where it asked for one. */
  readonly storageDir: string | undefined;
}

/** Options of {@linkcode PluginLoader}. */
export interface PluginLoaderOptions {
  /** Decides what is trusted; by default the keys in the settings. */
  trust?: TrustSource;
  /** Records verdicts and grants. */
  trail?: AuditTrail;
  /** Keeps plugins from being loaded. */
  quarantine?: Quarantine;
}

/** A bundle of more files is not linked into a waiting process's folder: starting one takes no longer. */
const MAX_SLOT_FILES = 500;

/** Turns bundles into instances. */
export class PluginLoader implements AsyncDisposable {
  #settings: HostSettings;
  #shared: SharedMemory | undefined;
  #data: DataDir;
  #launchers: Launchers;
  #store: BundleStore;
  #trust: TrustSource;
  #trail: AuditTrail | undefined;
  #quarantine: Quarantine | undefined;
  #caches: CompiledCaches;
  #pool: WarmPool<Standby>;
  #warmed: Promise<void> | undefined;
  #envelopes = new WeakMap<VerifiedPlugin, Uint8Array>();

  /**
   * Makes a loader.
   *
   * @param settings Keys, policy, times.
   * @param data The host's folder.
   * @param launchers What starts processes here.
   * @param options What decides on trust, and what records it.
   */
  constructor(
    settings: HostSettings,
    data: DataDir,
    launchers: Launchers,
    options: PluginLoaderOptions = {},
  ) {
    this.#trust = options.trust ?? TrustSource.ofKeys(settings.anchors);
    this.#trail = options.trail;
    this.#quarantine = options.quarantine;
    this.#settings = settings;
    if (settings.sharedMemory) this.#shared = new SharedMemory(settings.sharedMemory);
    this.#pool = new WarmPool({
      ...settings.pool,
      onFailure: (error) => settings.logger.warn(`Cannot start a process ahead: ${String(error)}`),
    });
    this.#data = data;
    this.#caches = new CompiledCaches(new BaseCache(settings.executable, data));
    this.#launchers = launchers;
    this.#store = new BundleStore(data.store);
  }

  /** Removes what an interrupted write left in the store. */
  async sweep(): Promise<void> {
    await this.#store.sweep();
  }

  /**
   * Reads a bundle once and verifies what was read.
   *
   * @param dir The folder.
   * @param signal Gives up.
   * @returns The proof, with the very bytes that will run.
   * @throws {SallyportError} with the code of the first rule that the bundle breaks.
   */
  async verify(dir: string, signal?: AbortSignal): Promise<VerifiedPlugin> {
    // it will most likely be started, and then joins a cgroup
    if (this.#launchers.strongest.privateRoot) this.#warmed = this.#launchers.cgroups.warm?.();
    try {
      const [contents] = await Promise.all([readBundle(dir, { signal }), this.#trust.freshen()]);
      return await this.#judge(contents);
    } catch (error) {
      this.#trail?.refused(dir, error);
      throw error;
    }
  }

  /**
   * Gives what a verified bundle can be verified by again, when its folder has another one.
   *
   * @param verified The proof.
   */
  keep(verified: VerifiedPlugin): KeptVersion {
    const { manifest: { version }, bundleHash } = verified;
    return { version, bundleHash, envelope: this.#envelopes.get(verified) ?? new Uint8Array() };
  }

  /**
   * Verifies the stored copy of a bundle that ran here, by what is trusted now. That a newer version has
   * run since does not count against it, as an operator asks for it.
   *
   * @param kept The bundle, from {@linkcode keep}.
   * @param signal Gives up.
   * @returns The proof.
   * @throws {SallyportError} as {@linkcode verify}.
   */
  async verifyKept(
    { bundleHash, envelope }: KeptVersion,
    signal?: AbortSignal,
  ): Promise<VerifiedPlugin> {
    const dir = this.#store.locate(bundleHash);
    try {
      const [contents] = await Promise.all([readBundle(dir, { signal }), this.#trust.freshen()]);
      return await this.#judge({ ...contents, envelopeBytes: envelope }, { allowRollback: true });
    } catch (error) {
      this.#trail?.refused(dir, error);
      throw error;
    }
  }

  async #judge(
    contents: BundleContents,
    options?: { allowRollback: true },
  ): Promise<VerifiedPlugin> {
    const verified = await this.#trust.verify(contents, options);
    checkSdk(verified);
    if (contents.envelopeBytes) this.#envelopes.set(verified, contents.envelopeBytes);
    this.#trail?.accepted(verified);
    return verified;
  }

  /**
   * Settles what a verified bundle may do, and from where it will run.
   *
   * @param verified The proof.
   * @param options Whether an operator has agreed to what it asks, as to a version that ran before.
   * @returns Everything that a start needs.
   * @throws {SallyportError} `bad-state` when it is in quarantine, `permission-denied` when it asks for more than the policy grants, or for
   * more than the version before did and nobody has agreed to that, `bad-config` when the policy asks
   * for a containment that would not be in force.
   */
  async prepare(
    verified: VerifiedPlugin,
    options: { agreed?: boolean } = {},
  ): Promise<PreparedPlugin> {
    const { manifest } = verified;
    await this.#quarantine?.check(manifest.name);
    if (options.agreed !== true) this.#trust.checkConsent(verified);
    const entry = entryFor(this.#settings.policy, manifest.name);
    const bundleDir = this.#store.locate(verified.bundleHash);
    const storageDir = asksForStorage(manifest)
      ? await this.#data.storage(manifest.name)
      : undefined;
    const permissions = resolvePermissions(
      manifest,
      entry,
      { bundleDir, storageDir, protectedDirs: [this.#data.root], realPath },
    );
    const hasNet = permissions.net.length > 0;
    const containment = chooseContainment(manifest.name, entry, this.#launchers, hasNet);
    return { verified, permissions, containment, bundleDir, storageDir };
  }

  /**
   * Stores a prepared plugin ahead of its start.
   *
   * @param prepared The proofs.
   */
  async store(prepared: PreparedPlugin): Promise<void> {
    await this.#store.put(prepared.verified);
  }

  /**
   * Starts a prepared plugin.
   *
   * @param prepared The proofs.
   * @param events Where the plugin's requests go.
   * @param signal Gives up.
   * @returns The running instance.
   */
  async start(
    prepared: PreparedPlugin,
    events: InstanceEvents,
    signal?: AbortSignal,
  ): Promise<PluginInstance> {
    const { verified, containment } = prepared;
    const { bundleHash } = verified;
    const spare = this.#takeSpare(prepared);
    if (spare !== undefined) return await this.#startIn(spare, prepared, events, signal);
    // compared with the verified bytes before every start: what is mounted must be there and true
    // before its mount is prepared, what is opened by path when it is imported
    const stored = this.#store.put(verified);
    stored.catch(() => {}); // whoever awaits it is told
    if (containment.launcher.privateRoot) await stored;
    using _starting = await this.#caches.starting();
    const standby = await this.#standby(prepared, {
      caches: this.#caches.filesFor(bundleHash, containment.launcher.privateRoot),
      signal,
      name: verified.manifest.name,
    });
    const instance = await this.#startPlugin(standby, prepared, stored, events, signal);
    this.#caches.started(bundleHash, () => this.#compileJob(prepared));
    return instance;
  }

  /** Starts a prepared plugin in a process that waits for it. */
  async #startIn(
    standby: Standby,
    prepared: PreparedPlugin,
    events: InstanceEvents,
    signal: AbortSignal | undefined,
  ): Promise<PluginInstance> {
    const { verified, bundleDir } = prepared;
    const { slot } = standby.launch;
    const stored = this.#store.put(verified).then(() => {
      if (slot !== undefined) fillSlot(slot, bundleDir, verified.files);
    });
    return await this.#startPlugin(standby, prepared, stored, events, signal);
  }

  async #startPlugin(
    standby: Standby,
    prepared: PreparedPlugin,
    stored: Promise<unknown>,
    events: InstanceEvents,
    signal: AbortSignal | undefined,
  ): Promise<PluginInstance> {
    const starting = PluginInstance.start({
      ...prepared,
      standby,
      startTimeoutMs: this.#settings.times.startTimeoutMs,
      stored: () => stored,
      events,
      signal,
    });
    this.#recordGrant(prepared, standby.launch);
    return await starting;
  }

  #takeSpare(prepared: PreparedPlugin): Standby | undefined {
    if (this.#settings.pool.size === 0 || prepared.verified.files.length > MAX_SLOT_FILES) {
      return undefined;
    }
    const { executable } = this.#settings;
    const { bundleHash } = prepared.verified;
    const caches = this.#caches.filesFor(bundleHash, prepared.containment.launcher.privateRoot);
    // what was compiled of one bundle is for no other to see
    const own = this.#caches.get(bundleHash).length > 0 ? bundleHash : "";
    const key = own + spareKey(prepared, { executable, data: this.#data, lane: this.#laned });
    return this.#pool.take(key, async () => {
      const standby = await this.#standby(prepared, {
        caches,
        spare: true,
        name: prepared.verified.manifest.name,
      });
      try {
        await Promise.all([standby.contained, standby.entered]);
        if (standby.launch.slot !== undefined) emptySlot(standby.launch.slot);
      } catch (error) {
        await standby[Symbol.asyncDispose]();
        throw error;
      }
      return standby;
    });
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
    await this.#warmed;
    await this.#pool[Symbol.asyncDispose]();
    await this.#caches[Symbol.asyncDispose]();
  }

  /** Starts a process for what a plugin may do, with nothing of the plugin in it. */
  async #standby(
    prepared: PreparedPlugin,
    options:
      & Pick<OpenLaunchOptions, "caches" | "spare">
      & Pick<StandbyOptions, "name" | "signal">,
  ): Promise<Standby> {
    const events = new LateEvents();
    const launch = await this.#launch(prepared, {
      caches: options.caches,
      spare: options.spare,
      onConnection: (connection) => events.connected(connection),
    });
    return await Standby.start({
      ...options,
      launch,
      events,
      limits: prepared.permissions.limits,
      timeoutMs: this.#settings.times.startTimeoutMs,
    });
  }

  #launch(
    prepared: PreparedPlugin,
    options: Pick<OpenLaunchOptions, "caches" | "compileOnly" | "spare" | "onConnection">,
  ): Promise<OpenLaunch> {
    return openLaunch(prepared, {
      executable: this.#settings.executable,
      data: this.#data,
      require: this.#launchers.require,
      lane: this.#laned,
      shared: this.#shared,
      ...options,
    });
  }

  get #laned(): boolean {
    return this.#settings.lane === "socket";
  }

  #recordGrant(prepared: PreparedPlugin, { command }: OpenLaunch): void {
    if (this.#trail === undefined) return;
    // the folders of one run are called by numbers, and files elsewhere by random names
    const own = RegExp.escape(this.#data.scratch);
    const run = new RegExp(`${own}/\\d+|${SHARED_NAME.source}`, "g");
    const words = [command.command, ...command.args].map((word) => word.replace(run, "<run>"));
    this.#trail.granted(prepared, words);
  }

  async #compileJob(prepared: PreparedPlugin): Promise<CompileJob> {
    const { verified, containment } = prepared;
    const caches = this.#caches.filesFor(verified.bundleHash, containment.launcher.privateRoot);
    const launch = await this.#launch(prepared, { caches, compileOnly: true });
    return { entry: entryUrl(launch.bundleDir, verified.manifest.entry), launch };
  }
}

/** Tells whether a plugin has a folder of its own. */
export function asksForStorage(manifest: Manifest): boolean {
  const paths = [...manifest.permissions?.read ?? [], ...manifest.permissions?.write ?? []];
  return manifest.storage !== undefined ||
    paths.some((path) => path === "$STORAGE" || path.startsWith("$STORAGE/"));
}

function realPath(path: string): string | undefined {
  try {
    return Deno.realPathSync(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotCapable)) return undefined; // absent: refused by name
    throw new SallyportError("bad-config", `Cannot resolve "${path}": the host may not read it`, {
      cause,
      hint: "Give the host --allow-read for the folders that its policy grants",
    });
  }
}
