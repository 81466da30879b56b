// Writing a trust list under its root keys.
import { encodeHex } from "@std/encoding/hex";
import { getPublicKey } from "../../crypto/ed25519.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import { parsePublicKey } from "../keys/keys.ts";
import { encodeTrustListContent } from "./list.ts";
import type { TrustListContent } from "./content.ts";
import { encodeListFile, TRUST_LIST_PAYLOAD_TYPE } from "./list_file.ts";
import {
  encodeRoot,
  type SignedRoot,
  TRUST_ROOT_PAYLOAD_TYPE,
  type VerifiedRoot,
  verifyRootChain,
} from "../root/root_chain.ts";
import { signPayload } from "../keys/signatures.ts";

/**
 * Names the keys that may sign from now on.
 *
 * @category Trust
 */
export interface RootOptions {
  /** The public keys: 64 hex digits or an SPKI PEM each, at most 64. */
  keys: readonly string[];
  /** How many of them must sign each revision. */
  threshold: number;
  /** The private keys that sign this: a threshold of these keys, and of those before. */
  rootKeys: readonly Uint8Array[];
}

/** Encodes and signs a revision. */
export async function compose(
  file: string,
  content: TrustListContent,
  signedRoots: readonly SignedRoot[],
  seeds: readonly Uint8Array[],
): Promise<Uint8Array> {
  const root = (await verifyRootChain(signedRoots, file)).at(-1);
  const payload = encodeTrustListContent(content);
  if (root === undefined) {
    if (seeds.length > 0) {
      throw cannotChange(file, "it has no root keys to sign it with", "Leave the root keys out");
    }
    return encodeListFile({ payload, signatures: [], roots: [] });
  }
  const own: Uint8Array[] = [];
  for (const seed of seeds) {
    if (root.keys.includes(encodeHex(await getPublicKey(seed)))) own.push(seed);
  }
  const signatures = await signPayload(TRUST_LIST_PAYLOAD_TYPE, payload, own);
  if (signatures.length < root.threshold) {
    throw cannotChange(
      file,
      `it takes ${root.threshold} of its root keys, got ${signatures.length}`,
      "Give the private root keys with which to sign the change",
    );
  }
  return encodeListFile({ payload, signatures, roots: signedRoots });
}

/** Makes a root that follows others, signed by all the private keys given. */
export async function makeRoot(
  file: string,
  list: string,
  roots: readonly VerifiedRoot[],
  { keys, threshold, rootKeys }: RootOptions,
): Promise<SignedRoot> {
  const payload = encodeRoot({
    schema: 1,
    list,
    version: roots.length + 1,
    keys: keys.map((key) => encodeHex(parsePublicKey(key).raw)),
    threshold,
  });
  if (rootKeys.length === 0) {
    throw cannotChange(file, "no root key signs the new root", "Give the private root keys");
  }
  return { payload, signatures: await signPayload(TRUST_ROOT_PAYLOAD_TYPE, payload, rootKeys) };
}

/** Makes the error about a change that cannot be written. */
export function cannotChange(file: string, detail: string, hint: string): SallyportError {
  return new SallyportError(
    "bad-config",
    `Cannot change trust list "${escapeText(file, 500)}": ${detail}`,
    { hint, details: { source: file } },
  );
}
