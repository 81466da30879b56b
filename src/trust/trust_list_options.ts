// What a trust list is opened, made and changed with.
import type { TrustListContent } from "./list/content.ts";
import type { RootOptions } from "./list/signing.ts";
import type { RootReference, VerifiedRoot } from "./root/root_chain.ts";

/**
 * Options of {@linkcode TrustList.open}.
 *
 * @category Trust
 */
export interface OpenTrustListOptions {
  /** The folder of the host's rollback marks; without it no revision is too old. */
  markDir?: string;
  /** Whether the mark is advanced; by default it is. */
  remember?: boolean;
  /** A root that the list must have, such as one that came by another way. */
  pinnedRoot?: RootReference;
}

/**
 * Options of {@linkcode TrustList.create}.
 *
 * @category Trust
 */
export interface CreateTrustListOptions extends OpenTrustListOptions {
  /** What it says, from `createTrustListContent`. */
  content: TrustListContent;
  /** Who signs its revisions; without it, whoever has the passphrase or key file may write it. */
  root?: RootOptions;
  /** The base-2 logarithm of scrypt's N for a passphrase; see {@linkcode SealingKey.create}. */
  logN?: number;
}

/**
 * Options of {@linkcode TrustList.update}.
 *
 * @category Trust
 */
export interface UpdateTrustListOptions {
  /** The private root keys that sign the revision, where the list has roots. */
  rootKeys?: readonly Uint8Array[];
  /** When it is made; now by default. */
  now?: Date;
  /** Gives up waiting for another writer. */
  signal?: AbortSignal;
}

/**
 * Holds what a revision says, and who signs it.
 *
 * @category Trust
 */
export interface ListRevision {
  /** What it says. */
  readonly content: TrustListContent;
  /** The SHA-512 of its JSON, 128 hex digits. */
  readonly hash: string;
  /** The root that signs it, if one does. */
  readonly root: VerifiedRoot | undefined;
}
