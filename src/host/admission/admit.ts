// The way of a bundle from a folder to what may be started, in one place and in this order:
// read → verify → consent and quarantine → resolve permissions → contain → plan.
//
// No process is begun for a bundle before it is through: a {@linkcode PreparedPlugin} is made here alone,
// and nothing else can be started.
import type { Manifest } from "../../bundle/manifest/manifest_schema.ts";
import { type BundleContents, readBundle } from "../../bundle/reading/reading.ts";
import { BundleStore } from "../../bundle/store/store.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import type { Quarantine } from "../../monitor/violations/quarantine.ts";
import { entryFor } from "../../permissions/policy/policy.ts";
import type { PolicyEntry } from "../../permissions/policy/policy_schema.ts";
import { type ResolvedPermissions, resolvePermissions } from "../../permissions/resolve.ts";
import type { LaunchPlan } from "../../sandbox/launch_plan.ts";
import type { Launchers } from "../../sandbox/launchers.ts";
import type { VerifiedPlugin } from "../../trust/verify/verify.ts";
import { NO_FILES } from "../data/cache_file.ts";
import type { DataDir } from "../data/data_dir.ts";
import type { AuditRecorder } from "../events/audit_recorder.ts";
import type { HostSettings } from "../settings/host_options.ts";
import { laneProblem } from "../settings/lane.ts";
import { type ReservedPath, reservedPaths } from "../settings/reserved_paths.ts";
import { codeCachingOf } from "./code_caching.ts";
import { chooseContainment } from "./containment.ts";
import { type Launchable, plan } from "./plan.ts";
import type { KeptVersion } from "./previous_version.ts";
import { checkSdk } from "./sdk_version.ts";
import { TrustSource } from "./trust_source.ts";

/** What admits plugins, besides the host's settings. */
export interface AdmissionOptions {
  /** Decides what is trusted; by default the keys in the settings. */
  trust?: TrustSource;
  /** Records verdicts. */
  recorder?: AuditRecorder;
  /** Keeps plugins from being loaded. */
  quarantine?: Quarantine;
  /** Lists what no plugin may reach, besides what the settings name. */
  reserved?: () => readonly ReservedPath[];
}

interface Prepared extends Launchable {
  readonly verified: VerifiedPlugin;
  /** Whether an operator agreed to what it asks, whatever the version before asked. */
  readonly agreed: boolean;
}

const PROOF = Symbol("PreparedPlugin");
let prepare: (prepared: Prepared) => PreparedPlugin;

/** Proves that a bundle was admitted: only {@linkcode Admission.admit} makes one, and only one is started. */
export class PreparedPlugin implements Prepared {
  readonly verified: VerifiedPlugin;
  readonly permissions: Prepared["permissions"];
  readonly containment: Prepared["containment"];
  readonly bundleDir: string;
  readonly storageDir: string | undefined;
  readonly codeCaching: Prepared["codeCaching"];
  readonly agreed: boolean;
  #isProven = true;

  static {
    prepare = (prepared) => new PreparedPlugin(PROOF, prepared);
  }

  // `private` stops a caller who compiles, the symbol one who does not
  private constructor(proof: symbol, prepared: Prepared) {
    if (proof !== PROOF) throw new TypeError("PreparedPlugin cannot be constructed: call admit()");
    this.verified = prepared.verified;
    this.permissions = prepared.permissions;
    this.containment = prepared.containment;
    this.bundleDir = prepared.bundleDir;
    this.storageDir = prepared.storageDir;
    this.codeCaching = prepared.codeCaching;
    this.agreed = prepared.agreed;
    Object.freeze(this);
  }

  /** Tells a real one from an object that looks like one. */
  static is(value: unknown): value is PreparedPlugin {
    return typeof value === "object" && value !== null && #isProven in value;
  }
}

/** Decides which bundles may be started, as what, and decides again at each start. */
export class Admission {
  readonly #settings: HostSettings;
  readonly #data: DataDir;
  readonly #launchers: Launchers;
  readonly #store: BundleStore;
  readonly #trust: TrustSource;
  readonly #recorder: AuditRecorder | undefined;
  readonly #quarantine: Quarantine | undefined;
  readonly #reserved: () => readonly ReservedPath[];
  /** The bundles whose entry in the policy was warned of, by plugin. */
  readonly #warned = new Map<string, string>();
  readonly #envelopes = new WeakMap<VerifiedPlugin, Uint8Array>();

  constructor(
    settings: HostSettings,
    data: DataDir,
    launchers: Launchers,
    options: AdmissionOptions = {},
  ) {
    const { trust = TrustSource.ofKeys(settings.anchors), recorder, quarantine } = options;
    this.#settings = settings;
    this.#data = data;
    this.#launchers = launchers;
    this.#store = new BundleStore(data.store);
    this.#trust = trust;
    this.#recorder = recorder;
    this.#quarantine = quarantine;
    this.#reserved = options.reserved ?? (() => []);
  }

  /**
   * Reads a bundle once, unless that was done, and verifies what was read.
   *
   * @throws {SallyportError} with the code of the first rule that the bundle breaks.
   */
  async verify(bundle: string | BundleContents, signal?: AbortSignal): Promise<VerifiedPlugin> {
    return await this.#judge(bundle, signal, (contents) => this.#trust.verify(contents));
  }

