// The files that open a trust list: with a passphrase, or with a key.
import { escapeText, SallyportError } from "../../errors.ts";
import { readNamedFile, UnreadableFile } from "../../io/named_file.ts";

/** How many bytes a file with a passphrase may have. */
export const MAX_PASSPHRASE_FILE_BYTES = 4_096;

const KEY_BYTES = 32;

/**
 * Reads a passphrase from a file.
 *
 * @throws {SallyportError} `bad-config` when it cannot be read, is empty or is anything else.
 */
export async function readPassphraseFile(path: string): Promise<string> {
  return passphraseOf(await readUpTo(path, "passphrase file"), path);
}

/** Reads a passphrase as {@linkcode readPassphraseFile} does; `path` is for messages. */
export function passphraseOf(bytes: Uint8Array, path: string): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refuse("passphrase file", path, "it is not UTF-8", "Write the passphrase as UTF-8");
  }
  const passphrase = text.replace(/\r?\n$/, "");
  if (passphrase !== "") return passphrase;
  throw refuse("passphrase file", path, "it is empty", "Write the passphrase into it");
}

/**
 * Reads a key from a file.
 *
 * @throws {SallyportError} `bad-config` when it cannot be read or is anything else.
 */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  const bytes = await readUpTo(path, "key file");
  if (bytes.length === KEY_BYTES) return bytes;
  throw refuse(
    "key file",
    path,
    `it has ${bytes.length} bytes instead of ${KEY_BYTES}`,
    "Pass the file of 32 random bytes that the list was sealed with",
  );
}

async function readUpTo(path: string, what: string): Promise<Uint8Array> {
  try {
    return await readNamedFile(path, MAX_PASSPHRASE_FILE_BYTES);
  } catch (cause) {
    const reason = cause instanceof Error ? escapeText(cause.message, 300) : "see the cause";
    const why = cause instanceof UnreadableFile ? cause.reason : undefined;
    const hint = why === "too-large"
      ? `Check that it is the ${what}`
      : why === "special"
      ? "Name a regular file, or a link to one"
      : "Check the path and that it may be read";
    throw refuse(what, path, reason, hint, cause);
  }
}

// no message quotes from the content
function refuse(
  what: string,
  path: string,
  detail: string,
  hint: string,
  cause?: unknown,
): SallyportError {
  return new SallyportError(
    "bad-config",
    `Cannot read ${what} "${escapeText(path, 500)}": ${detail}`,
    { hint, details: { path }, cause },
  );
}
