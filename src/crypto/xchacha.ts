// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): authenticated encryption with a nonce of 24 bytes,
// long enough to be drawn at random for every message.
//
// Noble encrypts. Decryption derives the subkey with noble's HChaCha20 and leaves the rest to the
// runtime's ChaCha20-Poly1305 (RFC 8439), which is ten times as fast on a large list; so what one
// implementation has written, another one reads.
import { hchacha, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { nodeCrypto } from "../node.ts";
import { SallyportError } from "../errors.ts";

/** How many bytes a key has. */
export const XCHACHA_KEY_BYTES = 32;
/** How many bytes a nonce has. */
export const XCHACHA_NONCE_BYTES = 24;
/** How many bytes the ciphertext is longer than the plaintext. */
export const XCHACHA_TAG_BYTES = 16;

// "expand 32-byte k", as the four words that ChaCha's state begins with
const SIGMA = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);
const HCHACHA_NONCE_BYTES = 16;

/**
 * Encrypts and authenticates.
 *
 * @throws {TypeError | RangeError} When key or nonce have another length, or anything is no bytes.
 */
export function encrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associated: Uint8Array,
): Uint8Array {
  checkArguments(key, nonce, plaintext, associated);
  return xchacha20poly1305(key, nonce, associated).encrypt(plaintext);
}

/**
 * Decrypts what is authentic, and gives nothing of what is not.
 *
 * @throws {SallyportError} `bad-config` with `details.reason` `damaged` when any bit of key, nonce,
 * ciphertext, tag or associated data is another one, or the ciphertext is shorter than a tag.
 * @throws {TypeError | RangeError} When key or nonce have another length, or anything is no bytes.
 */
export function decrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
  associated: Uint8Array,
): Uint8Array {
  checkArguments(key, nonce, ciphertext, associated);
  const length = ciphertext.length - XCHACHA_TAG_BYTES;
  if (length < 0) throw notAuthentic();
  const subkey = deriveSubkey(key, nonce.subarray(0, HCHACHA_NONCE_BYTES));
  const iv = new Uint8Array(12);
  iv.set(nonce.subarray(HCHACHA_NONCE_BYTES), 4);
  try {
    const decipher = nodeCrypto().createDecipheriv("chacha20-poly1305", subkey, iv, {
      authTagLength: XCHACHA_TAG_BYTES,
    });
    decipher.setAAD(associated, { plaintextLength: length });
    decipher.setAuthTag(ciphertext.subarray(length));
    const plaintext = decipher.update(ciphertext.subarray(0, length));
    decipher.final(); // throws on another tag: not one byte leaves before that
    return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
  } catch {
    throw notAuthentic();
  } finally {
    subkey.fill(0);
  }
}

/** HChaCha20 (section 2.2): the key for one nonce's first 16 bytes. */
function deriveSubkey(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const output = new Uint32Array(8);
  hchacha(SIGMA, readWords(key), readWords(nonce), output);
  const subkey = new Uint8Array(output.length * 4);
  const view = new DataView(subkey.buffer);
  for (const [index, word] of output.entries()) view.setUint32(index * 4, word, true);
  output.fill(0);
  return subkey;
}

function readWords(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from(
    { length: bytes.length / 4 },
    (_, index) => view.getUint32(4 * index, true),
  );
}

function notAuthentic(): SallyportError {
  return new SallyportError("bad-config", "Cannot decrypt: the authentication tag does not match", {
    hint: "It was damaged or changed, or sealed with another key",
    details: { reason: "damaged" },
  });
}

function checkArguments(
  key: Uint8Array,
  nonce: Uint8Array,
  text: Uint8Array,
  associated: Uint8Array,
): void {
  for (const [name, value] of Object.entries({ key, nonce, text, associated })) {
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`Argument ${name} must be a Uint8Array`);
    }
  }
  if (key.length !== XCHACHA_KEY_BYTES) {
    throw new RangeError(`Key must have ${XCHACHA_KEY_BYTES} bytes: received ${key.length}`);
  }
  if (nonce.length !== XCHACHA_NONCE_BYTES) {
    throw new RangeError(`Nonce must have ${XCHACHA_NONCE_BYTES} bytes: received ${nonce.length}`);
  }
}
