// The header of a sealed container: 112 bytes, big-endian, all of it associated data of the encryption.
//
// 0    8  magic "SALLYPRT"
// 8    1  format version, 1
// 9    1  purpose: 1 trust list, 2 private key
// 10   1  key derivation: 0 key file, 1 scrypt
// 11   3  log2 N, r and p of scrypt; zero with a key file
// 14   2  zero
// 16  32  salt
// 48  24  nonce
// 72   8  length of what follows the header: ciphertext and tag
// 80  16  key check: tells a wrong passphrase from damage
// 96  16  checksum: the first bytes of SHA3-512(bytes 0 to 95); tells damage from a wrong passphrase
//
// Key check and checksum serve the clear error only. What protects is the tag over everything.
import { ContentError } from "./content_error.ts";
import { escapeText } from "../errors.ts";
import { bytesEqual, sha3_512 } from "./digest.ts";
import { findCostProblem, type ScryptCost } from "./scrypt.ts";
import { XCHACHA_NONCE_BYTES, XCHACHA_TAG_BYTES } from "./xchacha.ts";

/** Says what a container holds, so that one cannot be passed for the other. */
export type SealPurpose = "trust-list" | "private-key";

/** Says why something sealed is refused; it is `details.reason` of the error. */
export type SealProblem =
  | "not-sealed"
  | "version"
  | "purpose"
  | "truncated"
  | "trailing"
  | "damaged"
  | "wrong-passphrase"
  | "wrong-key"
  | "other-key";

/** Holds what a header says. */
export interface SealedHeader {
  /** What the container holds. */
  readonly purpose: SealPurpose;
  /** The cost of scrypt; `undefined` when the key comes from a key file. */
  readonly cost: ScryptCost | undefined;
  /** 32 random bytes, drawn for each key. */
  readonly salt: Uint8Array;
  /** 24 random bytes, drawn for each write. */
  readonly nonce: Uint8Array;
  /** How many bytes follow the header. */
  readonly length: number;
  /** 16 bytes by which a key is recognised. */
  readonly check: Uint8Array;
}

/** How many bytes a header has. */
export const SEALED_HEADER_BYTES = 112;
/** How many bytes a salt has. */
export const SALT_BYTES = 32;
/** How many bytes a key check has. */
export const CHECK_BYTES = 16;
/** How many bytes a container may have: 64 MiB. */
export const MAX_SEALED_BYTES: number = 64 * 1024 * 1024;

const MAGIC = new TextEncoder().encode("SALLYPRT");
const VERSION = 1;
const PURPOSES: readonly SealPurpose[] = ["trust-list", "private-key"];
const KDF_KEY_FILE = 0;
const KDF_SCRYPT = 1;
const AT = { version: 8, purpose: 9, kdf: 10, cost: 11, zero: 14, salt: 16, nonce: 48 } as const;
const AT_LENGTH = 72;
const AT_CHECK = 80;
const AT_CHECKSUM = 96;

const SUBJECTS: Readonly<Record<SealPurpose, string>> = {
  "trust-list": "Cannot open trust list",
  "private-key": "Cannot read private key",
};

const BACKUP_HINT = "Take it from a backup";
const HINTS: Readonly<Record<SealProblem, string>> = {
  "not-sealed": "Pass the sealed file that Sallyport wrote",
  version: "Open it with the version of Sallyport that wrote it",
  purpose: "Pass the other file",
  truncated: BACKUP_HINT,
  trailing: BACKUP_HINT,
  damaged: BACKUP_HINT,
  "wrong-passphrase": "Check the passphrase, and that it belongs to this file",
  "wrong-key": "Check the key file, and that it belongs to this file",
  "other-key": "Derive the key anew from the passphrase or the key file",
};

/** Makes the error for something sealed that cannot be opened. It never quotes from the content. */
export function sealError(
  purpose: SealPurpose,
  reason: SealProblem,
  message: string,
): ContentError {
  return new ContentError(SUBJECTS[purpose], message, {
    // a list is replaced again and again, and what it was is kept
    hint: purpose === "trust-list" && HINTS[reason] === BACKUP_HINT
      ? `${BACKUP_HINT}, or from the file beside it that ends in .previous`
      : HINTS[reason],
    details: { reason, purpose },
  });
}

/** Tells whether bytes begin as a sealed container does; it may be damaged all the same. */
export function isSealed(bytes: Uint8Array): boolean {
  return bytesEqual(bytes.subarray(0, MAGIC.length), MAGIC);
}

