// What a trust list holds.

/**
 * Holds plain JSON that this room carries without reading it.
 *
 * @category Trust
 */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Says from when on something no longer counts, and why.
 *
 * @category Trust
 */
export interface KeyRevocation {
  /** From this moment on, as `2026-01-31T12:00:00.000Z`. */
  readonly from: string;
  /** The reason, for people. */
  readonly reason: string;
}

/**
 * Holds a key whose signatures count, within its window.
 *
 * @category Trust
 */
export interface ListedKey {
  /** What the operator calls it; no two keys have one name. */
  readonly name: string;
  /** The key, 64 hex digits. */
  readonly publicKey: string;
  /** The first moment of its window. */
  readonly notBefore?: string;
  /** The first moment after its window. */
  readonly notAfter?: string;
  /** Set when it no longer counts, not even for what it signed before: signatures carry no date. */
  readonly revoked?: KeyRevocation;
}

/**
 * Reserves names of plugins for keys.
 *
 * @category Trust
 */
export interface Publisher {
  /** A plugin's name, the start of names with `*` at its end, or `*` for all. */
  readonly namespace: string;
  /** The ids of the only keys that may sign these plugins, and that may sign no others. */
  readonly keys: readonly string[];
  /** How many of them must sign; the list's threshold by default. */
  readonly threshold?: number;
}

/**
 * Names a bundle that may load; other bundles of its name may not.
 *
 * @category Trust
 */
export interface ListedPlugin {
  /** The plugin's name. */
  readonly name: string;
  /** Its version, compared as text. */
  readonly version: string;
  /** The bundle hash, 128 hex digits. */
  readonly hash: string;
  /** The ids of the only keys that count for it, among those that its name allows. */
  readonly keys?: readonly string[];
  /** How many keys must sign; that of the publisher or of the list by default. */
  readonly threshold?: number;
  /** A remark for people. */
  readonly note?: string;
  /** From when on it no longer loads. */
  readonly expiresAt?: string;
  /** What it asked for when it was added, as the room for permissions puts it. */
  readonly asks?: JsonObject;
}

/**
 * Revokes one bundle.
 *
 * @category Trust
 */
export interface HashRevocation extends KeyRevocation {
  /** The bundle hash, 128 hex digits. */
  readonly hash: string;
}

/**
 * Revokes versions of a plugin.
 *
 * @category Trust
 */
export interface VersionRevocation extends KeyRevocation {
  /** The plugin's name. */
  readonly name: string;
  /** The range of versions; a pre-release is in it when it or its release is. */
  readonly versions: string;
}

/**
 * Revokes bundles, whoever signed them.
 *
 * @category Trust
 */
export type PluginRevocation = HashRevocation | VersionRevocation;

/**
 * Records that the operator accepted what a bundle asks for.
 *
 * @category Trust
 */
export interface AcceptedBundle {
  /** The plugin's name. */
  readonly name: string;
  /** Its version. */
  readonly version: string;
  /** The bundle hash, 128 hex digits. */
  readonly hash: string;
  /** When it was accepted. */
  readonly at: string;
}

/**
 * Holds the content of a trust list, as {@linkcode parseTrustListContent} read it.
 *
 * @category Trust
 */
export interface TrustListContent {
  /** The version of this format. */
  readonly schema: 1;
  /** Tells lists apart: 32 random hex digits. */
  readonly id: string;
  /** Counts the changes, from 1. */
  readonly revision: number;
  /** When the list was made. */
  readonly createdAt: string;
  /** When this revision was made. */
  readonly updatedAt: string;
  /** From when on nothing is loaded by it. */
  readonly expiresAt: string;
  /** Authenticates the rollback marks of hosts: 32 random bytes in base64. */
  readonly secret: string;
  /** How many distinct keys must sign a plugin, where nothing else says. */
  readonly threshold: number;
  /** Whether only listed plugins load; otherwise only those names that are listed are held to it. */
  readonly onlyListed: boolean;
  /** The keys, at most 1,000. */
  readonly keys: readonly ListedKey[];
  /** The namespaces, at most 1,000. */
  readonly publishers: readonly Publisher[];
  /** The bundles, at most 20,000. */
  readonly plugins: readonly ListedPlugin[];
  /** What must not load, at most 10,000. */
  readonly revocations: readonly PluginRevocation[];
  /** The lowest version that may load, by plugin name. */
  readonly minimumVersions: Readonly<Record<string, string>>;
  /** The bundles whose requests were accepted, at most 20,000. */
  readonly accepted: readonly AcceptedBundle[];
}
