/**
 * Turns a bundle that was read into one that may run.
 *
 * @module
 */

import { bundleHash, type FileDigest } from "../bundle/hash.ts";
import { type Manifest, parseManifest } from "../bundle/manifest.ts";
import { MANIFEST_FILE } from "../bundle/paths.ts";
import { type BundleContents, type BundleFile, bytesOf } from "../bundle/reading.ts";
import type { Statement } from "../bundle/statement.ts";
import { sha3_512Hex } from "../crypto/digest.ts";
import type { PublicKey } from "./keys.ts";
import {
  checkAnchors,
  checkFiles,
  checkSignatures,
  checkStatement,
  checkTrust,
  openEnvelope,
} from "./steps.ts";

/** Trusts one exact bundle. */
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

/** Says whom and what the operator trusts. */
export interface TrustAnchors {
  /** The keys whose signatures count. */
  readonly keys: readonly PublicKey[];
  /** The plugins that may load; without it, all that a key has signed. */
  readonly plugins?: readonly TrustedPlugin[];
}

/** Names a trusted key that signed. */
export interface Signer {
  /** The id of the key. */
  readonly keyId: string;
  /** What the operator calls the key. */
  readonly name?: string;
}

/** Options of {@linkcode verifyBundle}. */
export interface VerifyBundleOptions {
  /** The time at which the statement must hold; now by default. */
  now?: Date;
}

/** Is known to this module alone, so that nothing else makes a {@linkcode VerifiedPlugin}. */
const PROOF = Symbol("proof");

/** Makes the proof; set by the class, whose constructor nothing else reaches. */
let prove: (fields: Fields) => VerifiedPlugin;

type Fields = Pick<
  VerifiedPlugin,
  "manifest" | "bundleHash" | "files" | "signers" | "statement" | "root"
>;

/**
 * Proves that a bundle passed {@linkcode verifyBundle}: only that function makes one.
 *
 * It holds the very bytes that were hashed, and it is from these that the plugin must be run.
 */
export class VerifiedPlugin {
  /** What the plugin says about itself. */
  readonly manifest: Manifest;
  /** The bundle hash, 128 hex digits. */
  readonly bundleHash: string;
  /** All files but the envelope, with their bytes. */
  readonly files: readonly BundleFile[];
  /** The trusted keys that signed, at least one. */
  readonly signers: readonly Signer[];
  /** What they signed. */
  readonly statement: Statement;
  /** The real path of the folder that the bundle was read from; nothing is run from there. */
  readonly root: string;
  readonly #proven = true;

  static {
    prove = (fields) => new VerifiedPlugin(PROOF, fields);
  }

  // `private` stops a caller who compiles, the symbol one who does not
  private constructor(proof: symbol, fields: Fields) {
    if (proof !== PROOF) {
      throw new TypeError("VerifiedPlugin cannot be constructed: call verifyBundle()");
    }
    this.manifest = fields.manifest;
    this.bundleHash = fields.bundleHash;
    this.files = fields.files;
    this.signers = fields.signers;
    this.statement = fields.statement;
    this.root = fields.root;
    Object.freeze(this);
  }

  /**
   * Tells a real one from an object that looks like one.
   *
   * @param value Anything.
   * @returns Whether {@linkcode verifyBundle} made it.
   */
  static is(value: unknown): value is VerifiedPlugin {
    return typeof value === "object" && value !== null && #proven in value;
  }
}

/**
 * Verifies a bundle, in five steps of which each relies on those before it.
 *
 * @param contents The bundle as read; only its bytes are believed, hashes are computed again.
 * @param anchors Whom and what the operator trusts.
 * @param options The time to verify for.
 * @returns The proof, with the bytes.
 * @throws {SallyportError} `untrusted` without an envelope, a signature of a known key, or an entry
 * among the trusted plugins; `signature-invalid` when a known key's signature or the statement is
 * wrong; `expired`; `bundle-invalid` naming an additional or missing file; `hash-mismatch` naming a
 * changed one; `manifest-invalid`; `bad-config` when a trusted plugin's entry is malformed.
 */
export async function verifyBundle(
  contents: BundleContents,
  anchors: TrustAnchors,
  options: VerifyBundleOptions = {},
): Promise<VerifiedPlugin> {
  const { now = new Date() } = options;
  checkAnchors(anchors);
  const files = digest(contents.files);
  const manifest = parseManifest(bytesOf(files, MANIFEST_FILE));

  // 1. Envelope. Stops a bundle that nobody signed, and parser tricks in what says otherwise.
  const envelope = openEnvelope(contents.envelopeBytes, manifest);
  // 2. Signatures. Stops strangers, forgeries, and one key counting twice. Nothing signed was read yet.
  const signers = await checkSignatures(envelope, anchors.keys, manifest);
  // 3. Statement. Stops another plugin's signature being moved here, and one that is out of date.
  const statement = checkStatement(envelope.payload, manifest, now);
  // 4. Files. Stops every change after signing: a byte, a name, a file more or less.
  const hash = bundleHash(files);
  checkFiles(files, hash, statement);
  // 5. Trust. Stops what a trusted key signed but the operator did not choose.
  checkTrust(hash, statement, anchors.plugins);

  const { root } = contents;
  return prove({ manifest, bundleHash: hash, files, signers, statement, root });
}

/** Hashes the bytes at hand, so that the proof does not rest on what the caller says they hash to. */
function digest(files: readonly BundleFile[]): readonly BundleFile[] {
  return Object.freeze(files.map(({ path, bytes }) => {
    const digest: FileDigest = { path, size: bytes.length, sha3_512: sha3_512Hex(bytes) };
    return Object.freeze({ ...digest, bytes });
  }));
}
