// The keys of a trust list, and finding one as an operator names it.
import { decodeHex } from "@std/encoding/hex";
import { keyId } from "../../crypto/ed25519.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { parsePublicKey, type PublicKey } from "../keys/keys.ts";
import type { ListedKey, TrustListContent } from "./content.ts";

/** Holds a key of a list in the form that verifies, with what the list says of it. */
export interface ListKey extends PublicKey {
  /** The entry. */
  readonly listed: ListedKey;
}

const parsed: WeakMap<ListedKey, ListKey> = new WeakMap();

/**
 * Returns a key of a list in the form that verifies.
 *
 * That it is a key of prime order is checked when it verifies something, not before: it takes some
 * milliseconds a key.
 */
export function toListKey(listed: ListedKey): ListKey {
  let key = parsed.get(listed);
  if (key === undefined) {
    const raw = decodeHex(listed.publicKey);
    key = Object.freeze({ id: keyId(raw), raw, name: listed.name, listed });
    parsed.set(listed, key);
  }
  return key;
}

/**
 * Finds the key that an operator means.
 *
 * @throws {SallyportError} `bad-config` when the list has no such key.
 */
export function findKey(content: TrustListContent, key: string): ListedKey & { id: string } {
  const text = key.includes("-----BEGIN") || /^\s*[0-9a-fA-F]{64}\s*$/.test(key)
    ? parsePublicKey(key).raw.toHex()
    : key;
  const found = content.keys.find((listed) => listed.publicKey === text) ??
    content.keys.find((listed) => toListKey(listed).id === text) ??
    content.keys.find((listed) => listed.name === text);
  if (found !== undefined) return { ...found, id: toListKey(found).id };
  const names = content.keys.slice(0, 10).map((listed) => `"${escapeText(listed.name, 100)}"`);
  throw new SallyportError(
    "bad-config",
    `Cannot find key "${escapeText(key, 100)}" in the trust list: ` +
      (names.length === 0 ? "it has no keys" : `it has ${names.join(", ")}`),
    { hint: "Give the key's name, id or hex as `trust list` shows them", details: { key } },
  );
}
