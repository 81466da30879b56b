// Ed25519 (RFC 8032, PureEdDSA), strict: WebCrypto does the arithmetic, noble checks public keys.
import { Point } from "@noble/ed25519";
import { decodeBase64Url } from "@std/encoding/base64url";
import { encodeHex } from "@std/encoding/hex";
import { SallyportError } from "../errors.ts";
import { KEY_BYTES, PKCS8_PREFIX, wrapKey } from "./der.ts";
import { sha3_512Hex } from "./digest.ts";

const ALGORITHM = "Ed25519";
const SIGNATURE_BYTES = 64;
const KEY_ID_DIGITS = 16;
/** How many accepted public keys are remembered; a check takes some milliseconds. */
const MAX_ACCEPTED_KEYS = 256;

/** Holds both halves of a key. */
export interface KeyPair {
  /** The seed: 32 secret bytes. */
  privateKey: Uint8Array;
  /** The encoded point: 32 bytes. */
  publicKey: Uint8Array;
}

function checkSeed(seed: Uint8Array): void {
  if (!(seed instanceof Uint8Array)) throw new TypeError("Private key must be a Uint8Array");
  if (seed.length !== KEY_BYTES) {
    throw new RangeError(`Private key must have ${KEY_BYTES} bytes: received ${seed.length}`);
  }
}

function importSeed(seed: Uint8Array, extractable: boolean): Promise<CryptoKey> {
  checkSeed(seed);
  const der = wrapKey(PKCS8_PREFIX, seed);
  return crypto.subtle.importKey("pkcs8", der, ALGORITHM, extractable, ["sign"]);
}

/** Makes a new key from the system's random source. */
export async function generateKeyPair(): Promise<KeyPair> {
  const privateKey = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return { privateKey, publicKey: await getPublicKey(privateKey) };
}

/**
 * Derives the public key of a seed.
 *
 * @throws {TypeError | RangeError} When the seed is not 32 bytes.
 */
export async function getPublicKey(seed: Uint8Array): Promise<Uint8Array> {
  const { x } = await crypto.subtle.exportKey("jwk", await importSeed(seed, true));
  const publicKey = decodeBase64Url(x!);
  // what comes from a seed is of prime order: the check of milliseconds would say no more
  remember(encodeHex(publicKey), new AcceptedKey(publicKey));
  return publicKey;
}

/**
 * Signs a message; the same seed and message always give the same signature.
 *
 * @throws {TypeError | RangeError} When the seed is not 32 bytes.
 */
export async function sign(message: Uint8Array, seed: Uint8Array): Promise<Uint8Array> {
  const key = await importSeed(seed, false);
  return new Uint8Array(
    await crypto.subtle.sign(ALGORITHM, key, message as Uint8Array<ArrayBuffer>),
  );
}

/**
 * Makes what signs with a seed again and again.
 *
 * @throws {TypeError | RangeError} When the seed is not 32 bytes.
 */
export async function importSigner(
  seed: Uint8Array,
): Promise<(message: Uint8Array) => Promise<Uint8Array>> {
  const key = await importSeed(seed, false);
  return async (message) =>
    new Uint8Array(await crypto.subtle.sign(ALGORITHM, key, message as Uint8Array<ArrayBuffer>));
}

/** Says what is wrong with a public key, or `undefined` when it may be used. */
function findKeyProblem(raw: Uint8Array): { reason: string; text: string } | undefined {
  if (raw.length !== KEY_BYTES) {
    return { reason: "length", text: `it has ${raw.length} bytes instead of ${KEY_BYTES}` };
  }
  let point: Point;
  try {
    // RFC 8032, section 5.1.3: y below p, and no sign bit for x = 0
    point = Point.fromBytes(raw, false);
  } catch {
    return { reason: "encoding", text: "it is not the canonical encoding of a point of the curve" };
  }
  // signatures that verify under such a key can be made without any secret
  if (point.isSmallOrder()) {
    return { reason: "low-order", text: "it is a point of low order, under which anyone can sign" };
  }
  // verifiers differ on what they accept under such a key; no honest key has one
  if (!point.isTorsionFree()) {
    return { reason: "mixed-order", text: "it has a component of low order" };
  }
  return undefined;
}

