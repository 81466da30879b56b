/**
 * From a folder to a running instance: read, verify, store, resolve, start.
 *
 * @module
 */
import { isInRange } from "../bundle/version_range.ts";
import { SallyportError } from "../errors.ts";
import type { Manifest } from "../bundle/manifest.ts";
import { readBundle } from "../bundle/reading.ts";
import { BundleStore } from "../bundle/store.ts";
import { deriveFlags } from "../permissions/flags.ts";
import { entryFor, type PolicyEntry } from "../permissions/policy.ts";
import { type ResolvedPermissions, resolvePermissions } from "../permissions/resolve.ts";
import { createLaunchSpec } from "../sandbox/launch_spec.ts";
import type { SandboxReport } from "../sandbox/launcher.ts";
import { type VerifiedPlugin, verifyBundle } from "../trust/verify.ts";
import { VERSION } from "../version.ts";
import type { DataDir } from "./data_dir.ts";
import { type CacheFile, CompiledCaches, type CompileJob } from "./compiled_caches.ts";
import { entryUrl, type InstanceEvents, type LaunchParts, PluginInstance } from "./instance.ts";
import type { HostSettings } from "./options.ts";

/** Holds a verified plugin whose permissions are settled: all that a start needs. */
export interface PreparedPlugin {
  /** The verified bundle. */
  readonly verified: VerifiedPlugin;
  /** What it may do. */
  readonly permissions: ResolvedPermissions;
  /** Its read-only copy. */
  readonly bundleDir: string;
  /** Its own folder, where it asked for one. */
  readonly storageDir: string | undefined;
}

/** Turns bundles into instances. */
export class PluginLoader implements AsyncDisposable {
  #settings: HostSettings;
  #data: DataDir;
  #store: BundleStore;
  #caches = new CompiledCaches();

  /**
   * Makes a loader.
   *
   * @param settings Keys, policy and launcher.
   * @param data The host's folder.
   */
  constructor(settings: HostSettings, data: DataDir) {
    this.#settings = settings;
    this.#data = data;
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
    const contents = await readBundle(dir, { signal });
    const verified = await verifyBundle(contents, this.#settings.anchors);
    checkSdk(verified.manifest);
    return verified;
  }

  /**
   * Settles what a verified bundle may do, and from where it will run.
   *
   * @param verified The proof.
   * @returns Everything that a start needs.
   * @throws {SallyportError} `permission-denied` when it asks for more than the policy grants,
   * `bad-config` when the policy asks for a containment that would not be in force.
   */
  async prepare(verified: VerifiedPlugin): Promise<PreparedPlugin> {
    const { manifest } = verified;
    const entry = entryFor(this.#settings.policy, manifest.name);
    checkContainment(manifest.name, entry, this.#settings.launcher.report());
    const bundleDir = this.#store.locate(verified.bundleHash);
    const storageDir = asksForStorage(manifest)
      ? await this.#data.storage(manifest.name)
      : undefined;
    const permissions = resolvePermissions(
      manifest,
      entry,
      { bundleDir, storageDir, protectedDirs: [this.#data.root], realPath },
    );
    return { verified, permissions, bundleDir, storageDir };
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
    const { bundleHash } = prepared.verified;
    const launch = this.#launch(prepared, this.#caches.get(bundleHash));
    // compared with the verified bytes before every start, while the bootstrap comes up
    const stored = () => this.#store.put(prepared.verified);
    const instance = await PluginInstance.start({ ...prepared, ...launch, stored, events, signal });
    this.#caches.started(bundleHash, () => this.#compileJob(prepared));
    return instance;
  }

  /** Waits until nothing is being compiled for later starts. */
  async idle(): Promise<void> {
    await this.#caches.idle();
  }

  /** Ends what is being compiled for later starts. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#caches[Symbol.asyncDispose]();
  }

  #launch(prepared: PreparedPlugin, caches: readonly CacheFile[]): LaunchParts {
    const run = this.#data.createRun(caches);
    const spec = createLaunchSpec({
      plugin: prepared.verified.manifest.name,
      executable: this.#settings.executable,
      flags: deriveFlags(prepared.permissions, { bundleDir: prepared.bundleDir }),
      importMap: this.#data.runtime.importMap,
      bootstrap: this.#data.runtime.bootstrap,
      denoDir: run.denoDir,
      cwd: run.cwd,
    });
    const { launcher, times: { startTimeoutMs } } = this.#settings;
    return { command: launcher.command(spec), sandbox: launcher.report(), run, startTimeoutMs };
  }

  #compileJob(prepared: PreparedPlugin): CompileJob {
    const { command, run } = this.#launch(prepared, []);
    return {
      entry: entryUrl(prepared.bundleDir, prepared.verified.manifest.entry),
      command,
      denoDir: run.denoDir,
      dispose: () => run[Symbol.asyncDispose](),
    };
  }
}

/** Refuses a policy that asks for a containment which would not be in force. */
function checkContainment(plugin: string, entry: PolicyEntry, sandbox: SandboxReport): void {
  const { isolation, network, seccomp } = entry;
  const missing = isolation !== undefined && isolation !== "auto" && isolation !== sandbox.launcher
    ? `isolation "${isolation}"`
    : network !== undefined && network !== "host" && !sandbox.namespaces
    ? `network "${network}"`
    : seccomp !== undefined && seccomp !== "off" && !sandbox.seccomp
    ? `seccomp "${seccomp}"`
    : undefined;
  if (missing === undefined) return;
  throw new SallyportError(
    "bad-config",
    `Cannot load plugin "${plugin}": its policy asks for ${missing}, and isolation here is "${sandbox.launcher}"`,
    {
      hint: "Take it out of the policy to run the plugin with less containment",
      details: { plugin, isolation, network, seccomp, launcher: sandbox.launcher },
    },
  );
}

function asksForStorage(manifest: Manifest): boolean {
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

function checkSdk(manifest: Manifest): void {
  if (manifest.sdk === undefined || isInRange(VERSION, manifest.sdk)) return;
  throw new SallyportError(
    "manifest-invalid",
    `Cannot load plugin "${manifest.name}": it needs host API ${manifest.sdk}, this is ${VERSION}`,
    {
      hint: "Install a version of the plugin for this host, or update the host",
      details: { plugin: manifest.name, sdk: manifest.sdk, version: VERSION },
    },
  );
}
