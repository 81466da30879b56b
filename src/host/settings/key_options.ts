// The option that names the trusted keys.
import { basename } from "node:path";
import { SallyportError } from "../../errors.ts";
import { findOpenToOthers } from "../../io/open_to_others.ts";
import type { Logger } from "../../log.ts";
import { parsePublicKey, type PublicKey } from "../../trust/keys/keys.ts";
import { readSmallFile, toPath, warnOpenToOthers } from "./config_files.ts";

/** A public key: 64 hex digits, an SPKI PEM, or the path of a file with either. */
export type KeyOption =
  | string
  | URL
  | { readonly publicKey: string | URL; readonly name?: string };

const MAX_KEY_FILE_BYTES = 4_096;

/** Returns the path of a key that was named by one. */
export function keyPath(key: KeyOption): string | undefined {
  if (typeof key === "object" && key !== null && !(key instanceof URL)) {
    return keyPath(key.publicKey);
  }
  const isKey = typeof key === "string" &&
    (key.includes("-----BEGIN") || /^\s*[0-9a-f]*\s*$/i.test(key));
  return isKey ? undefined : toPath(typeof key === "string" ? key.trim() : key);
}

/** Reads a key, from its file where a path names it. */
export async function readKey(
  key: KeyOption,
  logger: Logger,
): Promise<PublicKey> {
  if (typeof key === "object" && key !== null && !(key instanceof URL)) {
    const parsed = await readKey(key.publicKey, logger);
    return key.name === undefined ? parsed : { ...parsed, name: key.name };
  }
  const text = typeof key === "string" ? key.trim() : key;
  if (typeof text === "string" && (/^[0-9a-f]{64}$/i.test(text) || text.includes("-----BEGIN"))) {
    return parsePublicKey(text);
  }
  if (typeof text === "string" && /^[0-9a-f]*$/i.test(text)) {
    throw new SallyportError(
      "bad-config",
      `Cannot read public key "${text.slice(0, 80)}": ${text.length} hex digits, not 64`,
      { hint: "Pass 64 hex digits, an SPKI PEM, or the path of a .pub file" },
    );
  }
  const path = toPath(text);
  const name = basename(path, ".pub");
  const content = await readSmallFile(path, MAX_KEY_FILE_BYTES, "the public key");
  warnOpenToOthers(logger, "a trusted key", findOpenToOthers(path));
  return parsePublicKey(content, name);
}
