// Keys read from files, with a size cap; private ones may be sealed with a passphrase.
import { basename } from "node:path";
import { encodeHex } from "@std/encoding/hex";
import { ContentError } from "../../crypto/content_error.ts";
import { decodePrivateKeyPem } from "../../crypto/pem.ts";
import { decodeSealedKeyPem, isSealedKeyPem } from "../../crypto/sealed_key.ts";
import { readSmallFile } from "../../host/settings/config_files.ts";
import { parsePublicKey } from "../../trust/keys/keys.ts";
import type { CliContext } from "./context.ts";
import { warnIfOpenToOthers } from "./files.ts";
import { isWrongPassphrase, openByPrompt, readPassphrase } from "./secrets.ts";

export interface NamedPublicKey {
  readonly hex: string;
  /** What its file is called, without `.pub`; a key in hex has no name. */
  readonly name?: string;
}

const MAX_KEY_FILE_BYTES = 4_096;

export async function readPublicKey(text: string): Promise<NamedPublicKey> {
  if (/^[0-9a-f]{64}$/i.test(text)) return { hex: encodeHex(parsePublicKey(text).raw) };
  const content = await readSmallFile(text, MAX_KEY_FILE_BYTES, "the public key");
  const name = basename(text, ".pub");
  return { hex: encodeHex(parsePublicKey(content, name).raw), name };
}

/** Reads private keys, and warns of those that others may use; sealed ones are opened by a passphrase. */
export async function readPrivateKeys(
  paths: readonly string[],
  passphraseFiles: readonly string[],
  option: string,
  context: CliContext,
): Promise<Uint8Array[]> {
  const passphrases: string[] = [];
  for (const path of passphraseFiles) passphrases.push(await readPassphrase(path, context));
  const seeds: Uint8Array[] = [];
  for (const path of paths) {
    const text = await readSmallFile(path, MAX_KEY_FILE_BYTES, "the private key");
    try {
      seeds.push(
        isSealedKeyPem(text)
          ? await openSealed(text, path, passphrases, option, context)
          : decodePrivateKeyPem(text),
      );
    } catch (error) {
      throw error instanceof ContentError
        ? error.about("Cannot read the private key", path)
        : error;
    }
    await warnIfOpenToOthers(path, "the private key", context.output);
  }
  return seeds;
}

/** Tries each passphrase; without one a person is asked. */
async function openSealed(
  text: string,
  path: string,
  passphrases: readonly string[],
  option: string,
  context: CliContext,
): Promise<Uint8Array> {
  const open = (passphrase: string) => decodeSealedKeyPem(text, { passphrase });
  for (const [index, passphrase] of passphrases.entries()) {
    try {
      return await open(passphrase);
    } catch (error) {
      if (!isWrongPassphrase(error) || index === passphrases.length - 1) throw error;
    }
  }
  return await openByPrompt(context, `"${path}"`, open, option);
}
