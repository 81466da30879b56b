/**
 * `sallyport keygen`: makes a key for signing plugins.
 *
 * @module
 */
import { encodeHex } from "@std/encoding/hex";
import type { Command } from "commander";
import { generateKeyPair, keyId } from "../crypto/ed25519.ts";
import { encodePrivateKeyPem, encodePublicKeyPem } from "../crypto/pem.ts";
import { escapeText } from "../errors.ts";
import type { CliContext } from "./command.ts";
import { UsageError } from "./failure.ts";
import { writeKeyFiles } from "./key_files.ts";
import { columns } from "./output.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Adds the command. */
export function addKeygen(program: Command, context: CliContext): void {
  program.command("keygen")
    .description("make an Ed25519 key pair: NAME.key (private) and NAME.pub")
    .argument("<name>", "the name of the key")
    .option("--dir <dir>", "where to write the files", "keys")
    .option("--force", "replace files that are there")
    .action((name: string, options: { dir: string; force?: boolean }) =>
      keygen(name, options, context)
    );
}

async function keygen(
  name: string,
  options: { dir: string; force?: boolean },
  { output }: CliContext,
): Promise<void> {
  if (!NAME.test(name)) {
    throw new UsageError(
      `Cannot use "${name}" as the name of a key`,
      "Use at most 64 letters, digits, dots, _ and -, the first a letter or digit; --dir names the folder",
    );
  }
  const pair = await generateKeyPair();
  const dir = options.dir.replace(/(?<=.)\/+$/, "");
  const privateKeyFile = `${dir}/${name}.key`;
  const publicKeyFile = `${dir}/${name}.pub`;
  await writeKeyFiles({
    dir,
    privateKey: { path: privateKeyFile, text: encodePrivateKeyPem(pair.privateKey) },
    publicKey: { path: publicKeyFile, text: encodePublicKeyPem(pair.publicKey) },
    force: options.force === true,
  });
  const id = keyId(pair.publicKey);
  const publicKey = encodeHex(pair.publicKey);
  output.result({ name, keyId: id, publicKey, privateKeyFile, publicKeyFile }, () => [
    `Made key ${output.style("bold", escapeText(name))}`,
    ...columns([
      ["key id", id],
      ["public key", publicKey],
      ["private", `${escapeText(privateKeyFile)} (whoever has it signs as you)`],
      ["public", `${escapeText(publicKeyFile)} (give it to those who shall trust you)`],
    ]),
  ]);
}
