// The options that name a trust list and what opens it.
import type { RootReference } from "../../trust/root/root_chain.ts";
import { refuseUnknown } from "./known_options.ts";
import { resolve } from "node:path";
import type { SealSecret } from "../../crypto/sealed.ts";
import { SallyportError } from "../../errors.ts";
import { readKeyFile, readPassphraseFile } from "../../trust/sealed/secret_files.ts";
import { findOpenToOthers } from "../../io/open_to_others.ts";
import { type Logger, silentLogger } from "../../log.ts";
import { toPath, warnOpenToOthers } from "./config_files.ts";

/**
 * Names a trust list and what opens it: exactly one of passphrase file, key file, passphrase and key.
 *
 * @category Host
 */
export interface TrustListOptions {
  /** The file of the list; the host follows what becomes of it. */
  file: string | URL;
  /** A text file with the passphrase; one newline at its end does not belong to it. */
  passphraseFile?: string | URL;
  /** A file with the 32 bytes of the key. */
  keyFile?: string | URL;
  /** The passphrase itself. */
  passphrase?: string;
  /** The 32 bytes of the key themselves. */
  key?: Uint8Array;
  /**
   * Whether versions may load that are older than what this host has run before: all plugins, or
   * those named. The list's own minimum versions hold all the same.
   *
   * @default {false}
   */
  allowRollback?: boolean | readonly string[];
  /** The root that the list must descend from, for a host that has never seen the list. */
  pinnedRoot?: RootReference;
}

/** Holds the options of a trust list in one form. */
export interface TrustListSettings {
  /** The path of the list. */
  readonly file: string;
  /** What opens it. */
  readonly secret: SealSecret;
  /** Reads what opens it again, where that is in a file. */
  readonly readSecret: () => Promise<SealSecret>;
  /** The option of the command line that names the same file, and the file; empty without one. */
  readonly secretOption: readonly string[];
  /** What may go back to older versions. */
  readonly allowRollback: boolean | readonly string[];
  /** The root that it must descend from. */
  readonly pinnedRoot: RootReference | undefined;
}

const KEY_BYTES = 32;
const SECRETS = ["passphraseFile", "keyFile", "passphrase", "key"] as const;
const KNOWN: ReadonlySet<string> = new Set(["file", "allowRollback", "pinnedRoot", ...SECRETS]);

/**
 * Checks the options of a trust list, and reads what opens it.
 *
 * @throws {TypeError} when an option is unknown or of the wrong type.
 * @throws {SallyportError} `bad-config` unless there is exactly one secret, and it can be read.
 */
export async function parseTrustListOptions(
  options: TrustListOptions,
  logger: Logger = silentLogger,
): Promise<TrustListSettings> {
  if (typeof options !== "object" || options === null || options instanceof URL) {
    throw new TypeError(
      "Cannot open the host: trustList must be { file, passphraseFile | keyFile }",
    );
  }
  const others = Object.entries(options).filter(([name]) => !KNOWN.has(name));
  refuseUnknown(Object.fromEntries(others), "trustList.");
  const { allowRollback = false, pinnedRoot } = options;
  const names = Array.isArray(allowRollback) && allowRollback.every((it) => typeof it === "string");
  if (typeof allowRollback !== "boolean" && !names) {
    throw new TypeError(
      "Cannot open the host: trustList.allowRollback must be a boolean or names of plugins",
    );
  }
  if (pinnedRoot !== undefined && !isRootReference(pinnedRoot)) {
    throw new TypeError(
      "Cannot open the host: trustList.pinnedRoot must be { version, hash } with 128 hex digits",
    );
  }
  const again = secretReader(options);
  const file = resolve(toPath(options.file));
  warnOpenToOthers(logger, "the trust list", findOpenToOthers(file));
  return {
    file, // it is read again later, wherever the process is then
    secret: await again(),
    readSecret: again,
    secretOption: options.keyFile !== undefined
      ? ["--key-file", resolve(toPath(options.keyFile))]
      : options.passphraseFile !== undefined
      ? ["--passphrase-file", resolve(toPath(options.passphraseFile))]
      : [],
    allowRollback,
    pinnedRoot,
  };
}

function secretReader(options: TrustListOptions): () => Promise<SealSecret> {
  const given = SECRETS.filter((name) => options[name] !== undefined);
  if (given.length !== 1) {
    const what = given.length === 0 ? "nothing opens it" : `${given.join(" and ")} are both given`;
    throw new SallyportError("bad-config", `Cannot use the trust list: ${what}`, {
      hint: "Pass exactly one of passphraseFile, keyFile, passphrase and key",
    });
  }
  const { passphraseFile, keyFile, passphrase, key } = options;
  if (passphraseFile !== undefined) {
    const path = resolve(toPath(passphraseFile));
    return async () => ({ passphrase: await readPassphraseFile(path) });
  }
  if (keyFile !== undefined) {
    const path = resolve(toPath(keyFile));
    return async () => ({ key: await readKeyFile(path) });
  }
  if (
    passphrase !== undefined ? typeof passphrase !== "string" || passphrase === "" : !isKey(key)
  ) {
    throw new TypeError(
      "Cannot open the host: trustList.passphrase must be a text, trustList.key 32 bytes",
    );
  }
  const secret = passphrase !== undefined ? { passphrase } : { key: key!.slice() };
  return () => Promise.resolve(secret);
}

function isKey(key: unknown): boolean {
  return key instanceof Uint8Array && key.length === KEY_BYTES;
}

function isRootReference(root: RootReference): boolean {
  return typeof root === "object" && Number.isSafeInteger(root.version) && root.version >= 1 &&
    /^[0-9a-f]{128}$/.test(root.hash);
}