/** Writes a header. */
export function encodeSealedHeader(header: SealedHeader): Uint8Array {
  const bytes = new Uint8Array(SEALED_HEADER_BYTES);
  bytes.set(MAGIC);
  bytes[AT.version] = VERSION;
  bytes[AT.purpose] = PURPOSES.indexOf(header.purpose) + 1;
  bytes[AT.kdf] = header.cost === undefined ? KDF_KEY_FILE : KDF_SCRYPT;
  if (header.cost !== undefined) {
    const { logN, r, p } = header.cost;
    bytes.set([logN, r, p], AT.cost);
  }
  bytes.set(header.salt, AT.salt);
  bytes.set(header.nonce, AT.nonce);
  new DataView(bytes.buffer).setBigUint64(AT_LENGTH, BigInt(header.length));
  bytes.set(header.check, AT_CHECK);
  bytes.set(checksum(bytes), AT_CHECKSUM);
  return bytes;
}

/**
 * Reads the header of a container and compares it with the size of the whole: no byte of it is
 * believed before the checksum, and no work is done that it asks for.
 *
 * @throws {SallyportError} `bad-config` with `details.reason` `not-sealed`, `version`, `purpose`,
 * `truncated`, `trailing` or `damaged`.
 */
export function parseSealedHeader(bytes: Uint8Array, purpose: SealPurpose): SealedHeader {
  if (!(bytes instanceof Uint8Array)) throw new TypeError("A sealed container is a Uint8Array");
  const refuse = (reason: SealProblem, message: string): never => {
    throw sealError(purpose, reason, message);
  };
  if (bytes.length < MAGIC.length && bytesEqual(bytes, MAGIC.subarray(0, bytes.length))) {
    refuse("truncated", bytes.length === 0 ? "it is empty" : "it is cut short");
  }
  if (!isSealed(bytes)) refuse("not-sealed", "it is not a sealed file");
  const version = bytes[AT.version];
  if (version !== undefined && version !== VERSION) refuse("version", describeVersion(version));
  if (bytes.length < SEALED_HEADER_BYTES) {
    refuse("truncated", `it is cut short: it has ${bytes.length} bytes, less than its header`);
  }
  if (!bytesEqual(checksum(bytes), bytes.subarray(AT_CHECKSUM, SEALED_HEADER_BYTES))) {
    refuse("damaged", "its header is damaged");
  }
  const found = PURPOSES[bytes[AT.purpose]! - 1];
  if (found !== purpose) {
    refuse("purpose", `it holds a ${escapeText(found?.replace("-", " ") ?? "thing unknown here")}`);
  }
  const header = {
    purpose,
    cost: readCost(bytes, purpose),
    salt: bytes.slice(AT.salt, AT.nonce),
    nonce: bytes.slice(AT.nonce, AT.nonce + XCHACHA_NONCE_BYTES),
    length: readLength(bytes, purpose),
    check: bytes.slice(AT_CHECK, AT_CHECKSUM),
  };
  const present = bytes.length - SEALED_HEADER_BYTES;
  if (present < header.length) {
    refuse("truncated", `it is cut short: ${header.length - present} bytes are missing at its end`);
  }
  if (present > header.length) {
    refuse("trailing", `it has ${present - header.length} bytes too many at its end`);
  }
  return header;
}

function checksum(bytes: Uint8Array): Uint8Array {
  return sha3_512(bytes.subarray(0, AT_CHECKSUM)).subarray(0, SEALED_HEADER_BYTES - AT_CHECKSUM);
}

function describeVersion(version: number): string {
  return version > VERSION
    ? `it is of format version ${version}, newer than version ${VERSION}, which is read here`
    : `it is of format version ${version}, older than version ${VERSION}, which is read here`;
}

// the checksum is no secret: whoever wrote these bytes may be an attacker who computed it

function readCost(bytes: Uint8Array, purpose: SealPurpose): ScryptCost | undefined {
  const damaged = (what: string) => sealError(purpose, "damaged", `its header is wrong: ${what}`);
  const [logN, r, p] = bytes.subarray(AT.cost, AT.zero) as unknown as [number, number, number];
  if (bytes.subarray(AT.zero, AT.salt).some((byte) => byte !== 0)) {
    throw damaged("reserved bytes are not zero");
  }
  if (bytes[AT.kdf] === KDF_KEY_FILE) {
    if (logN === 0 && r === 0 && p === 0) return undefined;
    throw damaged("it has costs, though a key file opens it");
  }
  if (bytes[AT.kdf] !== KDF_SCRYPT) throw damaged(`its key derivation ${bytes[AT.kdf]} is unknown`);
  // an attacker who swaps the file must not make its reader spend hours or all memory
  const problem = findCostProblem({ logN, r, p });
  if (problem !== undefined) throw damaged(problem);
  return { logN, r, p };
}

function readLength(bytes: Uint8Array, purpose: SealPurpose): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(AT_LENGTH);
  const most = MAX_SEALED_BYTES - SEALED_HEADER_BYTES;
  if (length >= BigInt(XCHACHA_TAG_BYTES) && length <= BigInt(most)) return Number(length);
  throw sealError(
    purpose,
    "damaged",
    `its header is wrong: ${length} bytes are not from ${XCHACHA_TAG_BYTES} to ${most}`,
  );
}