  /**
   * Verifies the stored copy of a bundle that ran here, by what is trusted now. That a newer version has
   * run since does not count against it, as an operator asks for it.
   */
  async verifyKept(kept: KeptVersion, signal?: AbortSignal): Promise<VerifiedPlugin> {
    const { bundleHash, envelope: envelopeBytes } = kept;
    return await this.#judge(
      this.#store.locate(bundleHash),
      signal,
      (contents) => this.#trust.verify({ ...contents, envelopeBytes }, { allowRollback: true }),
      envelopeBytes,
    );
  }

  async #judge(
    bundle: string | BundleContents,
    signal: AbortSignal | undefined,
    verify: (contents: BundleContents) => Promise<VerifiedPlugin>,
    envelope?: Uint8Array,
  ): Promise<VerifiedPlugin> {
    try {
      const reading = typeof bundle === "string" ? readBundle(bundle, { signal }) : bundle;
      const [contents] = await Promise.all([reading, this.#trust.freshen()]);
      const verified = await verify(contents);
      checkSdk(verified);
      const kept = envelope ?? contents.envelopeBytes;
      if (kept !== undefined) this.#envelopes.set(verified, kept);
      this.#recorder?.accepted(verified);
      return verified;
    } catch (error) {
      this.#recorder?.refused(typeof bundle === "string" ? bundle : bundle.root, error);
      throw error;
    }
  }

  /**
   * Settles what a verified bundle may do, what contains it, and that it can be launched so.
   *
   * @throws {SallyportError} `bad-state` when it is in quarantine, `permission-denied` when it asks for more
   * than the policy grants, or for more than the version before and nobody has agreed to that, or when a
   * value cannot be expressed as a flag, `bad-config` when the policy asks for a containment that would not
   * be in force.
   */
  async admit(
    verified: VerifiedPlugin,
    { agreed = false }: { agreed?: boolean } = {},
  ): Promise<PreparedPlugin> {
    // 1. What was put into quarantine stays there, whoever signs it.
    await this.#quarantine?.check(verified.manifest.name);
    // 2. A plugin must not grow by itself: a stolen key could sign a greedy update of a harmless one.
    if (!agreed) this.#trust.checkConsent(verified);
    return prepare({ ...await this.settle(verified), verified, agreed });
  }

  /** Settles what a bundle would be started as, verified or not; what this returns cannot be started. */
  async settle(
    bundle: Pick<BundleContents, "manifest" | "bundleHash" | "files">,
    entry: PolicyEntry = entryFor(this.#settings.policy, bundle.manifest.name),
  ): Promise<Launchable> {
    const { manifest, bundleHash, files } = bundle;
    this.#warnOfHooks(bundle);
    // 3. Only what it asks for and the operator grants, by real paths.
    const places = {
      bundleDir: this.#store.locate(bundleHash),
      storageDir: asksForStorage(manifest) ? await this.#data.storage(manifest.name) : undefined,
    };
    const permissions = this.#resolve(manifest, entry, places);
    // 4. What the policy wants to contain it must be in force here.
    const hasNet = permissions.net.length > 0;
    const launcher = await this.#launchers.select(entry.isolation);
    const containment = chooseContainment(manifest.name, entry, launcher, hasNet);
    // 5. What cannot be written as a command is refused before anything is started.
    const codeCaching = codeCachingOf(files, entry.jitless === true);
    const launchable = { permissions, containment, ...places, codeCaching };
    this.planFirst(launchable);
    return launchable;
  }

  /**
   * Judges a prepared plugin again at the moment of a start: it may have waited long.
   *
   * @throws {SallyportError} as {@linkcode verify} and {@linkcode admit}, when it may not start any more.
   */
  async confirm(prepared: PreparedPlugin): Promise<void> {
    const { verified, agreed } = prepared;
    await this.#quarantine?.check(verified.manifest.name);
    try {
      if (!this.#trust.isCurrent(verified)) await this.#trust.confirm(verified);
    } catch (error) {
      this.#recorder?.refused(verified.root, error);
      throw error;
    }
    if (!agreed) this.#trust.checkConsent(verified);
    this.#confirmPaths(prepared);
  }

  /** Plans the first start of a plugin, with nothing of it compiled ahead; its folders do not exist. */
  planFirst(launchable: Launchable): LaunchPlan {
    const { settings, data } = { settings: this.#settings, data: this.#data };
    const run = data.runPlaces(1);
    const hasLane = settings.lane === "socket" && laneProblem(run.laneSocket) === undefined;
    return plan(launchable, {
      executable: settings.executable,
      runtime: data.runtime,
      run,
      laneSocket: hasLane ? run.laneSocket : undefined,
      caches: NO_FILES,
    });
  }

  /** Returns what a verified bundle can be verified by again, when its folder has another one. */
  keep(verified: VerifiedPlugin): KeptVersion {
    const { manifest: { version }, bundleHash } = verified;
    return { version, bundleHash, envelope: this.#envelopes.get(verified) ?? new Uint8Array() };
  }

  /** Warns of hooks in a plugin's own entry of the policy that it does not handle: misspelt, perhaps. */
  #warnOfHooks(
    { manifest: { name, hooks = [] }, bundleHash }: Pick<BundleContents, "manifest" | "bundleHash">,
  ): void {
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

  /** A path may have become a link, or something of the host's may have come where it leads. */
  #confirmPaths({ verified, permissions, ...places }: PreparedPlugin): void {
    const { plugin, read, write, entry } = permissions;
    if (read.length + write.length === 0) return;
    const now = this.#resolve(verified.manifest, entry, places);
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
    manifest: Manifest,
    entry: ResolvedPermissions["entry"],
    { bundleDir, storageDir }: Pick<Launchable, "bundleDir" | "storageDir">,
  ): ResolvedPermissions {
    const reserved = reservedPaths([
      ...this.#settings.reserved,
      ...this.#data.reserved,
      ...this.#reserved(),
    ]);
    return resolvePermissions(manifest, entry, { bundleDir, storageDir, reserved, realPath });
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
