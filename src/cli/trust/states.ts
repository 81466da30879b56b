/**
 * How the parts of a trust list stand at a moment.
 *
 * @module
 */
import { revocationCovers } from "../../bundle/manifest/version_range.ts";
import type {
  KeyRevocation,
  ListedKey,
  ListedPlugin,
  PluginRevocation,
  TrustListContent,
} from "../../trust/list/content.ts";
import { compareVersions } from "../../trust/mark/versions.ts";

/** Names how something stands. */
export type TrustState = "valid" | "expired" | "revoked" | "not yet" | "too old";

/** Tells how a key stands. */
export function keyState({ notBefore, notAfter, revoked }: ListedKey, now: Date): TrustState {
  if (revoked !== undefined && now >= new Date(revoked.from)) return "revoked";
  if (notBefore !== undefined && now < new Date(notBefore)) return "not yet";
  if (notAfter !== undefined && now >= new Date(notAfter)) return "expired";
  return "valid";
}

/** Tells how a revocation stands. */
export function revocationState({ from }: KeyRevocation, now: Date): "in force" | "not yet" {
  return now >= new Date(from) ? "in force" : "not yet";
}

/** Tells how listed plugins stand; made once for a whole list, which may have many of both. */
export class PluginStates {
  readonly #content: TrustListContent;
  readonly #now: Date;
  readonly #hashes: Set<string> = new Set();
  readonly #ranges: Map<string, string[]> = new Map();

  /** Reads the revocations. */
  constructor(content: TrustListContent, now: Date) {
    this.#content = content;
    this.#now = now;
    for (const revocation of content.revocations) {
      if (revocationState(revocation, now) === "in force") this.#revoke(revocation);
    }
  }

  /** Tells how a plugin stands. */
  of({ name, version, hash, expiresAt }: ListedPlugin): TrustState {
    const ranges = this.#ranges.get(name) ?? [];
    if (this.#hashes.has(hash)) return "revoked";
    if (ranges.some((range) => revocationCovers(range, version))) return "revoked";
    if (expiresAt !== undefined && this.#now >= new Date(expiresAt)) return "expired";
    const { minimumVersions } = this.#content;
    const minimum = Object.hasOwn(minimumVersions, name) ? minimumVersions[name]! : undefined;
    if (minimum !== undefined && compareVersions(version, minimum) < 0) return "too old";
    return "valid";
  }

  #revoke(revocation: PluginRevocation): void {
    if ("hash" in revocation) this.#hashes.add(revocation.hash);
    else {
      const { name, versions } = revocation;
      this.#ranges.set(name, [...this.#ranges.get(name) ?? [], versions]);
    }
  }
}
