// Private keys sealed with a passphrase, as text: a sealed container in a PEM-like block.
import { ContentError } from "./content_error.ts";
import { KEY_BYTES } from "./der.ts";
import { decodePemBlock, encodePemBlock, type PemForm } from "./pem_block.ts";
import { openSealed, SealingKey, type SealingKeyOptions, type SealSecret } from "./sealed.ts";

const SEALED: PemForm = { label: "SALLYPORT SEALED PRIVATE KEY", name: "private key" };

/** Tells whether a text claims to hold a sealed private key. */
export function isSealedKeyPem(text: string): boolean {
  return text.includes(`-----BEGIN ${SEALED.label}-----`);
}

/**
 * Seals a seed.
 *
 * @throws {TypeError | RangeError} When seed, secret or cost are out of range.
 */
export async function encodeSealedKeyPem(
  seed: Uint8Array,
  secret: SealSecret,
  options: SealingKeyOptions = {},
): Promise<string> {
  if (!(seed instanceof Uint8Array)) throw new TypeError("The private key must be a Uint8Array");
  if (seed.length !== KEY_BYTES) {
    throw new RangeError(`The private key must have ${KEY_BYTES} bytes: received ${seed.length}`);
  }
  const key = await SealingKey.create(secret, options);
  return encodePemBlock(SEALED.label, key.seal(seed, "private-key"));
}

/**
 * Opens a sealed private key. No error quotes from it.
 *
 * @throws {SallyportError} `bad-config` saying what else it is, or with `details.reason`
 * `wrong-passphrase`, `wrong-key`, `version`, `purpose`, `truncated`, `trailing` or `damaged`.
 * @throws {TypeError | RangeError} When the secret is out of range.
 */
export async function decodeSealedKeyPem(text: string, secret: SealSecret): Promise<Uint8Array> {
  const bytes = decodePemBlock(SEALED, text);
  const { plaintext } = await openSealed(bytes, secret, "private-key");
  if (plaintext.length === KEY_BYTES) return plaintext;
  throw new ContentError("Cannot read private key", "it does not hold 32 bytes", {
    hint: "Make a new key with `keygen`",
    details: { reason: "damaged" },
  });
}