class AcceptedKey {
  readonly #raw: Uint8Array<ArrayBuffer>;
  #imported: Promise<CryptoKey> | undefined;

  constructor(raw: Uint8Array) {
    this.#raw = new Uint8Array(raw);
  }

  import(): Promise<CryptoKey> {
    this.#imported ??= crypto.subtle.importKey("raw", this.#raw, ALGORITHM, false, ["verify"]);
    return this.#imported;
  }
}

// least recently used first; holds keys that passed, so that a flood of bad ones evicts nothing
const acceptedKeys: Map<string, AcceptedKey> = new Map();

function acceptKey(raw: Uint8Array): AcceptedKey {
  if (!(raw instanceof Uint8Array)) throw new TypeError("Public key must be a Uint8Array");
  const hex = encodeHex(raw.subarray(0, KEY_BYTES + 1));
  let key = acceptedKeys.get(hex);
  if (key === undefined) {
    const problem = findKeyProblem(raw);
    if (problem !== undefined) {
      const shown = raw.length > KEY_BYTES ? `${hex.slice(0, 2 * KEY_BYTES)}…` : hex;
      throw new SallyportError(
        "signature-invalid",
        `Cannot use public key "${shown}": ${problem.text}`,
        {
          hint:
            "Ask the signer for a key that `keygen` or `openssl genpkey -algorithm ed25519` made",
          details: { reason: problem.reason, publicKey: shown },
        },
      );
    }
    key = new AcceptedKey(raw);
  }
  remember(hex, key);
  return key;
}

function remember(hex: string, key: AcceptedKey): void {
  acceptedKeys.delete(hex);
  acceptedKeys.set(hex, key);
  if (acceptedKeys.size > MAX_ACCEPTED_KEYS) {
    acceptedKeys.delete(acceptedKeys.keys().next().value!);
  }
}

/**
 * Checks that a public key is one that an honest signer can have: 32 bytes, the canonical encoding of
 * a point of prime order.
 *
 * WebCrypto alone accepts keys of low order, under which anyone can make signatures that verify
 * ("Taming the many EdDSAs", 2020).
 *
 * @throws {SallyportError} `signature-invalid` saying what is wrong; `details.reason` is `length`,
 * `encoding`, `low-order` or `mixed-order`.
 * @throws {TypeError} When it is not a `Uint8Array`.
 */
export function checkPublicKey(raw: Uint8Array): void {
  acceptKey(raw);
}

/**
 * Verifies a signature by strict RFC 8032: without cofactor, S below the group order, R and the key
 * in canonical encoding, and the key of prime order ({@linkcode checkPublicKey}).
 *
 * @throws {TypeError} When an argument is not a `Uint8Array`.
 */
export async function verify(
  signature: Uint8Array,
  message: Uint8Array,
  publicKey: Uint8Array,
): Promise<boolean> {
  if (!(signature instanceof Uint8Array)) throw new TypeError("Signature must be a Uint8Array");
  if (!(message instanceof Uint8Array)) throw new TypeError("Message must be a Uint8Array");
  let key: AcceptedKey;
  try {
    key = acceptKey(publicKey);
  } catch (error) {
    if (error instanceof SallyportError) return false;
    throw error;
  }
  if (signature.length !== SIGNATURE_BYTES) return false;
  return await crypto.subtle.verify(
    ALGORITHM,
    await key.import(),
    signature as Uint8Array<ArrayBuffer>,
    message as Uint8Array<ArrayBuffer>,
  );
}

/**
 * Returns the id of a public key: the first 16 hex digits of the SHA3-512 of its bytes.
 *
 * An id names a key, it does not prove it: whoever trusts must compare the whole key.
 *
 * @throws {RangeError} When it is not 32 bytes.
 */
export function keyId(publicKey: Uint8Array): string {
  if (publicKey.length !== KEY_BYTES) {
    throw new RangeError(`Public key must have ${KEY_BYTES} bytes: received ${publicKey.length}`);
  }
  return sha3_512Hex(publicKey).slice(0, KEY_ID_DIGITS);
}
