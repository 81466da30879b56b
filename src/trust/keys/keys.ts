// Public keys as operators give them.
import { decodeHex } from "@std/encoding/hex";
import { checkPublicKey, keyId } from "../../crypto/ed25519.ts";
import { decodePublicKeyPem } from "../../crypto/pem.ts";
import { escapeText, SallyportError } from "../../errors.ts";

/** An Ed25519 public key that passed {@linkcode parsePublicKey}. */
export interface PublicKey {
  /** The first 16 hex digits of the SHA3-512 of the key. */
  readonly id: string;
  /** The 32 bytes of the key. */
  readonly raw: Uint8Array;
  /** What the operator calls it. */
  readonly name?: string;
}

/**
 * Parses a public key: 64 hex digits, or an SPKI PEM as `openssl` writes it.
 *
 * @throws {SallyportError} `bad-config` when it is neither, or a key that no honest signer has: one
 * that is not canonical, or of low order, under which anyone can sign.
 */
export function parsePublicKey(input: string, name?: string): PublicKey {
  const text = input.trim();
  const label = name === undefined ? "" : ` "${escapeText(name, 100)}"`;
  try {
    const raw = text.includes("-----BEGIN") ? decodePublicKeyPem(text) : decodeRaw(text);
    checkPublicKey(raw);
    return Object.freeze({ id: keyId(raw), raw, ...(name === undefined ? {} : { name }) });
  } catch (cause) {
    if (!(cause instanceof SallyportError)) throw cause;
    throw new SallyportError("bad-config", `Cannot trust public key${label}: ${cause.message}`, {
      hint: cause.hint,
      details: cause.details,
      cause,
    });
  }
}

function decodeRaw(text: string): Uint8Array {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return decodeHex(text.toLowerCase());
  // never quoted: whoever mistakes the files must not find a secret in a log
  throw new SallyportError(
    "bad-config",
    `Cannot read public key: ${text.length} characters that are neither 64 hex digits nor a PEM`,
    { hint: "Give the key in hex as `keygen` printed it, or the text of its .pub file" },
  );
}
