/**
 * From a folder to a running instance: read, verify, resolve, store, start.
 *
 * @module
 */
import { escapeText, SallyportError } from "../../errors.ts";
import type { Manifest } from "../../bundle/manifest/manifest.ts";
import { type BundleContents, readBundle } from "../../bundle/reading/reading.ts";
import { BundleStore } from "../../bundle/store/store.ts";
import type { Quarantine } from "../../monitor/violations/quarantine.ts";
import type { CodeCaching } from "../../permissions/flags.ts";
import { entryFor } from "../../permissions/policy.ts";
import { type ResolvedPermissions, resolvePermissions } from "../../permissions/resolve.ts";
import type { Launchers } from "../../sandbox/launchers.ts";
import type { VerifiedPlugin } from "../../trust/verify/verify.ts";
import type { AuditRecorder } from "../events/audit_recorder.ts";
import { codeCachingOf } from "./code_caching.ts";
import type { DataDir } from "../data/data_dir.ts";
import { chooseContainment, type ContainmentChoice } from "./containment.ts";
import type { PluginProcess } from "../process/plugin_process.ts";
import type { RequestHandlers } from "../process/plugin_requests.ts";
import type { HostSettings } from "../settings/host_options.ts";
import { type ReservedPath, reservedPaths } from "../settings/reserved_paths.ts";
import { checkSdk } from "./sdk_version.ts";
import { ProcessStarter } from "../process/process_starter.ts";
import { TrustSource } from "./trust_source.ts";
import type { KeptVersion } from "./previous_version.ts";

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
  /** How its code is compiled ahead. */
  readonly codeCaching: CodeCaching;
  /** Whether an operator agreed to whatever it asks. */
  readonly agreed: boolean;
}

/** Options of {@linkcode Admission}. */
export interface AdmissionOptions {
  /** Decides what is trusted; by default the keys in the settings. */
  trust?: TrustSource;
  /** Records verdicts and grants. */
  trail?: AuditRecorder;
  /** Keeps plugins from being loaded. */
  quarantine?: Quarantine;
  /** Lists what no plugin may reach, besides what the settings name. */
  reserved?: () => readonly ReservedPath[];
}

/** Turns bundles into instances. */
export class Admission implements AsyncDisposable {
  #settings: HostSettings;
  #data: DataDir;
  #launchers: Launchers;
  #store: BundleStore;
  #trust: TrustSource;
  #trail: AuditRecorder | undefined;
  #quarantine: Quarantine | undefined;
  #reserved: () => readonly ReservedPath[];
  #starter: ProcessStarter;
  #warmed: Promise<void> | undefined;
  /** The bundles whose entry in the policy was warned of, by plugin. */
  #warned = new Map<string, string>();
  #envelopes = new WeakMap<VerifiedPlugin, Uint8Array>();

