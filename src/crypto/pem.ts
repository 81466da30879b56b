// Ed25519 keys as PEM (RFC 7468): PKCS#8 and SubjectPublicKeyInfo, as `openssl` writes and reads them.
import { SallyportError } from "../errors.ts";
import { KEY_BYTES, nameAlgorithm, PKCS8_PREFIX, SPKI_PREFIX, unwrapKey, wrapKey } from "./der.ts";
import { checkPublicKey } from "./ed25519.ts";
import {
  decodePemBlock,
  encodePemBlock,
  NEW_KEY_HINT,
  type PemForm,
  refusePem,
} from "./pem_block.ts";

interface Form extends PemForm {
  readonly prefix: Uint8Array;
}

const PRIVATE: Form = { label: "PRIVATE KEY", name: "private key", prefix: PKCS8_PREFIX };
const PUBLIC: Form = { label: "PUBLIC KEY", name: "public key", prefix: SPKI_PREFIX };

function decodePem(form: Form, text: string): Uint8Array {
  const der = decodePemBlock(form, text);
  const key = unwrapKey(form.prefix, der);
  if (key !== undefined) return key;
  const algorithm = nameAlgorithm(der);
  if (algorithm === undefined) {
    refusePem(form, "its DER is not that of an Ed25519 key", NEW_KEY_HINT);
  }
  if (algorithm !== "Ed25519") {
    const article = /^[AEX]|^RSA/.test(algorithm) ? "an" : "a";
    refusePem(form, `it is ${article} ${algorithm} key, not Ed25519`, NEW_KEY_HINT);
  }
  // Version 2 carries the public key too; neither openssl nor WebCrypto write it, so it is no use here.
  const wanted = form === PRIVATE
    ? "PKCS#8 version 1 (RFC 8410, section 7) without more than the key"
    : "SubjectPublicKeyInfo (RFC 8410, section 4)";
  const hint = `Write it again with a tool that knows that form, or: ${NEW_KEY_HINT}`;
  refusePem(form, `it is an Ed25519 key, but not in the form ${wanted}`, hint);
}

function encodePem(form: Form, key: Uint8Array): string {
  if (!(key instanceof Uint8Array)) throw new TypeError(`The ${form.name} must be a Uint8Array`);
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`The ${form.name} must have ${KEY_BYTES} bytes: received ${key.length}`);
  }
  return encodePemBlock(form.label, wrapKey(form.prefix, key));
}

/**
 * Writes a seed as a PKCS#8 PEM, unencrypted: keep the file to its owner (mode 0600).
 *
 * @throws {TypeError | RangeError} When it is not 32 bytes.
 */
export function encodePrivateKeyPem(seed: Uint8Array): string {
  return encodePem(PRIVATE, seed);
}

/**
 * Reads the seed from a PKCS#8 PEM of at most 4,096 characters. No error quotes from the key.
 *
 * @throws {SallyportError} `bad-config` saying what else it is: another kind of key, encrypted, sealed
 * (then `decodeSealedKeyPem` reads it), a public key, damaged.
 */
export function decodePrivateKeyPem(text: string): Uint8Array {
  return decodePem(PRIVATE, text);
}

/**
 * Writes a public key as a SubjectPublicKeyInfo PEM.
 *
 * @throws {TypeError | RangeError} When it is not 32 bytes.
 */
export function encodePublicKeyPem(raw: Uint8Array): string {
  return encodePem(PUBLIC, raw);
}

/**
 * Reads a public key from a SubjectPublicKeyInfo PEM of at most 4,096 characters.
 *
 * @throws {SallyportError} `bad-config` saying what else it is: another kind of key, a private key,
 * damaged, a point of low order.
 */
export function decodePublicKeyPem(text: string): Uint8Array {
  const raw = decodePem(PUBLIC, text);
  try {
    checkPublicKey(raw);
  } catch (cause) {
    if (!(cause instanceof SallyportError)) throw cause;
    throw new SallyportError("bad-config", `Cannot read public key: ${cause.message}`, {
      hint: cause.hint,
      details: cause.details,
      cause,
    });
  }
  return raw;
}
