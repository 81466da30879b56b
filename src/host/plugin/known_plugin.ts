// What is known of one plugin and told of it: who it is, what it may do, where it is in its life.
import type { Manifest } from "../../bundle/manifest/manifest_schema.ts";
import type { SallyportError } from "../../errors.ts";
import type { ResolvedPermissions } from "../../permissions/resolve.ts";
import type { VerifiedPlugin } from "../../trust/verify/verify.ts";
import type { PluginParts } from "./plugin_parts.ts";
import type { PreparedPlugin } from "../admission/admit.ts";
import { failureEvents, loadFailure, stateAfter } from "./load_errors.ts";
import { type PluginLogger, pluginLogger } from "./plugin_logger.ts";
import type { RegistryEntry } from "./registry.ts";
import type { PluginState } from "../events/plugin_state.ts";

/** Knows one plugin; what happens to it is for who extends this. */
export class KnownPlugin implements RegistryEntry {
  /** The name in the manifest, or the folder's. */
  readonly name: string;
  /** The folder it comes from. */
  readonly path: string;
  /** Why it was refused or how it ended. */
  error: SallyportError | undefined;
  /** What its manifest says, once verified. */
  manifest: Manifest | undefined;
  /** The hash of the bundle, once verified. */
  bundleHash: string | undefined;
  /** Who signed it, once verified. */
  signers: readonly Signer[] = [];
  /** What it may do, once that is settled. */
  permissions: ResolvedPermissions | undefined;
  #state: PluginState;
  #parts: Pick<PluginParts, "settings" | "hub">;

  /** Makes an entry for a folder. */
  constructor(
    parts: Pick<PluginParts, "settings" | "hub">,
    name: string,
    path: string,
    state: PluginState,
  ) {
    this.#parts = parts;
    this.name = name;
    this.path = path;
    this.#state = state;
  }

  /** Where it is in its life. */
  get state(): PluginState {
    return this.#state;
  }

  /** The host's log, for what concerns the plugin as it is now: name, version and bundle hash. */
  get logger(): PluginLogger {
    const { name: plugin, manifest, bundleHash } = this;
    const identity = { plugin, version: manifest?.version, bundleHash };
    return pluginLogger(this.#parts.settings.logger, identity);
  }

  /** Takes over what verification has shown. */
  describe({ manifest, bundleHash, signers }: VerifiedPlugin): void {
    Object.assign(this, { manifest, bundleHash, signers });
  }

  /** Takes over what verification has shown and what was granted. */
  protected describeWhole({ verified, permissions }: PreparedPlugin): void {
    this.describe(verified);
    this.permissions = permissions;
  }

  /** Takes note that it may be loaded again. */
  release(): void {
    if (this.#state !== "quarantined") return;
    this.error = undefined;
    this.move("available");
  }

  /** Notes that the plugin could not be loaded; returns why, as an error of ours. */
  fail(error: unknown, signal?: AbortSignal): SallyportError {
    const reason = this.error = loadFailure(this.name, error, { signal });
    this.move(stateAfter(reason));
    for (const event of failureEvents(this, reason)) this.#parts.hub.emit(event);
    return reason;
  }

  /** Goes to a state and tells of it. */
  protected move(to: PluginState): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    this.#parts.hub.emit({ type: "state", plugin: this.name, from, to });
  }
}

/**
 * Says who signed a bundle.
 *
 * @category Host
 */
export interface Signer {
  /** The key id. */
  readonly keyId: string;
  /** The name that the operator gave the key. */
  readonly name?: string;
}
