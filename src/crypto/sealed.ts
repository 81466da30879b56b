// Sealed containers: a secret in one opaque run of bytes, encrypted and authenticated under a passphrase
// or a key file (XChaCha20-Poly1305, scrypt, HKDF-SHA-512).
import { bytesEqual } from "./digest.ts";
import { hkdfSha512 } from "./hkdf.ts";
import {
  checkPassphrase,
  DEFAULT_SCRYPT_COST,
  deriveWithScrypt,
  findCostProblem,
  type ScryptCost,
} from "./scrypt.ts";
import {
  CHECK_BYTES,
  encodeSealedHeader,
  MAX_SEALED_BYTES,
  parseSealedHeader,
  SALT_BYTES,
  SEALED_HEADER_BYTES,
  type SealedHeader,
  sealError,
  type SealPurpose,
} from "./sealed_header.ts";
import {
  decrypt,
  encrypt,
  XCHACHA_KEY_BYTES,
  XCHACHA_NONCE_BYTES,
  XCHACHA_TAG_BYTES,
} from "./xchacha.ts";

export { isSealed, MAX_SEALED_BYTES, type SealProblem, type SealPurpose } from "./sealed_header.ts";

/**
 * Opens a container: a passphrase, or the 32 bytes of a key file.
 *
 * @category Trust
 */
export type SealSecret = { readonly passphrase: string } | { readonly key: Uint8Array };

/** Options of {@linkcode SealingKey.create}. */
export interface SealingKeyOptions {
  /**
   * The base-2 logarithm of scrypt's N, 10 to 19: one more doubles time and memory. Has no effect on a
   * key file.
   *
   * @default {17}
   */
  logN?: number;
}

/** How many bytes a key file has. */
const KEY_FILE_BYTES = 32;
const ENCRYPTION_INFO = "sallyport sealed container v1: encryption";
const CHECK_INFO = "sallyport sealed container v1: key check";

/**
 * Holds a derived key with its salt and its cost.
 *
 * To derive it takes about half a second with scrypt, so keep it to read and rewrite a container.
 */
export class SealingKey {
  readonly #encryption: Uint8Array;
  readonly #check: Uint8Array;
  readonly #salt: Uint8Array;
  readonly #cost: ScryptCost | undefined;

  private constructor(master: Uint8Array, salt: Uint8Array, cost: ScryptCost | undefined) {
    this.#encryption = hkdfSha512(master, salt, ENCRYPTION_INFO, XCHACHA_KEY_BYTES);
    this.#check = hkdfSha512(master, salt, CHECK_INFO, CHECK_BYTES);
    this.#salt = salt;
    this.#cost = cost;
  }

  /**
   * Derives a key for a new container, with a salt of its own.
   *
   * @throws {TypeError | RangeError} When the secret or the cost is out of range.
   */
  static async create(secret: SealSecret, options: SealingKeyOptions = {}): Promise<SealingKey> {
    checkSecret(secret);
    const cost = { ...DEFAULT_SCRYPT_COST, logN: options.logN ?? DEFAULT_SCRYPT_COST.logN };
    const problem = findCostProblem(cost);
    if (problem !== undefined) throw new RangeError(`Option "logN" is out of range: ${problem}`);
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    return await SealingKey.#derive(secret, salt, "key" in secret ? undefined : cost);
  }

  /**
   * Derives the key of a container that is there.
   *
   * @throws {SallyportError} `bad-config` with `details.reason`: `wrong-passphrase` or `wrong-key`, or
   * what is wrong with the container (`not-sealed`, `version`, `purpose`, `truncated`, `trailing`,
   * `damaged`), which is found before any work is done.
   * @throws {TypeError | RangeError} When the secret is out of range.
   */
  static async forSealed(
    bytes: Uint8Array,
    secret: SealSecret,
    purpose: SealPurpose,
  ): Promise<SealingKey> {
    checkSecret(secret);
    const { cost, salt, check } = parseSealedHeader(bytes, purpose);
    const reason = "key" in secret ? "wrong-key" : "wrong-passphrase";
    if (cost === undefined && "passphrase" in secret) {
      throw sealError(purpose, reason, "a key file opens it, not a passphrase");
    }
    if (cost !== undefined && "key" in secret) {
      throw sealError(purpose, reason, "a passphrase opens it, not a key file");
    }
    const key = await SealingKey.#derive(secret, salt, cost);
    if (bytesEqual(key.#check, check)) return key;
    const what = "key" in secret ? "key" : "passphrase";
    throw sealError(purpose, reason, `the ${what} is wrong`);
  }

  static async #derive(
    secret: SealSecret,
    salt: Uint8Array,
    cost: ScryptCost | undefined,
  ): Promise<SealingKey> {
    if ("key" in secret) return new SealingKey(secret.key, salt, undefined);
    const master = await deriveWithScrypt(secret.passphrase, salt, cost!);
    try {
      return new SealingKey(master, salt, cost);
    } finally {
      master.fill(0);
    }
  }

  /**
   * Tells whether a container was sealed with this key, by its salt, cost and key check.
   *
   * @throws {SallyportError} `bad-config` when it is no whole container for that purpose.
   */
  matches(bytes: Uint8Array, purpose: SealPurpose): boolean {
    return this.#matches(parseSealedHeader(bytes, purpose));
  }

  #matches({ cost, salt, check }: SealedHeader): boolean {
    return cost?.logN === this.#cost?.logN && cost?.r === this.#cost?.r &&
      cost?.p === this.#cost?.p && bytesEqual(salt, this.#salt) && bytesEqual(check, this.#check);
  }

