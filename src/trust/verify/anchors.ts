// Whom and what an operator trusts.
import type { PublicKey } from "../keys/keys.ts";
import type { TrustListContent } from "../list/content.ts";
import type { RanVersion } from "../mark/ran_versions.ts";

/**
 * Trusts one exact bundle.
 *
 * @category Trust
 */
export interface TrustedPlugin {
  /** The plugin's name. */
  readonly name: string;
  /** The plugin's version, compared as text. */
  readonly version: string;
  /** The bundle hash, 128 lower-case hex digits. */
  readonly hash: string;
  /** A remark for people. */
  readonly note?: string;
}

/** Trusts keys, and of what they sign all or some. */
export interface KeyAnchors {
  /** The keys whose signatures count. */
  readonly keys: readonly PublicKey[];
  /** The plugins that may load; without it, all that a key has signed. */
  readonly plugins?: readonly TrustedPlugin[];
}

/** Trusts what a trust list says. */
export interface ListAnchors {
  /** The list, as it was opened. */
  readonly list: TrustListContent;
  /** Returns the versions of a plugin that this host has run, the highest first. */
  readonly ran?: (name: string) => readonly RanVersion[];
  /** Whether lower versions may load than were run, or which plugins' may; not by default. */
  readonly allowRollback?: boolean | readonly string[];
}

/** Says whom and what the operator trusts. */
export type TrustAnchors = KeyAnchors | ListAnchors;