  /** Makes a loader. */
  constructor(
    settings: HostSettings,
    data: DataDir,
    launchers: Launchers,
    options: AdmissionOptions = {},
  ) {
    this.#trust = options.trust ?? TrustSource.ofKeys(settings.anchors);
    this.#trail = options.trail;
    this.#quarantine = options.quarantine;
    this.#reserved = options.reserved ?? (() => []);
    this.#settings = settings;
    this.#data = data;
    this.#launchers = launchers;
    this.#store = new BundleStore(data.store);
    this.#starter = new ProcessStarter({
      settings,
      data,
      store: this.#store,
      trail: this.#trail,
      require: launchers.require,
    });
  }

  /** Removes what an interrupted write left in the store. */
  async sweep(): Promise<void> {
    await this.#store.sweep();
  }

  /**
   * Reads a bundle once and verifies what was read.
   *
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

  /** Gives what a verified bundle can be verified by again, when its folder has another one. */
  keep(verified: VerifiedPlugin): KeptVersion {
    const { manifest: { version }, bundleHash } = verified;
    return { version, bundleHash, envelope: this.#envelopes.get(verified) ?? new Uint8Array() };
  }

  /**
   * Verifies the stored copy of a bundle that ran here, by what is trusted now. That a newer version has
   * run since does not count against it, as an operator asks for it.
   *
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
   * @throws {SallyportError} `bad-state` when it is in quarantine, `permission-denied` when it asks for more than the policy grants, or for
   * more than the version before did and nobody has agreed to that, `bad-config` when the policy asks
   * for a containment that would not be in force.
   */
  async prepare(
    verified: VerifiedPlugin,
    options: { agreed?: boolean } = {},
  ): Promise<PreparedPlugin> {
    const { manifest } = verified;
    const { agreed = false } = options;
    await this.#quarantine?.check(manifest.name);
    if (!agreed) this.#trust.checkConsent(verified);
    const entry = entryFor(this.#settings.policy, manifest.name);
    this.#warnOfHooks(verified);
    const bundleDir = this.#store.locate(verified.bundleHash);
    const storageDir = asksForStorage(manifest)
      ? await this.#data.storage(manifest.name)
      : undefined;
    const permissions = this.#resolve(manifest, { entry, bundleDir, storageDir });
    const hasNet = permissions.net.length > 0;
    const containment = chooseContainment(manifest.name, entry, this.#launchers, hasNet);
    const codeCaching = codeCachingOf(verified.files, entry.jitless === true);
    return { verified, permissions, containment, bundleDir, storageDir, codeCaching, agreed };
  }

  /** Tells of hooks in a plugin's own entry of the policy that it does not handle: misspelt, perhaps. */
  #warnOfHooks({ manifest: { name, hooks = [] }, bundleHash }: VerifiedPlugin): void {
    if (this.#warned.get(name) === bundleHash) return;
    const { policy: { plugins = {} }, logger } = this.#settings;
    const granted = Object.hasOwn(plugins, name) ? plugins[name]!.grant?.hooks ?? [] : [];
    const handled = new Set(hooks.map((hook) => hook.name));
    const unknown = granted.filter((hook) => !hook.includes("*") && !handled.has(hook));
    if (unknown.length === 0) return;
    this.#warned.set(name, bundleHash);
    logger.warn(`The policy grants plugin "${name}" hooks that its manifest does not name`, {
      plugin: name,
      hooks: unknown,
      hint: "Correct the names in the policy, or take them out",
    });
  }

  /**
   * Judges a prepared plugin again at the moment of a start: it may have waited long.
   *
   * @throws {SallyportError} as {@linkcode verify} and {@linkcode prepare}, when it may not start any more.
   */
  async confirm(prepared: PreparedPlugin): Promise<void> {
    const { verified, agreed } = prepared;
    await this.#quarantine?.check(verified.manifest.name);
    try {
      if (!this.#trust.isCurrent(verified)) await this.#trust.confirm(verified);
    } catch (error) {
      this.#trail?.refused(verified.root, error);
      throw error;
    }
    if (!agreed) this.#trust.checkConsent(verified);
    this.#confirmPaths(prepared);
  }

  /** A path may have become a link, or something of the host's may have come where it leads. */
  #confirmPaths({ verified, permissions, bundleDir, storageDir }: PreparedPlugin): void {
    const { plugin, read, write, entry } = permissions;
    if (read.length + write.length === 0) return;
    const now = this.#resolve(verified.manifest, { entry, bundleDir, storageDir });
    for (const access of ["read", "write"] as const) {
      const moved = permissions[access].find((path) => !now[access].includes(path));
      if (moved === undefined) continue;
      throw new SallyportError(
        "permission-denied",
        `Cannot start plugin "${plugin}": ${access} "${escapeText(moved, 500)}" leads elsewhere ` +
          "than when it was granted",
        { hint: "Look who has put a link there, then load the plugin again", details: { plugin } },
      );
    }
  }

  #resolve(
    manifest: VerifiedPlugin["manifest"],
    { entry, bundleDir, storageDir }: Pick<PreparedPlugin, "bundleDir" | "storageDir"> & {
      readonly entry: ResolvedPermissions["entry"];
    },
  ): ResolvedPermissions {
    const reserved = reservedPaths([
      ...this.#settings.reserved,
      ...this.#data.reserved,
      ...this.#reserved(),
    ]);
    return resolvePermissions(manifest, entry, { bundleDir, storageDir, reserved, realPath });
  }

  /** Stores a prepared plugin ahead of its start. */
  async store(prepared: PreparedPlugin): Promise<void> {
    await this.#store.put(prepared.verified);
  }

  /**
   * Starts a process while a folder is read and verified, where a plugin ran from it before: empty, under
   * what that plugin had. Who starts the same again finds it there; else it ends with what is returned.
   */
  anticipate(path: string): AsyncDisposable | undefined {
    return this.#starter.anticipate(path);
  }

  /** Starts a prepared plugin. */
  async start(
    prepared: PreparedPlugin,
    events: RequestHandlers,
    signal?: AbortSignal,
  ): Promise<PluginProcess> {
    return await this.#starter.start(prepared, events, signal);
  }

  /** Waits until nothing is being compiled for later starts. */
  async idle(): Promise<void> {
    await this.#starter.idle();
  }

  /** Waits until the processes that are started ahead wait for a plugin. */
  async filled(): Promise<void> {
    await this.#starter.filled();
  }

  /** Ends what is being compiled or was started for later starts. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#warmed;
    await this.#starter[Symbol.asyncDispose]();
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
