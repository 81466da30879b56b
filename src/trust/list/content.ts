// What a trust list holds.

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
  /** The keys whose signatures count, each within its window; at most 1,000. */
  readonly keys: readonly {
    /** What the operator calls it; no two keys have one name. */
    readonly name: string;
    /** The key, 64 hex digits. */
    readonly publicKey: string;
    /** The first moment of its window. */
    readonly notBefore?: string;
    /** The first moment after its window. */
    readonly notAfter?: string;
    /** Set when it no longer counts, not even for what it signed before: signatures carry no date. */
    readonly revoked?: {
      /** From this moment on, as `2026-01-31T12:00:00.000Z`. */
      readonly from: string;
      /** The reason, for people. */
      readonly reason: string;
    };
  }[];
  /** Which names of plugins are reserved for which keys, at most 1,000. */
  readonly publishers: readonly {
    /** A plugin's name, the start of names with `*` at its end, or `*` for all. */
    readonly namespace: string;
    /** The ids of the only keys that may sign these plugins, and that may sign no others. */
    readonly keys: readonly string[];
    /** How many of them must sign; the list's threshold by default. */
    readonly threshold?: number;
  }[];
  /** The bundles that may load, other bundles of their names may not; at most 20,000. */
  readonly plugins: readonly {
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
    /** What it asked for when it was added, as plain JSON. */
    readonly asks?: Readonly<Record<string, unknown>>;
  }[];
  /**
   * What must not load, whoever signed it: one bundle by its hash, or versions of a plugin by a range, which
   * holds a pre-release when it or its release is in it. At most 10,000.
   */
  readonly revocations: readonly (
    & { readonly from: string; readonly reason: string }
    & ({ readonly hash: string } | { readonly name: string; readonly versions: string })
  )[];
  /** The lowest version that may load, by plugin name. */
  readonly minimumVersions: Readonly<Record<string, string>>;
  /** The bundles whose requests were accepted, at most 20,000. */
  readonly accepted: readonly {
    /** The plugin's name. */
    readonly name: string;
    /** Its version. */
    readonly version: string;
    /** The bundle hash, 128 hex digits. */
    readonly hash: string;
    /** When it was accepted. */
    readonly at: string;
  }[];
}

/** One key of a list. */
export type ListedKey = TrustListContent["keys"][number];
/** Since when a key no longer counts. */
export type KeyRevocation = NonNullable<ListedKey["revoked"]>;
/** One namespace of a list. */
export type Publisher = TrustListContent["publishers"][number];
/** One bundle of a list. */
export type ListedPlugin = TrustListContent["plugins"][number];
/** Plain JSON that this room carries without reading it. */
export type JsonObject = NonNullable<ListedPlugin["asks"]>;
/** One revocation of a list. */
export type PluginRevocation = TrustListContent["revocations"][number];
/** One bundle whose requests were accepted. */
export type AcceptedBundle = TrustListContent["accepted"][number];
