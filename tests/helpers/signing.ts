import { encodeHex } from "@std/encoding/hex";
import { signBundle, type SignBundleOptions } from "../../src/bundle/signing/signing.ts";
import { removeTree } from "../../src/io/remove_tree.ts";
import { generateKeyPair } from "../../src/crypto/ed25519.ts";
import { parsePublicKey, type PublicKey } from "../../src/trust/keys/keys.ts";

/** A key pair with the forms that tests need. */
export interface TestKeys {
  /** The private key. */
  readonly seed: Uint8Array;
  /** The public key as a trust anchor. */
  readonly publicKey: PublicKey;
  /** The public key as 64 hex digits. */
  readonly hex: string;
  /** The key id. */
  readonly id: string;
}

/** Makes a new key pair. */
export async function makeKeys(name?: string): Promise<TestKeys> {
  const { privateKey, publicKey: raw } = await generateKeyPair();
  const hex = encodeHex(raw);
  const publicKey = parsePublicKey(hex, name);
  return { seed: privateKey, publicKey, hex, id: publicKey.id };
}

/** A temporary folder that goes with its scope, read-only contents included. */
export interface TempDir extends AsyncDisposable {
  /** The real path. */
  readonly path: string;
  /** Joins a relative path to it. */
  join(...segments: string[]): string;
}

/** Makes a temporary folder: `await using dir = await tempDir()`. */
export async function tempDir(): Promise<TempDir> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-test-" }));
  return {
    path,
    join: (...segments) => [path, ...segments].join("/"),
    [Symbol.asyncDispose]: () => removeTree(path),
  };
}

/** The content of one file: text, or bytes. */
export type FileContent = string | Uint8Array;

/** A manifest with whatever fields a test wants; name, version and entry are filled in. */
export type ManifestFields = Record<string, unknown>;

/**
 * Writes an unsigned bundle and gives its folder.
 *
 * @param dir The folder to make; parents are made too.
 * @param files Contents by bundle path; without `main.ts` a small one is added.
 * @param manifest Fields laid over `{ name: "sample", version: "1.0.0", entry: "main.ts" }`.
 */
export async function makeBundle(
  dir: string,
  files: Readonly<Record<string, FileContent>> = {},
  manifest: ManifestFields = {},
): Promise<string> {
  const whole = { name: "sample", version: "1.0.0", entry: "main.ts", ...manifest };
  const all: Record<string, FileContent> = {
    "plugin.json": JSON.stringify(whole, null, 2),
    "main.ts": "export default { methods: { ping: () => 'pong' } };\n",
    ...files,
  };
  await Deno.mkdir(dir, { recursive: true });
  for (const [path, content] of Object.entries(all)) {
    const slash = path.lastIndexOf("/");
    if (slash !== -1) await Deno.mkdir(`${dir}/${path.slice(0, slash)}`, { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(`${dir}/${path}`, content);
    else await Deno.writeFile(`${dir}/${path}`, content);
  }
  return dir;
}

/** Signs a bundle with one or more keys, and gives its bundle hash. */
export async function signDir(
  dir: string,
  keys: TestKeys | readonly TestKeys[],
  options: SignBundleOptions = {},
): Promise<string> {
  const seeds = (Array.isArray(keys) ? keys : [keys]).map((key: TestKeys) => key.seed);
  return (await signBundle(dir, seeds, options)).bundleHash;
}
