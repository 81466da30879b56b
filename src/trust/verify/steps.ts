// The steps of verification, each with the errors that tell an operator what to do.
import { nodeBuffer } from "../../node.ts";
import { type Envelope, pae, parseEnvelope } from "../../bundle/reading/envelope.ts";
import type { FileDigest } from "../../bundle/reading/hash.ts";
import type { Manifest } from "../../bundle/manifest/manifest_schema.ts";
import { quotePath } from "../../bundle/manifest/paths.ts";
import type { BundleFile } from "../../bundle/reading/reading.ts";
import { parseStatement, type Statement } from "../../bundle/reading/statement.ts";
import { sha3_512Hex } from "../../crypto/digest.ts";
import { keyId, verify } from "../../crypto/ed25519.ts";
import { escapeText, SallyportError } from "../../errors.ts";
import type { PublicKey } from "../keys/keys.ts";
import { describeKey, MAX_NAMED, refuse } from "./refusal.ts";
import type { KeyAnchors, TrustedPlugin } from "./anchors.ts";

/** Puts the plugin's name to an error about a part of it. */
function withPlugin<T>(plugin: { readonly name: string }, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (!(cause instanceof SallyportError)) throw cause;
    throw refuse(plugin, cause.code, cause.reason, cause.hint ?? "", cause.details, cause);
  }
}

/** Refuses entries that could never match, which an operator would otherwise puzzle over. */
export function checkAnchors(anchors: KeyAnchors): void {
  for (const { name, hash } of anchors.plugins ?? []) {
    if (/^[0-9a-f]{128}$/.test(hash)) continue;
    throw new SallyportError(
      "bad-config",
      `Cannot use trusted plugin "${escapeText(name, 64)}": its hash is not 128 lower-case hex ` +
        `digits, got "${escapeText(hash, 150)}"`,
      { hint: "Take the hash that the command `hash` prints", details: { plugin: name, hash } },
    );
  }
}

/** Opens the envelope. */
export function openEnvelope(bytes: Uint8Array | undefined, manifest: Manifest): Envelope {
  if (!bytes) {
    throw refuse(
      manifest,
      "untrusted",
      'it is not signed: there is no "plugin.sig.json"',
      "Get a signed bundle from its author, or sign it with a key that you trust",
    );
  }
  return withPlugin(manifest, () => parseEnvelope(bytes));
}

/** Finds the known keys that signed; one bad signature under a known key's id refuses all. */
export async function checkSignatures<Key extends PublicKey>(
  envelope: Envelope,
  keys: readonly Key[],
  manifest: { readonly name: string },
): Promise<readonly Key[]> {
  const message = pae(envelope.payloadType, envelope.payload);
  // by the key itself and not by the id that comes with it; a list's own were computed when it was read
  const byId = Map.groupBy(keys, (key) => "listed" in key ? key.id : keyId(key.raw));
  const signers: Key[] = [];
  for (const { keyid, sig } of envelope.signatures) {
    const candidates = byId.get(keyid);
    if (candidates === undefined) continue; // a stranger's signature says nothing, good or bad
    const key = await findSigner(candidates, sig, message);
    if (!key) {
      throw refuse(
        manifest,
        "signature-invalid",
        `its signature does not match key ${describeKey(keyid, candidates[0]?.name)}`,
        "The bundle or its signature was changed: get it again from its author",
        { keyId: keyid },
      );
    }
    signers.push(key);
  }
  if (signers.length > 0) return signers;
  const ids = envelope.signatures.map((signature) => signature.keyid);
  const listed = ids.slice(0, MAX_NAMED).map((id) => `"${id}"`).join(", ");
  const known = keys.length === 0
    ? "no key is trusted"
    : `trusted: ${keys.slice(0, MAX_NAMED).map((key) => describeKey(key.id, key.name)).join(", ")}`;
  throw refuse(
    manifest,
    "untrusted",
    `no trusted key signed it (signed by ${listed}; ${known})`,
    "If you trust its author, add the author's public key to the trusted keys",
    { signedBy: ids, trusted: keys.map((key) => key.id) },
  );
}

async function findSigner<Key extends PublicKey>(
  candidates: readonly Key[],
  sig: Uint8Array,
  message: Uint8Array,
): Promise<Key | undefined> {
  for (const key of candidates) {
    if (await verify(sig, message, key.raw)) return key;
  }
  return undefined;
}

/** Reads what was signed, and checks that it is about this plugin and holds now. */
export function checkStatement(payload: Uint8Array, manifest: Manifest, now: Date): Statement {
  const statement = withPlugin(manifest, () => parseStatement(payload));
  for (const field of ["name", "version"] as const) {
    if (statement[field] === manifest[field]) continue;
    throw refuse(
      manifest,
      "signature-invalid",
      `the signature is for ${field} "${escapeText(statement[field], 128)}", ` +
        `but its manifest says "${manifest[field]}"`,
      "Sign the bundle again after changing its manifest, or get it again from its author",
      { field, signed: statement[field], manifest: manifest[field] },
    );
  }
  const { expiresAt } = statement;
  if (expiresAt !== undefined && now >= new Date(expiresAt)) {
    throw refuse(
      manifest,
      "expired",
      `its signature expired at "${expiresAt}" (now: "${now.toISOString()}")`,
      "Get a version that was signed later, and check that this machine's clock is right",
      { expiresAt, now: now.toISOString() },
    );
  }
  return statement;
}

