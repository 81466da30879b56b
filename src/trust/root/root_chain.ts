// The root keys of a trust list: who may sign its revisions, and how they hand over.
//
// The rules are those of The Update Framework for its root role: each version is signed by a
// threshold of the one before and by a threshold of its own keys.
//
// @see https://theupdateframework.github.io/specification/latest/#update-root
import type { EnvelopeSignature } from "../../bundle/reading/envelope.ts";
import { joinIssues } from "../../json/schema_issues.ts";
import { parseStrictJson } from "../../json/strict_json.ts";
import { sha3_512Hex } from "../../crypto/digest.ts";
import { escapeText, SallyportError, type SallyportErrorCode } from "../../errors.ts";
import { leaf, listOf, matching, objectOf, Report, wholeNumber } from "../../json/json_shape.ts";
import { countKeys } from "../keys/signatures.ts";

/** Is the payload type of a root. */
export const TRUST_ROOT_PAYLOAD_TYPE = "application/vnd.sallyport.trust-root+json";

/** Is the greatest number of roots in a chain. */
export const MAX_ROOTS = 100;

const MAX_ROOT_KEYS = 64;

/** A root as it is signed. */
export type TrustRoot = Omit<VerifiedRoot, "hash">;

/** Holds the bytes of a root with their signatures. */
export interface SignedRoot {
  /** The JSON of a {@linkcode TrustRoot}. */
  readonly payload: Uint8Array;
  /** The signatures of the root before and of its own keys. */
  readonly signatures: readonly EnvelopeSignature[];
}

/**
 * Identifies one root: what a host remembers, and what it may be given to start from.
 *
 * @category Trust
 */
export interface RootReference {
  /** Its version. */
  readonly version: number;
  /** The SHA3-512 of its bytes, 128 hex digits. */
  readonly hash: string;
}

/**
 * Says who signs the revisions of a list; a root of a chain that was verified.
 *
 * @category Trust
 */
export interface VerifiedRoot extends RootReference {
  /** The version of this format. */
  readonly schema: 1;
  /** The id of the list that it is for: one list's roots are no use to another. */
  readonly list: string;
  /** The keys, 64 hex digits each. */
  readonly keys: readonly string[];
  /** How many of them must sign. */
  readonly threshold: number;
}

const checkRoot = objectOf({
  schema: leaf((value) => value === 1 ? undefined : "must be 1: written by a later version"),
  list: matching(/^[0-9a-f]{32}$/, "must be 32 lower-case hex digits"),
  version: wholeNumber(1, MAX_ROOTS),
  keys: listOf(
    matching(/^[0-9a-f]{64}$/, "must be 64 lower-case hex digits"),
    MAX_ROOT_KEYS,
    1,
  ),
  threshold: wholeNumber(1, MAX_ROOT_KEYS),
});

/** Encodes a root as the payload that is signed. */
export function encodeRoot({ schema, list, version, keys, threshold }: TrustRoot): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ schema, list, version, keys, threshold }));
}

/**
 * Verifies a chain of roots from its first.
 *
 * @throws {SallyportError} `signature-invalid` naming the first root that was not handed over to;
 * `bad-config` when one is malformed.
 */
export async function verifyRootChain(
  chain: readonly SignedRoot[],
  source: string,
): Promise<readonly VerifiedRoot[]> {
  if (chain.length > MAX_ROOTS) {
    throw bad("bad-config", source, `it has more than ${MAX_ROOTS} roots`);
  }
  const roots: VerifiedRoot[] = [];
  for (const signed of chain) {
    const previous = roots.at(-1);
    const root = parseRoot(signed, source);
    const expected = (previous?.version ?? 0) + 1;
    if (root.version !== expected) {
      throw bad(
        "signature-invalid",
        source,
        `root version ${expected} is followed by ${root.version} in its place`,
      );
    }
    if (previous !== undefined && root.list !== previous.list) {
      throw bad("signature-invalid", source, `root version ${root.version} is for another list`);
    }
    // signed by the new keys alone: anyone could take over; by the old alone: a mistake locks out
    if (previous !== undefined) await checkThreshold(signed, root, previous, source);
    await checkThreshold(signed, root, root, source);
    roots.push(root);
  }
  return Object.freeze(roots);
}

/**
 * Holds a chain to a root that was accepted before: stops whoever knows the passphrase but has no
 * root key from starting a chain of their own, or leaving it out.
 *
 * @throws {SallyportError} `rollback` when the chain ends before it, `signature-invalid` when it does
 * not contain it.
 */
export function checkKnownRoot(
  roots: readonly VerifiedRoot[],
  known: RootReference | undefined,
  source: string,
): void {
  if (known === undefined) return;
  const latest = roots.at(-1);
  if (latest === undefined) {
    throw bad(
      "signature-invalid",
      source,
      `it has no root keys, but this host knows its root version ${known.version}`,
    );
  }
  if (latest.version < known.version) {
    throw bad(
      "rollback",
      source,
      `its root version is ${latest.version}, but this host knows version ${known.version}`,
    );
  }
  if (roots[known.version - 1]?.hash === known.hash) return;
  throw bad(
    "signature-invalid",
    source,
    `its root version ${known.version} is another one than this host knows`,
  );
}

function parseRoot({ payload }: SignedRoot, source: string): VerifiedRoot {
  let value: unknown;
  try {
    value = parseStrictJson(payload);
  } catch (cause) {
    const message = escapeText((cause as Error).message, 300);
    throw bad("bad-config", source, `a root of it ${message}`, cause);
  }
  const report = new Report();
  checkRoot(value, report);
  const root = value as TrustRoot;
  if (report.issues.length === 0) {
    if (new Set(root.keys).size < root.keys.length) {
      report.add("keys", "has a key twice");
    }
    if (root.threshold > root.keys.length) {
      report.add("threshold", `must be at most ${root.keys.length}, the number of keys`);
    }
  }
  if (report.issues.length > 0) {
    throw bad("bad-config", source, `a root of it is malformed: ${joinIssues(report.issues)}`);
  }
  return Object.freeze({ ...root, hash: sha3_512Hex(payload) });
}

async function checkThreshold(
  signed: SignedRoot,
  root: TrustRoot,
  by: TrustRoot,
  source: string,
): Promise<void> {
  const { payload, signatures } = signed;
  const count = await countKeys(TRUST_ROOT_PAYLOAD_TYPE, payload, signatures, by.keys);
  if (count >= by.threshold) return;
  throw bad(
    "signature-invalid",
    source,
    `root version ${root.version} is signed by ${count} of the ${by.threshold} keys that it takes ` +
      `of version ${by.version}`,
  );
}

function bad(
  code: SallyportErrorCode,
  source: string,
  detail: string,
  cause?: unknown,
): SallyportError {
  return new SallyportError(code, `Cannot use trust list "${escapeText(source, 500)}": ${detail}`, {
    hint: "Get the current list from whoever holds its root keys",
    details: { source, subject: "root" },
    cause,
  });
}
