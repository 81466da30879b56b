// How the parts of a trust list stand at a moment.
import { revocationCovers } from "../../bundle/manifest/version_range.ts";
import type {
  KeyRevocation,
  ListedKey,
  ListedPlugin,
  TrustListContent,
} from "../../trust/list/content.ts";
import { compareVersions } from "../../trust/mark/versions.ts";
import type { Output } from "../terminal/output.ts";

export type TrustState = "valid" | "expired" | "revoked" | "not yet" | "too old";

export function keyState({ notBefore, notAfter, revoked }: ListedKey, now: Date): TrustState {
  if (revoked !== undefined && now >= new Date(revoked.from)) return "revoked";
  if (notBefore !== undefined && now < new Date(notBefore)) return "not yet";
  if (notAfter !== undefined && now >= new Date(notAfter)) return "expired";
  return "valid";
}

export function revocationState({ from }: KeyRevocation, now: Date): "in force" | "not yet" {
  return now >= new Date(from) ? "in force" : "not yet";
}

/** Returns what says how listed plugins stand; made once for a list, which may have many revocations. */
export function pluginStates(
  { revocations, minimumVersions }: TrustListContent,
  now: Date,
): (plugin: ListedPlugin) => TrustState {
  const hashes = new Set<string>();
  const ranges = new Map<string, string[]>();
  for (const revocation of revocations) {
    if (revocationState(revocation, now) !== "in force") continue;
    if ("hash" in revocation) hashes.add(revocation.hash);
    else {
      const { name, versions } = revocation;
      ranges.set(name, [...ranges.get(name) ?? [], versions]);
    }
  }
  return ({ name, version, hash, expiresAt }) => {
    const revoked = hashes.has(hash) ||
      ranges.get(name)?.some((range) => revocationCovers(range, version));
    if (revoked) return "revoked";
    if (expiresAt !== undefined && now >= new Date(expiresAt)) return "expired";
    const minimum = Object.hasOwn(minimumVersions, name) ? minimumVersions[name] : undefined;
    return minimum !== undefined && compareVersions(version, minimum) < 0 ? "too old" : "valid";
  };
}

export function stateCell(state: TrustState, output: Output): string {
  return output.style(
    state === "valid" ? "green" : state === "not yet" ? "yellow" : "red",
    state,
  );
}
