// Turns a bundle that was read into one that may run.
import { bundleHash, type FileDigest } from "../../bundle/reading/hash.ts";
import { parseManifest } from "../../bundle/manifest/manifest.ts";
import type { Manifest } from "../../bundle/manifest/manifest_schema.ts";
import { MANIFEST_FILE } from "../../bundle/manifest/paths.ts";
import type { Envelope } from "../../bundle/reading/envelope.ts";
import { type BundleContents, type BundleFile, bytesOf } from "../../bundle/reading/reading.ts";
import type { Statement } from "../../bundle/reading/statement.ts";
import { sha3_512Hex } from "../../crypto/digest.ts";
import { keyId } from "../../crypto/ed25519.ts";
import type { PublicKey } from "../keys/keys.ts";
import type { TrustListContent } from "../list/content.ts";
import { noteBundle } from "./refusal.ts";
import {
  checkHighest,
  checkListed,
  checkListFresh,
  checkMinimum,
  checkRevocations,
  countSigners,
  type JudgedBundle,
  type JudgeTimes,
  keysOf,
} from "./rules.ts";
import {
  checkAnchors,
  checkFiles,
  checkSignatures,
  checkStatement,
  checkTrust,
  openEnvelope,
} from "./steps.ts";
import type { TrustAnchors } from "./anchors.ts";

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
let prove: (fields: Fields, evidence: Evidence) => VerifiedPlugin;

/** Opens a proof for {@linkcode judgeAgain}; set by the class. */
let reveal: (plugin: VerifiedPlugin) => Evidence;

type Fields = Pick<
  VerifiedPlugin,
  "manifest" | "bundleHash" | "files" | "signers" | "statement" | "root"
>;

/** What a bundle was verified by. */
interface Evidence {
  readonly envelope: Envelope;
  readonly verifiedAt: Date;
}

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
  /** The trusted keys that signed and counted, at least one. */
  readonly signers: readonly Signer[];
  /** What they signed. */
  readonly statement: Statement;
  /** The real path of the folder that the bundle was read from; nothing is run from there. */
  readonly root: string;
  readonly #evidence: Evidence;

  static {
    prove = (fields, evidence) => new VerifiedPlugin(PROOF, fields, evidence);
    reveal = (plugin) => plugin.#evidence;
  }

  // `private` stops a caller who compiles, the symbol one who does not
  private constructor(proof: symbol, fields: Fields, evidence: Evidence) {
    if (proof !== PROOF) {
      throw new TypeError("VerifiedPlugin cannot be constructed: call verifyBundle()");
    }
    this.manifest = fields.manifest;
    this.bundleHash = fields.bundleHash;
    this.files = fields.files;
    this.signers = fields.signers;
    this.statement = fields.statement;
    this.root = fields.root;
    this.#evidence = evidence;
    Object.freeze(this);
  }

  /** Tells a real one from an object that looks like one. */
  static is(value: unknown): value is VerifiedPlugin {
    return typeof value === "object" && value !== null && #evidence in value;
  }
}

/**
 * Verifies a bundle, step by step; each relies on those before it.
 *
 * @throws {SallyportError} `untrusted` without an envelope, too few signatures of keys that count, or
 * no entry among the trusted plugins; `signature-invalid` when a known key's signature or the
 * statement is wrong; `expired` and `revoked`, with `details.subject` naming what is; `rollback` for
 * a version below the minimum or the highest that was run; `bundle-invalid` naming an additional or
 * missing file; `hash-mismatch` naming a changed one; `manifest-invalid`; `bad-config` when a trusted
 * plugin's entry is malformed.
 */
export async function verifyBundle(
  contents: BundleContents,
  anchors: TrustAnchors,
  options: VerifyBundleOptions = {},
): Promise<VerifiedPlugin> {
  const { now = new Date() } = options;
  if (!("list" in anchors)) checkAnchors(anchors);
  const files = digest(contents.files);
  const hash = bundleHash(files);
  let version: string | undefined;
  try {
    const manifest = parseManifest(bytesOf(files, MANIFEST_FILE));
    version = manifest.version;
    const envelope = () => openEnvelope(contents.envelopeBytes, manifest);
    return await judge({ files, root: contents.root, manifest, hash, envelope }, anchors, now);
  } catch (error) {
    throw noteBundle(error, { bundleHash: hash, ...(version === undefined ? {} : { version }) });
  }
}

/**
 * Verifies a plugin again at the moment of a start, by what is trusted then: it may have waited while its
 * signature, its key's window or its entry came to an end. Its bytes are those that were hashed.
 *
 * @throws {SallyportError} As {@linkcode verifyBundle}.
 */
