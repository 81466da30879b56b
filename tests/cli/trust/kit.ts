import { type Scratch, scratch, writeBundle } from "../bundles.ts";
import { document, done, inProcess, type Outcome } from "../sallyport.ts";

/** A trust list that a key file opens, in a folder of its own. */
export interface TrustKit extends Scratch {
  /** The list. */
  readonly file: string;
  /** The options that open it. */
  readonly secret: readonly string[];
  /** Runs `trust COMMAND FILE … --json` with its secret. */
  trust(command: string, ...args: string[]): Promise<Outcome>;
  /** Runs it and gives its one document. */
  // deno-lint-ignore no-explicit-any
  ok(command: string, ...args: string[]): Promise<any>;
  /** Makes a key pair and gives its files and id. */
  key(name: string): Promise<{ key: string; pub: string; id: string; hex: string }>;
  /** Writes a bundle, signs it, and gives its folder. */
  bundle(manifest: Record<string, unknown>, ...keys: string[]): Promise<string>;
}

/** Makes a list with `trust init`. */
export async function trustKit(...initArgs: string[]): Promise<TrustKit> {
  const dir = await scratch();
  const file = `${dir.path}/trust.list`;
  const secret = ["--key-file", `${dir.path}/list.key`];
  const trust = (command: string, ...args: string[]) =>
    inProcess(["trust", command, file, ...args, ...secret, "--json"]);
  done(await inProcess(["trust", "init", file, "--new-key-file", secret[1]!, ...initArgs]));
  return {
    path: dir.path,
    file,
    secret,
    trust,
    ok: async (...args) => document(await trust(...args)),
    async key(name) {
      const outcome = await inProcess(["keygen", name, "--dir", `${dir.path}/keys`, "--json"]);
      const { privateKeyFile: key, publicKeyFile: pub, keyId: id, publicKey: hex } = document(
        outcome,
      );
      return { key, pub, id, hex };
    },
    async bundle(manifest, ...keys) {
      const bundle = await writeBundle(dir.path, manifest);
      if (keys.length > 0) {
        done(await inProcess(["sign", bundle, ...keys.flatMap((key) => ["--key", key])]));
      }
      return bundle;
    },
    [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose](),
  };
}
