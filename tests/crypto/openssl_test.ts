// Both ways with `openssl`, the tool that users check keys and signatures with.
import assert from "node:assert/strict";
import { sha3_512Hex } from "../../src/crypto/digest.ts";
import { generateKeyPair, getPublicKey, sign, verify } from "../../src/crypto/ed25519.ts";
import {
  decodePrivateKeyPem,
  decodePublicKeyPem,
  encodePrivateKeyPem,
  encodePublicKeyPem,
} from "../../src/crypto/pem.ts";
import { assertThrowsWithCode } from "../helpers/assert_code.ts";

const MESSAGE = new TextEncoder().encode("a statement, signed twice\n");

async function openssl(folder: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("openssl", { args, cwd: folder })
    .output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`openssl ${args.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

async function hasOpenssl(): Promise<boolean> {
  try {
    const algorithms = await openssl(".", "list", "-public-key-algorithms");
    return algorithms.includes("ED25519");
  } catch {
    return false;
  }
}

const ignore = !await hasOpenssl();

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await act(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: "keys that openssl makes are read, and its signatures verify",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await openssl(folder, "genpkey", "-algorithm", "ed25519", "-out", "a.key");
      await openssl(folder, "pkey", "-in", "a.key", "-pubout", "-out", "a.pub");
      await Deno.writeFile(`${folder}/message`, MESSAGE);
      const args = ["-inkey", "a.key", "-rawin", "-in", "message", "-out", "signature"];
      await openssl(folder, "pkeyutl", "-sign", ...args);
      const privateText = await Deno.readTextFile(`${folder}/a.key`);
      const publicText = await Deno.readTextFile(`${folder}/a.pub`);
      const seed = decodePrivateKeyPem(privateText);
      const key = decodePublicKeyPem(publicText);
      assert.deepEqual(await getPublicKey(seed), key);
      assert.equal(encodePrivateKeyPem(seed), privateText);
      assert.equal(encodePublicKeyPem(key), publicText);
      const signature = await Deno.readFile(`${folder}/signature`);
      assert.equal(await verify(signature, MESSAGE, key), true);
      assert.deepEqual(await sign(MESSAGE, seed), new Uint8Array(signature));
    }),
});

Deno.test({
  name: "keys that we write are read by openssl, and it verifies our signatures",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const { privateKey, publicKey } = await generateKeyPair();
      await Deno.writeTextFile(`${folder}/b.key`, encodePrivateKeyPem(privateKey));
      await Deno.writeTextFile(`${folder}/b.pub`, encodePublicKeyPem(publicKey));
      assert.equal(
        await openssl(folder, "pkey", "-in", "b.key"),
        encodePrivateKeyPem(privateKey),
      );
      assert.equal(
        await openssl(folder, "pkey", "-in", "b.key", "-pubout"),
        encodePublicKeyPem(publicKey),
      );
      const text = await openssl(folder, "pkey", "-pubin", "-in", "b.pub", "-noout", "-text");
      assert.equal(text.replace(/^.*pub:|[\s:]/gs, ""), publicKey.toHex());
      await Deno.writeFile(`${folder}/message`, MESSAGE);
      await Deno.writeFile(`${folder}/signature`, await sign(MESSAGE, privateKey));
      const args = ["-pubin", "-inkey", "b.pub", "-rawin", "-in", "message"];
      const verified = await openssl(
        folder,
        ...["pkeyutl", "-verify", ...args, "-sigfile", "signature"],
      );
      assert.match(verified, /Verified Successfully/);
      await Deno.writeFile(`${folder}/signature`, await sign(MESSAGE.slice(1), privateKey));
      await assert.rejects(
        openssl(folder, "pkeyutl", "-verify", ...args, "-sigfile", "signature"),
      );
    }),
});

Deno.test({
  name: "other kinds of keys that openssl makes are refused by name",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const kinds: [string[], RegExp][] = [
        [["-algorithm", "X25519"], /it is an X25519 key/],
        [["-algorithm", "ED448"], /it is an Ed448 key/],
        [["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], /it is an EC key/],
        [["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], /it is an RSA key/],
        [["-algorithm", "ed25519", "-aes256", "-pass", "pass:word"], /it is an encrypted private/],
      ];
      for (const [args, message] of kinds) {
        await openssl(folder, "genpkey", ...args, "-out", "c.key");
        const text = await Deno.readTextFile(`${folder}/c.key`);
        assertThrowsWithCode(() => decodePrivateKeyPem(text), "bad-config", message);
        if (args.includes("-aes256")) continue;
        const publicText = await openssl(folder, "pkey", "-in", "c.key", "-pubout");
        assertThrowsWithCode(() => decodePublicKeyPem(publicText), "bad-config", message);
      }
    }),
});

Deno.test({
  name: "sha3_512Hex() gives what openssl dgst -sha3-512 gives",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await Deno.writeFile(`${folder}/message`, MESSAGE);
      const line = await openssl(folder, "dgst", "-sha3-512", "-r", "message");
      assert.equal(line.split(" ")[0], sha3_512Hex(MESSAGE));
    }),
});
