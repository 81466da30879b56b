/**
 * Ed25519 keys as PEM (RFC 7468): PKCS#8 and SubjectPublicKeyInfo, as `openssl` writes and reads them.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { escapeText, SallyportError } from "../errors.ts";
import { KEY_BYTES, nameAlgorithm, PKCS8_PREFIX, SPKI_PREFIX, unwrapKey, wrapKey } from "./der.ts";
import { checkPublicKey } from "./ed25519.ts";

/** How many characters the text of a key may have. */
const MAX_PEM_CHARACTERS = 4_096;
const LINE_CHARACTERS = 64;

interface Form {
  label: "PRIVATE KEY" | "PUBLIC KEY";
  name: "private key" | "public key";
  prefix: Uint8Array;
}

const PRIVATE: Form = { label: "PRIVATE KEY", name: "private key", prefix: PKCS8_PREFIX };
const PUBLIC: Form = { label: "PUBLIC KEY", name: "public key", prefix: SPKI_PREFIX };

const NEW_KEY_HINT = "Make an Ed25519 key with `keygen` or `openssl genpkey -algorithm ed25519`";

// No message may quote from the body: it may be a secret.
function refuse(form: Form, problem: string, hint: string): never {
  throw new SallyportError("bad-config", `Cannot read ${form.name}: ${problem}`, { hint });
}

function refuseLabel(form: Form, label: string): never {
  if (label === PUBLIC.label) {
    refuse(form, "it is a public key", "Pass the file with the private key, such as NAME.key");
  }
  if (label === PRIVATE.label) {
    refuse(form, "it is a private key", "Pass the file with the public key, such as NAME.pub");
  }
  if (label === "ENCRYPTED PRIVATE KEY") {
    const hint = form === PRIVATE
      ? "Decrypt it with `openssl pkey -in FILE -out NEW_FILE`"
      : "Pass the file with the public key, such as NAME.pub";
    refuse(form, "it is an encrypted private key", hint);
  }
  const shown = escapeText(label, 64);
  if (label.startsWith("OPENSSH ")) refuse(form, "it is in the format of OpenSSH", NEW_KEY_HINT);
  if (label.endsWith(" KEY")) refuse(form, `it is of kind "${shown}", not Ed25519`, NEW_KEY_HINT);
  refuse(form, `it holds "${shown}", not a key`, `Pass a PEM file with "${form.label}"`);
}

function decodeBody(form: Form, body: string): Uint8Array {
  const base64 = body.replace(/[ \t\r\n]+/g, "");
  const hint = "Copy the whole file again, or write it anew with `openssl pkey`";
  try {
    const der = decodeBase64(base64);
    // one text for one key: no missing padding, no spare bits
    if (encodeBase64(der) === base64) return der;
  } catch {
    // its error quotes a character of the body
  }
  refuse(form, "what is between its BEGIN and END lines is not base64", hint);
}

function decodePem(form: Form, text: string): Uint8Array {
  if (typeof text !== "string") throw new TypeError("PEM must be a string");
  if (text.length > MAX_PEM_CHARACTERS) {
    const problem =
      `it has ${text.length} characters, more than the ${MAX_PEM_CHARACTERS} that are read`;
    refuse(form, problem, `Pass a PEM file with one "${form.label}"`);
  }
  const labels = [...text.matchAll(/-----BEGIN ([^\r\n]*?)-----/g)].map((match) => match[1]!);
  if (labels.length === 0) {
    refuse(form, 'it has no "-----BEGIN" line', `Pass a PEM file with "${form.label}"`);
  }
  if (labels.length > 1) {
    refuse(form, `it holds ${labels.length} PEM blocks`, `Pass a file with one "${form.label}"`);
  }
  const label = labels[0]!;
  if (label !== form.label) refuseLabel(form, label);
  const block = /^\s*-----BEGIN ([A-Z ]+)-----[ \t]*\r?\n([^-]*)-----END \1-----\s*$/.exec(text);
  if (block === null) {
    const hint = "Remove what is before and after the PEM block, and complete its END line";
    refuse(form, "it is not one whole PEM block", hint);
  }
  const der = decodeBody(form, block[2]!);
  const key = unwrapKey(form.prefix, der);
  if (key !== undefined) return key;
  const algorithm = nameAlgorithm(der);
  if (algorithm === undefined) refuse(form, "its DER is not that of an Ed25519 key", NEW_KEY_HINT);
  if (algorithm !== "Ed25519") {
    const article = /^[AEX]|^RSA/.test(algorithm) ? "an" : "a";
    refuse(form, `it is ${article} ${algorithm} key, not Ed25519`, NEW_KEY_HINT);
  }
  // Version 2 carries the public key too; neither openssl nor WebCrypto write it, so it is no use here.
  const wanted = form === PRIVATE
    ? "PKCS#8 version 1 (RFC 8410, section 7) without more than the key"
    : "SubjectPublicKeyInfo (RFC 8410, section 4)";
  const hint = `Write it again with a tool that knows that form, or: ${NEW_KEY_HINT}`;
  refuse(form, `it is an Ed25519 key, but not in the form ${wanted}`, hint);
}

function encodePem(form: Form, key: Uint8Array): string {
  if (!(key instanceof Uint8Array)) throw new TypeError(`The ${form.name} must be a Uint8Array`);
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`The ${form.name} must have ${KEY_BYTES} bytes: received ${key.length}`);
  }
  const body = encodeBase64(wrapKey(form.prefix, key));
  const lines = body.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, "g"))!;
  return `-----BEGIN ${form.label}-----\n${lines.join("\n")}\n-----END ${form.label}-----\n`;
}

/**
 * Writes a seed as a PKCS#8 PEM, unencrypted: keep the file to its owner (mode 0600).
 *
 * @param seed The 32 secret bytes.
 * @returns The text, with a line end.
 * @throws {TypeError | RangeError} When it is not 32 bytes.
 */
export function encodePrivateKeyPem(seed: Uint8Array): string {
  return encodePem(PRIVATE, seed);
}

/**
 * Reads the seed from a PKCS#8 PEM of at most 4,096 characters. No error quotes from the key.
 *
 * @param text The PEM.
 * @returns The 32 secret bytes.
 * @throws {SallyportError} `bad-config` saying what else it is: another kind of key, encrypted, a
 * public key, damaged.
 */
export function decodePrivateKeyPem(text: string): Uint8Array {
  return decodePem(PRIVATE, text);
}

/**
 * Writes a public key as a SubjectPublicKeyInfo PEM.
 *
 * @param raw The 32 bytes.
 * @returns The text, with a line end.
 * @throws {TypeError | RangeError} When it is not 32 bytes.
 */
export function encodePublicKeyPem(raw: Uint8Array): string {
  return encodePem(PUBLIC, raw);
}

/**
 * Reads a public key from a SubjectPublicKeyInfo PEM of at most 4,096 characters.
 *
 * @param text The PEM.
 * @returns The 32 bytes, checked to be a key that an honest signer can have.
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
