// Signs a bundle: writes `plugin.sig.json`, or adds to it.
import { replaceFile } from "../../io/durable_file.ts";
import { bytesEqual } from "../../crypto/digest.ts";
import { getPublicKey, keyId, sign, verify } from "../../crypto/ed25519.ts";
import { escapeText, readThrown, SallyportError } from "../../errors.ts";
import {
  encodeEnvelope,
  type Envelope,
  type EnvelopeSignature,
  MAX_ENVELOPE_BYTES,
  MAX_SIGNATURES,
  pae,
  parseEnvelope,
  STATEMENT_PAYLOAD_TYPE,
} from "../reading/envelope.ts";
import type { Manifest } from "../manifest/manifest_schema.ts";
import { ENVELOPE_FILE } from "../manifest/paths.ts";
import type { BundleContents, ReadBundleOptions } from "../reading/reading.ts";
import { copyBundle, readSignable } from "./signable.ts";
import {
  createStatement,
  encodeStatement,
  parseStatement,
  type Statement,
  type StatementOptions,
} from "../reading/statement.ts";

/** Options of {@linkcode signBundle}. */
export interface SignBundleOptions extends StatementOptions, Omit<ReadBundleOptions, "leaveOut"> {
  /**
   * A new or empty folder for a signed copy, without what `.sallyportignore` and its defaults name. By
   * default the bundle itself is signed, and what they name is refused.
   */
  out?: string;
}

/** Says why earlier signatures were dropped: they could not hold for the new statement. */
export type ReplacedReason = "changed" | "expiry" | "unreadable";

/** Tells what {@linkcode signBundle} did. */
export interface SignBundleResult {
  /** The envelope as written. */
  envelope: Envelope;
  /** The bundle hash that was signed, 128 hex digits. */
  bundleHash: string;
  /** The manifest that was signed. */
  manifest: Manifest;
  /** The ids of the given keys, in the order given. */
  keyIds: string[];
  /** What was left out of a copy; a folder ends in a slash. */
  leftOut: readonly string[];
  /** How many signatures are new; 0 when all the keys had signed before. */
  added: number;
  /**
   * Set when there was an envelope whose signatures were dropped: the bundle was `changed`, the
   * `expiry` is another one, or it was `unreadable`.
   */
  replaced?: ReplacedReason;
}

/**
 * Signs a bundle with one or more keys and writes `plugin.sig.json`, whole or not at all.
 *
 * Adds to the signatures that are there when they are about the very same bundle; otherwise makes a
 * new statement, drops them and says so in `replaced`. Without `expiresAt` an existing expiry stays.
 *
 * @throws {SallyportError} `bundle-invalid` or `manifest-invalid` as {@linkcode readSignable};
 * `bundle-invalid` when the file cannot be written or would be too large; `expired` when the
 * statement there has expired and no new `expiresAt` is given.
 * @throws {RangeError} Without a key, or when a date or key is not valid.
 */
export async function signBundle(
  dir: string,
  seeds: readonly Uint8Array[],
  options: SignBundleOptions = {},
): Promise<SignBundleResult> {
  if (seeds.length === 0) throw new RangeError("Cannot sign bundle: no key was given");
  const publicKeys = await Promise.all(seeds.map((seed) => getPublicKey(seed)));
  const { out } = options;
  const contents = await readSignable(dir, seeds, out !== undefined, options);
  const root = out === undefined ? contents.root : await copyBundle(contents, out);
  const { payload, kept, replaced } = chooseStatement(dir, contents, options);
  const message = pae(STATEMENT_PAYLOAD_TYPE, payload);

  const signatures = new Map(kept.map((signature) => [signature.keyid, signature]));
  const keyIds: string[] = [];
  let added = 0;
  for (const [index, publicKey] of publicKeys.entries()) {
    const keyid = keyId(publicKey);
    keyIds.push(keyid);
    const earlier = signatures.get(keyid);
    if (earlier && await verify(earlier.sig, message, publicKey)) continue;
    signatures.set(keyid, { keyid, sig: await sign(message, seeds[index]!) });
    added++;
  }
  if (signatures.size > MAX_SIGNATURES) {
    throw new RangeError(`Cannot sign bundle: more than ${MAX_SIGNATURES} signatures`);
  }
  const envelope = {
    payloadType: STATEMENT_PAYLOAD_TYPE,
    payload,
    signatures: [...signatures.values()],
  };
  const before = options.out === undefined ? contents.envelopeBytes : undefined;
  if (added > 0) await writeEnvelope(dir, root, encodeEnvelope(envelope), before);
  return {
    envelope,
    bundleHash: contents.bundleHash,
    manifest: contents.manifest,
    keyIds,
    leftOut: contents.leftOut,
    added,
    ...(replaced ? { replaced } : {}),
  };
}

