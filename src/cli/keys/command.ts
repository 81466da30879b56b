// `sallyport keygen`: makes a key for signing plugins.
import { encodeHex } from "@std/encoding/hex";
import type { Command } from "commander";
import { generateKeyPair, keyId } from "../../crypto/ed25519.ts";
import { encodePrivateKeyPem, encodePublicKeyPem } from "../../crypto/pem.ts";
import { encodeSealedKeyPem } from "../../crypto/sealed_key.ts";
import { escapeText } from "../../errors.ts";
import type { CliContext } from "../shared/context.ts";
import { UsageError } from "../terminal/failure.ts";
import { writeKeyFiles } from "./key_files.ts";
import { columns } from "../terminal/layout.ts";
import { warnIfChangeable, withoutSlash } from "../shared/files.ts";
import { readNewSecret } from "../shared/secrets.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

interface KeygenOptions {
  dir: string;
  force?: boolean;
  seal?: boolean;
  passphraseFile?: string;
}

export function addKeygen(program: Command, context: CliContext): void {
  program.command("keygen")
    .description("make an Ed25519 key pair: NAME.key (private) and NAME.pub")
    .argument("<name>", "the name of the key")
    .option("--dir <dir>", "where to write the files", "keys")
    .option("--seal", "seal the private key with a passphrase")
    .option("--passphrase-file <file>", "the file with that passphrase (none: asked for)")
    .option("--force", "replace files that are there")
    .action((name: string, options: KeygenOptions) => keygen(name, options, context));
}

async function keygen(name: string, options: KeygenOptions, context: CliContext): Promise<void> {
  if (!NAME.test(name)) {
    throw new UsageError(
      `Cannot use "${name}" as the name of a key`,
      "Use at most 64 letters, digits, dots, _ and -, the first a letter or digit; --dir names the folder",
    );
  }
  const { output } = context;
  const { seal = false, passphraseFile } = options;
  if (!seal && passphraseFile !== undefined) {
    throw new UsageError("Cannot use --passphrase-file without --seal", "Pass --seal as well");
  }
  const dir = withoutSlash(options.dir);
  const privateKeyFile = `${dir}/${name}.key`;
  const publicKeyFile = `${dir}/${name}.pub`;
  const secret = seal
    ? await readNewSecret({ passphraseFile }, context, `"${privateKeyFile}"`, "--passphrase-file")
    : undefined;
  const pair = await generateKeyPair();
  const text = secret === undefined
    ? encodePrivateKeyPem(pair.privateKey)
    : await encodeSealedKeyPem(pair.privateKey, secret);
  await writeKeyFiles(
    dir,
    { path: privateKeyFile, text },
    { path: publicKeyFile, text: encodePublicKeyPem(pair.publicKey) },
    options.force === true,
  );
  warnIfChangeable(privateKeyFile, "the private key", output);
  const id = keyId(pair.publicKey);
  const publicKey = encodeHex(pair.publicKey);
  output.result({ name, keyId: id, publicKey, privateKeyFile, publicKeyFile, sealed: seal }, () => [
    `Made key ${output.style("bold", escapeText(name))}`,
    ...columns([
      ["key id", id],
      ["public key", publicKey],
      [
        "private",
        `${escapeText(privateKeyFile)} (signs as you${seal ? ", with its passphrase" : ""})`,
      ],
      ["public", `${escapeText(publicKeyFile)} (for those who are to trust you)`],
    ]),
  ]);
}
