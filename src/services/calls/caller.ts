import type { Limits } from "../../bundle/manifest/limits.ts";
import type { AccessLevel, Manifest } from "../../bundle/manifest/manifest_schema.ts";

/**
 * Identifies the plugin that calls a service.
 *
 * The host makes it from the plugin's verified manifest and resolved permissions; nothing in it
 * comes from the plugin's process.
 *
 * @category Services
 */
export interface ServiceCaller {
  /** The plugin's name. */
  readonly plugin: string;
  /** The plugin's version. */
  readonly version: string;
  /** The SHA3-512 of its verified bundle, in hex. */
  readonly bundleHash?: string;
  /** What the manifest asked for. */
  readonly requested: NonNullable<Manifest["context"]>;
  /** What is in force: request and grant, whichever is less. */
  readonly context: ReadonlyMap<string, AccessLevel>;
  /** The plugin's limits. */
  readonly limits: Limits;
  /** Aborts when the plugin is unloaded. */
  readonly signal: AbortSignal;
}

export function accessCovers(granted: AccessLevel | undefined, needed: AccessLevel): boolean {
  return granted === "readwrite" || granted === needed;
}