/** Holds what will be signed. */
interface Choice {
  readonly payload: Uint8Array;
  readonly kept: readonly EnvelopeSignature[];
  readonly replaced?: ReplacedReason;
}

/** Keeps the statement that is there if it says what a new one would say, but for when it was made. */
function chooseStatement(
  dir: string,
  contents: BundleContents,
  options: SignBundleOptions,
): Choice {
  const fresh = (replaced?: ReplacedReason): Choice => ({
    payload: encodeStatement(createStatement(contents, options)),
    kept: [],
    ...(replaced ? { replaced } : {}),
  });
  if (!contents.envelopeBytes || options.out !== undefined) return fresh();
  let envelope: Envelope;
  let there: Statement;
  try {
    envelope = parseEnvelope(contents.envelopeBytes);
    there = parseStatement(envelope.payload);
  } catch (error) {
    if (error instanceof SallyportError) return fresh("unreadable");
    throw error;
  }
  const expected = createStatement(contents, {
    createdAt: new Date(there.createdAt),
    expiresAt: there.expiresAt === undefined ? undefined : new Date(there.expiresAt),
  });
  // Compared whole and not by its hash alone: our key must not vouch for a claim that someone else
  // put into the folder.
  if (!bytesEqual(encodeStatement(expected), encodeStatement(there))) {
    return fresh("changed");
  }
  if (options.expiresAt && options.expiresAt.toISOString() !== there.expiresAt) {
    return fresh("expiry");
  }
  if (there.expiresAt !== undefined && new Date(there.expiresAt) <= new Date()) {
    throw new SallyportError(
      "expired",
      `Cannot sign bundle "${escapeText(dir, 500)}": its statement expired at "${there.expiresAt}"`,
      {
        hint: "Give a new expiry date, or delete plugin.sig.json to sign without one",
        details: { dir, expiresAt: there.expiresAt },
      },
    );
  }
  return { payload: envelope.payload, kept: envelope.signatures };
}

/** Writes through a new file and a rename, so that no one ever sees half an envelope. */
async function writeEnvelope(
  dir: string,
  root: string,
  text: string,
  before: Uint8Array | undefined,
): Promise<void> {
  if (text.length > MAX_ENVELOPE_BYTES) {
    throw new SallyportError(
      "bundle-invalid",
      `Cannot sign bundle "${escapeText(dir, 500)}": its file list is larger than the ` +
        `${MAX_ENVELOPE_BYTES} bytes that ${ENVELOPE_FILE} may have`,
      { hint: "Use fewer files or shorter paths", details: { dir } },
    );
  }
  const target = `${root}/${ENVELOPE_FILE}`;
  try {
    await replaceFile(target, text, {
      temporary: `${target}.${crypto.randomUUID()}`, // a name that no bundle may contain
      check() {
        if (!isUnchanged(target, before)) throw changedMeanwhile(dir);
      },
    });
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    throw new SallyportError(
      "bundle-invalid",
      `Cannot sign bundle "${escapeText(dir, 500)}": ${ENVELOPE_FILE} cannot be written: ${
        readThrown(cause).message
      }`,
      { hint: "See the cause; signing needs write access to the folder", details: { dir }, cause },
    );
  }
}

function isUnchanged(target: string, before: Uint8Array | undefined): boolean {
  try {
    const there = Deno.readFileSync(target);
    return before !== undefined && bytesEqual(there, before);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return before === undefined;
    throw error;
  }
}

/** Somebody else's signature must not be lost. */
function changedMeanwhile(dir: string): SallyportError {
  return new SallyportError(
    "bad-state",
    `Cannot sign bundle "${escapeText(dir, 500)}": somebody else signed it meanwhile`,
    { hint: "Sign it again: the signatures that are there stay", details: { dir } },
  );
}
