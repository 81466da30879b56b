// The key that signs the checkpoints of an audit log.
import type { KeyObject } from "node:crypto";
import { writeNewFile } from "../../io/durable_file.ts";
import { nodeCrypto } from "../../node.ts";
import { bytesEqual } from "../../crypto/digest.ts";
import { generateKeyPair, getPublicKey, importSigner, keyId } from "../../crypto/ed25519.ts";
import {
  decodePrivateKeyPem,
  decodePublicKeyPem,
  encodePrivateKeyPem,
  encodePublicKeyPem,
} from "../../crypto/pem.ts";
import { SallyportError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { listChains, PRIVATE_KEY_FILE, PUBLIC_KEY_FILE, readSmall, syncFolder } from "./folder.ts";
import type { LaterSigner, Signer } from "./line.ts";

const MAX_KEY_BYTES = 4_096;

/** Holds the key of a log. */
export interface SigningKey {
  /** The first 16 hex digits of the SHA3-512 of the public key. */
  readonly id: string;
  readonly publicKey: Uint8Array;
  /** Signs at once: a checkpoint must follow the line that it signs, with nothing in between. */
  readonly sign: Signer;
  /** Signs what nothing can come in between of, which takes less to be loaded. */
  readonly signLater: LaterSigner;
  /** When its file was written. */
  readonly since: Date | null;
}

/** Opens the key of an audit folder, and makes it when the folder is new. */
export async function openSigningKey(dir: string, logger: Logger): Promise<SigningKey> {
  const path = `${dir}/${PRIVATE_KEY_FILE}`;
  let text = readKeyFile(path);
  if (text === undefined) {
    const used = (await listChains(dir)).numbers.length > 0 || readPublicKey(dir) !== undefined;
    // looked for again: another host may have made all of it meanwhile
    text = used ? readKeyFile(path) : await makeKey(dir, path);
    if (text === undefined) {
      throw new SallyportError("bad-config", `Cannot open audit log "${dir}": its key is missing`, {
        hint: `Put ${PRIVATE_KEY_FILE} back, or move the folder away so that a new log begins`,
      });
    }
  }
  const { mode, mtime: since } = await Deno.stat(path);
  if (mode !== null && (mode & 0o077) !== 0) {
    const shown = (mode & 0o777).toString(8);
    logger.warn("Others than the owner can read the key of the audit log", { path, mode: shown });
  }
  const pem = text;
  const seed = decodePrivateKeyPem(pem);
  const publicKey = await getPublicKey(seed);
  const signLater = await importSigner(seed);
  seed.fill(0);
  const written = readPublicKey(dir);
  if (written === undefined) {
    const temporary = `${dir}/${PUBLIC_KEY_FILE}.${crypto.randomUUID()}`;
    await writeNewFile(temporary, encodePublicKeyPem(publicKey), { mode: 0o644 });
    await Deno.rename(temporary, `${dir}/${PUBLIC_KEY_FILE}`).catch((error) => {
      if (readPublicKey(dir) === undefined) throw error; // as above
    });
    await syncFolder(dir);
  } else if (!bytesEqual(written, publicKey)) {
    throw new SallyportError(
      "bad-config",
      `Cannot open audit log "${dir}": ${PUBLIC_KEY_FILE} is not the key of ${PRIVATE_KEY_FILE}`,
      { hint: "Find out who replaced a key, then move the folder away so that a new log begins" },
    );
  }
  let key: KeyObject | undefined;
  const sign: Signer = (message) => {
    key ??= nodeCrypto().createPrivateKey(pem);
    return nodeCrypto().sign(null, message, key);
  };
  return { id: keyId(publicKey), publicKey, since, sign, signLater };
}

/** Reads the public key of an audit folder; `undefined` when the file is not there. */
export function readPublicKey(dir: string): Uint8Array | undefined {
  const text = readKeyFile(`${dir}/${PUBLIC_KEY_FILE}`);
  return text === undefined ? undefined : decodePublicKeyPem(text);
}

/** Makes the key under another name and links it, so that of two hosts only one makes it. */
async function makeKey(dir: string, path: string): Promise<string> {
  const { privateKey } = await generateKeyPair();
  const temporary = `${path}.${crypto.randomUUID()}`;
  try {
    await writeNewFile(temporary, encodePrivateKeyPem(privateKey), { mode: 0o600 });
    // another host may have made one meanwhile, and swept ours away
    await Deno.link(temporary, path).catch((error) => {
      if (readKeyFile(path) === undefined) throw error;
    });
    await syncFolder(dir);
  } finally {
    privateKey.fill(0);
    await Deno.remove(temporary).catch(() => {}); // a full disk: it was never made
  }
  return (readKeyFile(path))!;
}

function readKeyFile(path: string): string | undefined {
  const bytes = readSmall(path, MAX_KEY_BYTES);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
