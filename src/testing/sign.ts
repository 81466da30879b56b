// Signs a copy of a bundle with a throw-away key.
import { encodeHex } from "@std/encoding/hex";
import { signBundle } from "../bundle/signing/signing.ts";
import type { Manifest } from "../bundle/manifest/manifest_schema.ts";
import { generateKeyPair, getPublicKey } from "../crypto/ed25519.ts";
import { asOwn } from "../io/system_error.ts";
import { toPath } from "../host/settings/config_files.ts";

/**
 * Options of {@linkcode signForTest}.
 *
 * @category Testing
 */
export interface SignForTestOptions {
  /** The private key to sign with, 32 bytes. By default a new one. */
  privateKey?: Uint8Array;
  /** From when on the signature no longer holds. By default never. */
  expiresAt?: Date;
}

/**
 * Holds a signed copy of a bundle; dispose it to remove the copy.
 *
 * @category Testing
 */
export interface SignedForTest extends AsyncDisposable {
  /** The folder of the copy. */
  readonly dir: string;
  /** The plugin's manifest. */
  readonly manifest: Manifest;
  /** The public key that it is signed with, 64 hex digits, as `PluginHost.open` takes it in `keys`. */
  readonly publicKey: string;
  /** The id of that key. */
  readonly keyId: string;
  /** The bundle hash. */
  readonly bundleHash: string;
}

/**
 * Copies a bundle to a temporary folder and signs the copy; the bundle itself is not touched.
 *
 * @category Testing
 * @param dir The bundle; its signatures and what `.sallyportignore` names are left out of the copy.
 * @param options The key, and when the signature expires.
 * @returns The copy.
 * @throws {SallyportError} `bundle-invalid` or `manifest-invalid` when it is not a bundle.
 *
 * @example
 * ```ts
 * import { PluginHost } from "@sallyport/host";
 * import { signForTest } from "@sallyport/host/testing";
 *
 * await using signed = await signForTest("plugins/word-count");
 * await using host = await PluginHost.open({
 *   keys: [signed.publicKey],
 *   policy: { default: { grant: { hooks: ["*"] } } },
 * });
 * await host.load(signed.dir);
 * ```
 */
export async function signForTest(
  dir: string | URL,
  options: SignForTestOptions = {},
): Promise<SignedForTest> {
  return await asOwn("sign a copy of the bundle", () => signCopy(toPath(dir), options));
}

async function signCopy(dir: string, options: SignForTestOptions): Promise<SignedForTest> {
  const { privateKey = (await generateKeyPair()).privateKey, expiresAt } = options;
  const copy = await Deno.realPath(await Deno.makeTempDir({ prefix: "sallyport-signed-" }));
  const remove = () =>
    asOwn("remove the copy of the bundle", () => Deno.remove(copy, { recursive: true }));
  try {
    const { keyIds, bundleHash, manifest } = await signBundle(dir, [privateKey], {
      expiresAt,
      out: copy,
    });
    return {
      dir: copy,
      manifest,
      publicKey: encodeHex(await getPublicKey(privateKey)),
      keyId: keyIds[0]!,
      bundleHash,
      [Symbol.asyncDispose]: once(remove),
    };
  } catch (error) {
    await remove().catch(() => {}); // why it could not be made tells more
    throw error;
  }
}

function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => done ??= act();
}