/** What is larger is no text that somebody wrote. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;

/** Says how line ends were changed, where nothing else was: that is a tool's doing and no attack. */
function changedLineEnds(bytes: Uint8Array, signed: FileDigest): string | undefined {
  const isSigned = (text: Uint8Array) =>
    text.length === signed.size && sha3_512Hex(text) === signed.sha3_512;
  if (Math.max(bytes.length, signed.size) > MAX_TEXT_BYTES) return undefined;
  const { Buffer } = nodeBuffer();
  const latin = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  const unix = latin.replaceAll("\r\n", "\n");
  if (isSigned(Buffer.from(unix, "latin1"))) return "from LF to CR LF";
  return isSigned(Buffer.from(unix.replaceAll("\n", "\r\n"), "latin1"))
    ? "from CR LF to LF"
    : undefined;
}

/** Compares the files at hand with those that were signed, one by one and as a whole. */
export function checkFiles(
  files: readonly BundleFile[],
  hash: string,
  statement: Statement,
): void {
  const signed = new Map(statement.files.map((file) => [file.path, file]));
  const here = new Map(files.map((file) => [file.path, file]));
  for (
    const [what, path] of [
      ["was signed but is not there", statement.files.find((file) => !here.has(file.path))?.path],
      ["is there but was not signed", files.find((file) => !signed.has(file.path))?.path],
    ] as const
  ) {
    if (path === undefined) continue;
    throw refuse(
      statement,
      "bundle-invalid",
      `the file ${quotePath(path)} ${what}`,
      "Restore the bundle as its author signed it; as its author, sign it again",
      { path },
    );
  }
  for (const file of files) {
    const expected = signed.get(file.path)!;
    if (file.size === expected.size && file.sha3_512 === expected.sha3_512) continue;
    const details = {
      path: file.path,
      expected: { size: expected.size, sha3_512: expected.sha3_512 },
      actual: { size: file.size, sha3_512: file.sha3_512 },
    };
    const lineEnds = changedLineEnds(file.bytes, expected);
    if (lineEnds !== undefined) {
      throw refuse(
        statement,
        "hash-mismatch",
        `the file ${
          quotePath(file.path)
        } was changed after signing: only its line ends, ${lineEnds}`,
        "Git does that (core.autocrlf): write a line for this folder, such as " +
          `"${statement.name}/** -text", into the .gitattributes above it, and check it out again`,
        { ...details, reason: "line-ends" },
      );
    }
    const [was, is] = file.size === expected.size
      ? [`SHA3-512 "${expected.sha3_512.slice(0, 16)}…"`, `"${file.sha3_512.slice(0, 16)}…"`]
      : [`${expected.size} bytes`, `${file.size}`];
    throw refuse(
      statement,
      "hash-mismatch",
      `the file ${quotePath(file.path)} was changed after signing: signed with ${was}, now ${is}`,
      "Get the bundle again from its author; as its author, sign it again",
      details,
    );
  }
  if (hash === statement.bundleHash) return;
  throw refuse(
    statement,
    "hash-mismatch",
    `the statement gives bundle hash "${statement.bundleHash.slice(0, 16)}…", but its own files ` +
      `have "${hash.slice(0, 16)}…"`,
    "The signer's tool is faulty: have the bundle signed again",
    { expected: statement.bundleHash, actual: hash },
  );
}

/** Finds the operator's entry for exactly this bundle, where there is a list of entries. */
export function checkTrust(
  hash: string,
  statement: Statement,
  plugins: readonly TrustedPlugin[] | undefined,
): void {
  if (!plugins) return;
  const { name, version } = statement;
  const named = plugins.filter((plugin) => plugin.name === name);
  if (named.some((plugin) => plugin.version === version && plugin.hash === hash)) return;
  const same = named.find((plugin) => plugin.version === version);
  const what = same
    ? `its hash is "${hash.slice(0, 16)}…", but "${same.hash.slice(0, 16)}…" is trusted for ` +
      `version "${version}"`
    : named.length > 0
    ? `version "${version}" is not trusted, only ${
      named.slice(0, MAX_NAMED).map((plugin) => `"${escapeText(plugin.version, 128)}"`).join(", ")
    }`
    : "it is not among the trusted plugins";
  throw refuse(
    statement,
    "untrusted",
    what,
    `If you trust this bundle, add { name: "${name}", version: "${version}", hash: "${hash}" }`,
    { version, hash, trusted: named.map(({ version, hash }) => ({ version, hash })) },
  );
}