  /**
   * Seals a plaintext, each time with a fresh random nonce.
   *
   * @throws {TypeError | RangeError} When the plaintext is no bytes or too long.
   */
  seal(plaintext: Uint8Array, purpose: SealPurpose): Uint8Array {
    if (!(plaintext instanceof Uint8Array)) throw new TypeError("Plaintext must be a Uint8Array");
    const length = plaintext.length + XCHACHA_TAG_BYTES;
    if (SEALED_HEADER_BYTES + length > MAX_SEALED_BYTES) {
      throw new RangeError(
        `Plaintext must have at most ${
          MAX_SEALED_BYTES - SEALED_HEADER_BYTES - XCHACHA_TAG_BYTES
        } bytes: received ${plaintext.length}`,
      );
    }
    // a nonce that is used twice gives both plaintexts away: never a counter that a backup sets back
    const nonce = crypto.getRandomValues(new Uint8Array(XCHACHA_NONCE_BYTES));
    const header = encodeSealedHeader({
      purpose,
      cost: this.#cost,
      salt: this.#salt,
      nonce,
      length,
      check: this.#check,
    });
    const bytes = new Uint8Array(SEALED_HEADER_BYTES + length);
    bytes.set(header);
    bytes.set(encrypt(this.#encryption, nonce, plaintext, header), SEALED_HEADER_BYTES);
    return bytes;
  }

  /**
   * Opens a container that was sealed with this key, without deriving anything.
   *
   * @throws {SallyportError} `bad-config` with `details.reason`: `other-key` when it was sealed with
   * another key (then {@linkcode openSealed} derives it), or what is wrong with the container
   * (`not-sealed`, `version`, `purpose`, `truncated`, `trailing`, `damaged`).
   */
  open(bytes: Uint8Array, purpose: SealPurpose): Uint8Array {
    const header = parseSealedHeader(bytes, purpose);
    if (!this.#matches(header)) {
      throw sealError(purpose, "other-key", "it is sealed with another key than before");
    }
    const associated = bytes.subarray(0, SEALED_HEADER_BYTES);
    try {
      return decrypt(
        this.#encryption,
        header.nonce,
        bytes.subarray(SEALED_HEADER_BYTES),
        associated,
      );
    } catch {
      throw sealError(purpose, "damaged", "its content is damaged or was changed");
    }
  }
}

/**
 * Derives a container's key and opens it.
 *
 * @throws {SallyportError} `bad-config` with `details.reason`; see {@linkcode SealingKey.forSealed}.
 * @throws {TypeError | RangeError} When the secret is out of range.
 */
export async function openSealed(
  bytes: Uint8Array,
  secret: SealSecret,
  purpose: SealPurpose,
): Promise<{ plaintext: Uint8Array; key: SealingKey }> {
  const key = await SealingKey.forSealed(bytes, secret, purpose);
  return { plaintext: key.open(bytes, purpose), key };
}

function checkSecret(secret: SealSecret): void {
  if ("passphrase" in secret === "key" in secret) {
    throw new TypeError("A secret has either a passphrase or a key");
  }
  if ("passphrase" in secret) return checkPassphrase(secret.passphrase);
  if (!(secret.key instanceof Uint8Array)) throw new TypeError("A key must be a Uint8Array");
  if (secret.key.length !== KEY_FILE_BYTES) {
    throw new RangeError(`A key must have ${KEY_FILE_BYTES} bytes: received ${secret.key.length}`);
  }
}