export async function verifyAgain(
  plugin: VerifiedPlugin,
  anchors: TrustAnchors,
  options: VerifyBundleOptions = {},
): Promise<void> {
  const { now = new Date() } = options;
  const { files, root, manifest, bundleHash: hash } = plugin;
  const envelope = () => reveal(plugin).envelope;
  try {
    await judge({ files, root, manifest, hash, envelope }, anchors, now);
  } catch (error) {
    throw noteBundle(error, { bundleHash: hash, version: manifest.version });
  }
}

/** What the steps of {@linkcode verifyBundle} after hash and manifest need. */
interface HashedBundle {
  readonly files: readonly BundleFile[];
  readonly root: string;
  readonly manifest: Manifest;
  readonly hash: string;
  readonly envelope: () => Envelope;
}

async function judge(
  { files, root, manifest, hash, envelope: open }: HashedBundle,
  anchors: TrustAnchors,
  now: Date,
): Promise<VerifiedPlugin> {
  const byList = "list" in anchors;
  const bundle = { name: manifest.name, version: manifest.version, hash };

  // 1. Freshness. Stops a trust list that somebody keeps from being replaced.
  if (byList) checkListFresh(anchors.list, bundle, now);
  // 2. Envelope. Stops a bundle that nobody signed, and parser tricks in what says otherwise.
  const envelope = open();
  // 3. Signatures. Stops strangers, forgeries, and keys that do not count. Nothing signed was read yet.
  const signers = byList
    ? await checkListRules(envelope, anchors.list, bundle, { now, loadedAt: now })
    : await checkSignatures(envelope, anchors.keys, manifest);
  // 4. Statement. Stops another plugin's signature being moved here, and one that is out of date.
  const statement = checkStatement(envelope.payload, manifest, now);
  // 5. Files. Stops every change after signing: a byte, a name, a file more or less.
  checkFiles(files, hash, statement);
  // 6. Trust. Stops what a trusted key signed but the operator did not choose.
  if (byList) checkListed(anchors.list, bundle, now);
  else checkTrust(hash, statement, anchors.plugins);
  // 7. Versions. Stops an old version with a known hole being offered again.
  if (byList) {
    checkMinimum(anchors.list, bundle);
    const { list, ran, allowRollback = false } = anchors;
    checkHighest(list, bundle, { ran: ran?.(bundle.name) ?? [], allowRollback, now });
  }

  const named = Object.freeze(signers.map(toSigner));
  return prove(
    { manifest, bundleHash: hash, files, signers: named, statement, root },
    { envelope, verifiedAt: now },
  );
}

/**
 * Judges a plugin that runs by another revision of the trust list.
 *
 * It may stay when it could have been loaded by this revision at the time when it was: what the
 * operator revoked, removed or raised since ends it, but the end of a window or an expiry that was
 * still to come does not, nor does the expiry of the list.
 *
 * @throws {SallyportError} As {@linkcode verifyBundle}, when it may not stay.
 */
export async function judgeAgain(
  plugin: VerifiedPlugin,
  list: TrustListContent,
  options: VerifyBundleOptions = {},
): Promise<void> {
  const { now = new Date() } = options;
  const { envelope, verifiedAt } = reveal(plugin);
  const { manifest: { name, version }, bundleHash: hash } = plugin;
  const bundle = { name, version, hash };
  await checkListRules(envelope, list, bundle, { now, loadedAt: verifiedAt });
  checkListed(list, bundle, verifiedAt);
  checkMinimum(list, bundle);
}

/** Finds the keys of the list that signed, unless the bundle is revoked, and counts those that may. */
async function checkListRules(
  envelope: Envelope,
  list: TrustListContent,
  bundle: JudgedBundle,
  times: JudgeTimes,
): Promise<readonly PublicKey[]> {
  checkRevocations(list, bundle, times.now);
  const signed = await checkSignatures(envelope, keysOf(list), bundle);
  return countSigners(list, bundle, signed, times);
}

function toSigner({ raw, name }: PublicKey): Signer {
  return Object.freeze({ keyId: keyId(raw), ...(name ? { name } : {}) });
}

/** Hashes the bytes at hand, so that the proof does not rest on what the caller says they hash to. */
function digest(files: readonly BundleFile[]): readonly BundleFile[] {
  return Object.freeze(files.map(({ path, bytes }) => {
    const digest: FileDigest = { path, size: bytes.length, sha3_512: sha3_512Hex(bytes) };
    return Object.freeze({ ...digest, bytes });
  }));
}
